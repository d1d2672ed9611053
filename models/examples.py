"""The examples that models learn from and are scored on: one decision at the start of each session, in flat arrays.

A decision is a session that had at least one candidate and at least one counted play (60 seconds or more). Its
candidates are the shows that the member played in the last D days, those the row leaves out as well. Everything about
a decision is what was known before the session's first counted play began; what was played is only in `first_show`
and `played`.

Rows of one decision stand together: those of decision d are `offsets[d]:offsets[d + 1]`. Members, shows and titles are
numbers into vocabularies, so that a million sessions fit in memory and a subset copies no strings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models import matrix
from streams import features
from streams.counting import pair_hash
from streams.facts import FACT_COLUMNS
from streams.features.batch import CARD_FIELDS, DECISION_FIELDS
from streams.population import Population
from streams.show import STAT_COLUMNS, TIME_COLUMNS

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

MATRIX_DECISIONS = 20_000  # decisions whose features are computed at once: bounds the intermediate columns


def household_of(member_id: str) -> str:
    """The text before the last `/`: profiles of one household share it. Without a `/`, the member itself."""
    return member_id.rpartition("/")[0] or member_id


@dataclass(frozen=True, slots=True)
class Plays:
    """Every counted viewing of a log, v rows: what statistics of shows and titles over members are made from.

    One row per session and title that was watched for 60 seconds or more, by start time within a member.
    """

    members: Texts  # (members,) vocabulary
    shows: Texts  # (shows,) vocabulary
    titles: Texts  # (titles,) vocabulary
    member: Ints  # (v,) into members
    show: Ints  # (v,) into shows
    title: Ints  # (v,) into titles
    session: Ints  # (v,) number of the session within its member, rising in time
    season: Ints  # (v,) -1 where the event had none
    episode: Ints  # (v,) -1 where the event had none
    ts: Longs  # (v,) start, ms since the epoch, UTC
    watched_s: Floats  # (v,) seconds played
    stop_s: Floats  # (v,) position where watching stopped, seconds
    duration_s: Floats  # (v,) runtime that the client told, seconds; NaN where it told none
    completed: Bools  # (v,) the fold counted the title as finished when this viewing ended

    def __len__(self) -> int:
        return len(self.ts)

    def select(self, mask: Bools) -> Self:
        """The viewings where `mask` (v,) is true; the vocabularies stay as they are."""
        return replace(self, **{name: getattr(self, name)[mask] for name in _PLAY_ROWS})

    def households(self) -> Texts:
        """(v,) the household of each viewing."""
        return _households(self.members)[self.member]

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """One table of several, in their order, with joint vocabularies. Raises ValueError where there are none."""
        vocabularies, codes = _join_vocabularies(parts, {"members": "member", "shows": "show", "titles": "title"})
        rest = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _PLAY_ROWS if name not in codes}
        return cls(**vocabularies, **codes, **rest)


_PLAY_ROWS = (
    "member",
    "show",
    "title",
    "session",
    "season",
    "episode",
    "ts",
    "watched_s",
    "stop_s",
    "duration_s",
    "completed",
)


@dataclass(frozen=True, slots=True)
class Examples:
    """m decisions with n candidates in all, as streams.features.Batch holds them.

    What is kept is what features are computed from, not the features: some of them need statistics over members, and
    these must come from the training households of each fold alone. `matrices` computes them.
    """

    members: Texts  # (members,) vocabulary
    shows: Texts  # (shows,) vocabulary
    titles: Texts  # (titles,) vocabulary

    member: Ints  # (m,) into members
    session_id: Texts  # (m,)
    ts: Longs  # (m,) start of the session's first counted play, ms since the epoch, UTC
    history: Ints  # (m,) counted plays of the member before this session
    first_show: Ints  # (m,) into shows: the show of the first counted play
    facts: Doubles  # (m, member.FACT_COLUMNS) as in Batch
    context: Doubles  # (m, len(DECISION_FIELDS)) as in Batch

    show: Ints  # (n,) into shows, in recency order within a decision
    title: Ints  # (n,) into titles: the place's title; -1 where the show has none
    in_row: Bools  # (n,) the row would show it
    times: Longs  # (n, show.TIME_COLUMNS) as in Batch
    stats: Floats  # (n, show.STAT_COLUMNS) as in Batch
    cards: Doubles  # (n, len(CARD_FIELDS)) as in Batch

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def sizes(self) -> Longs:
        """(m,) candidates of each decision, at least one."""
        return self.context[:, DECISION_FIELDS.index("candidates")].astype(np.int64)

    @property
    def offsets(self) -> Longs:
        """(m + 1,) where the candidates of each decision begin."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.sizes)])

    @property
    def device(self) -> Longs:
        """(m,) into streams.events.DEVICES."""
        return self.context[:, DECISION_FIELDS.index("device")].astype(np.int64)

    @property
    def hour(self) -> Longs:
        """(m,) 0 to 23, in the member's time zone."""
        return self.context[:, DECISION_FIELDS.index("hour")].astype(np.int64)

    @property
    def recency_rank(self) -> Longs:
        """(n,) 1 for the show played last."""
        return np.arange(len(self.show)) - np.repeat(self.offsets[:-1], self.sizes) + 1

    @property
    def decision(self) -> Longs:
        """(n,) the decision of each candidate."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.sizes)

    @property
    def played(self) -> Bools:
        """(n,) the session's first counted play was of this show."""
        return np.equal(self.show, np.repeat(self.first_show, self.sizes))

    @property
    def continued(self) -> Bools:
        """(m,) the session's first counted play was of any candidate."""
        if not len(self):
            return np.zeros(0, np.bool_)
        return np.logical_or.reduceat(self.played, self.offsets[:-1])

    def households(self) -> Texts:
        """(m,) the household of each decision."""
        return _households(self.members)[self.member]

    def select(self, decisions: Bools) -> Self:
        """The decisions where the mask (m,) is true, with their candidates; vocabularies stay as they are."""
        rows = np.repeat(decisions, self.sizes)
        chosen: dict[str, Any] = {name: getattr(self, name)[decisions] for name in _DECISION_ROWS}
        chosen |= {name: getattr(self, name)[rows] for name in _CANDIDATE_ROWS}
        return replace(self, **chosen)

    def matrices(self, population: Population) -> tuple[Floats, Floats]:
        """X float32 (n, F) and C float32 (m, G), with the given statistics over members; a few at a time.

        A large X is an OnDisk (models/matrix.py).
        """
        X = matrix.empty(len(self.show), len(features.NAMES))
        C = np.empty((len(self), len(features.CONTEXT_NAMES)), np.float32)
        show_rows = population.show_rows(self.shows.tolist())
        # The last place answers for -1, no title.
        title_rows = np.append(population.title_rows(self.titles.tolist()), population.title_rows([None]))
        vector_rows = population.vectors.rows(self.shows.tolist())
        hashes = np.array([pair_hash(show_id) for show_id in self.shows.tolist()], dtype=np.float64)
        offsets = self.offsets
        for first in range(0, len(self), MATRIX_DECISIONS):
            last = min(first + MATRIX_DECISIONS, len(self))
            rows = slice(offsets[first], offsets[last])
            batch = features.Batch(
                times=np.asarray(self.times[rows]),
                stats=np.asarray(self.stats[rows]),
                facts=np.asarray(self.facts[first:last]),
                context=self.context[first:last],
                cards=np.asarray(self.cards[rows]),
                show_rows=show_rows[self.show[rows]],
                title_rows=title_rows[self.title[rows]],
                vector_rows=vector_rows[self.show[rows]],
                show_hashes=hashes[self.show[rows]],
                population=population,
            )
            X[rows] = features.candidate_matrix(batch)
            C[first:last] = features.context_matrix(batch)
        return X, C

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """One table of several, in their order, with joint vocabularies. Raises ValueError where there are none."""
        names = {"members": "member", "shows": "show", "titles": "title"}
        vocabularies, codes = _join_vocabularies(parts, names)
        first_show = [_positions(vocabularies["shows"], part.shows)[part.first_show] for part in parts]
        codes["first_show"] = np.concatenate(first_show).astype(np.int32)
        rest = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (*_DECISION_ROWS, *_CANDIDATE_ROWS)
            if name not in codes and name not in _WIDE
        }
        rows = {"facts": len(codes["member"])} | dict.fromkeys(("times", "stats", "cards"), len(codes["show"]))
        for name, (columns, dtype) in _WIDE.items():
            nbytes = rows[name] * columns * np.dtype(dtype).itemsize
            rest[name] = matrix.concatenate((partial(getattr, part, name) for part in parts), nbytes)
        return cls(**vocabularies, **codes, **rest)


_DECISION_ROWS = ("member", "session_id", "ts", "history", "first_show", "facts", "context")
_CANDIDATE_ROWS = ("show", "title", "in_row", "times", "stats", "cards")
# What makes up nearly all of a table. Of a large one it is in a file (models/matrix.py), and read as it is needed.
_WIDE: dict[str, tuple[int, Any]] = {
    "facts": (FACT_COLUMNS, np.float64),
    "times": (TIME_COLUMNS, np.int64),
    "stats": (STAT_COLUMNS, np.float32),
    "cards": (len(CARD_FIELDS), np.float64),
}


class Stored:
    """A table in a file, one array behind the other; as an attribute, each is read when it is asked for."""

    def __init__(self, table: Examples | Plays, path: Path) -> None:
        self.path = path
        self.starts: dict[str, int] = {}
        with path.open("wb") as file:
            for field in fields(table):
                self.starts[field.name] = file.tell()
                np.save(file, getattr(table, field.name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.starts:
            raise AttributeError(name)
        with self.path.open("rb") as file:
            file.seek(self.starts[name])
            return np.load(file, allow_pickle=False)


def _households(members: Texts) -> Texts:
    return np.array([household_of(member) for member in members.tolist()], dtype=np.str_)


def _join_vocabularies(parts: Sequence[Any], names: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Vocabularies of all parts as one each, and the rows' numbers in them; -1 stays -1."""
    vocabularies: dict[str, Any] = {}
    codes: dict[str, Any] = {}
    for vocabulary, column in names.items():
        joint = np.unique(np.concatenate([getattr(part, vocabulary) for part in parts]))
        renumbered = []
        for part in parts:
            # The last place answers for -1.
            mapping = np.append(_positions(joint, getattr(part, vocabulary)), -1)
            renumbered.append(mapping[getattr(part, column)])
        vocabularies[vocabulary] = joint
        codes[column] = np.concatenate(renumbered).astype(np.int32)
    return vocabularies, codes


def _positions(joint: Texts, own: Texts) -> Longs:
    return np.searchsorted(joint, own).astype(np.int64)
