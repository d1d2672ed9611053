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
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]


def household_of(member_id: str) -> str:
    """The text before the last `/`: profiles of one household share it. Without a `/`, the member itself."""
    return member_id.rpartition("/")[0] or member_id


@dataclass(frozen=True, slots=True)
class Plays:
    """Every counted viewing of a log, v rows: what statistics of shows and titles over members are made from.

    One row per session and title that was watched for 60 seconds or more, in log order within a member.
    """

    members: Texts  # (members,) vocabulary
    shows: Texts  # (shows,) vocabulary
    titles: Texts  # (titles,) vocabulary
    member: Ints  # (v,) into members
    show: Ints  # (v,) into shows
    title: Ints  # (v,) into titles
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

    def save(self, path: Path) -> None:
        """Writes one .npz file."""
        _save(self, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{field.name: stored[field.name] for field in fields(cls)})


_PLAY_ROWS = ("member", "show", "title", "season", "episode", "ts", "watched_s", "stop_s", "duration_s", "completed")


@dataclass(frozen=True, slots=True)
class Examples:
    """m decisions with n candidates in all; F candidate features and G context features (streams.features)."""

    members: Texts  # (members,) vocabulary
    shows: Texts  # (shows,) vocabulary
    titles: Texts  # (titles,) vocabulary

    member: Ints  # (m,) into members
    session_id: Texts  # (m,)
    ts: Longs  # (m,) start of the session's first counted play, ms since the epoch, UTC
    device: NDArray[np.int8]  # (m,) into streams.events.DEVICES
    hour: NDArray[np.int8]  # (m,) 0 to 23, in the member's time zone
    history: Ints  # (m,) counted plays of the member before this session
    C: Floats  # (m, G) context features
    first_show: Ints  # (m,) into shows: the show of the first counted play
    offsets: Longs  # (m + 1,) rows of each decision

    show: Ints  # (n,) into shows
    title: Ints  # (n,) into titles: what would be played, or the last title played; -1 where unknown
    X: Floats  # (n, F) candidate features
    recency_rank: Ints  # (n,) 1 is the show played most recently
    in_row: Bools  # (n,) the row would show it

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def sizes(self) -> Longs:
        """(m,) candidates of each decision, at least one."""
        return np.diff(self.offsets)

    @property
    def decision(self) -> Longs:
        """(n,) the decision of each candidate."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.sizes)

    @property
    def played(self) -> Bools:
        """(n,) the session's first counted play was of this show."""
        return self.show == np.repeat(self.first_show, self.sizes)

    @property
    def continued(self) -> Bools:
        """(m,) the session's first counted play was of any candidate."""
        if not len(self):
            return np.zeros(0, np.bool_)
        return np.asarray(np.logical_or.reduceat(self.played, self.offsets[:-1]), dtype=np.bool_)

    def households(self) -> Texts:
        """(m,) the household of each decision."""
        return _households(self.members)[self.member]

    def select(self, decisions: Bools) -> Self:
        """The decisions where the mask (m,) is true, with their candidates; vocabularies stay as they are."""
        rows = np.repeat(decisions, self.sizes)
        chosen: dict[str, Any] = {name: getattr(self, name)[decisions] for name in _DECISION_ROWS}
        chosen |= {name: getattr(self, name)[rows] for name in _CANDIDATE_ROWS}
        return replace(self, offsets=_offsets(self.sizes[decisions]), **chosen)

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """One table of several, in their order, with joint vocabularies. Raises ValueError where there are none."""
        names = {"members": "member", "shows": "show", "titles": "title"}
        vocabularies, codes = _join_vocabularies(parts, names)
        mappings = [_positions(vocabularies["shows"], part.shows) for part in parts]
        first_show = np.concatenate([m[p.first_show] for m, p in zip(mappings, parts, strict=True)])
        rest = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (*_DECISION_ROWS, *_CANDIDATE_ROWS)
            if name not in codes and name != "first_show"
        }
        offsets = _offsets(np.concatenate([part.sizes for part in parts]))
        return cls(**vocabularies, **codes, first_show=first_show.astype(np.int32), offsets=offsets, **rest)

    def save(self, path: Path) -> None:
        """Writes one .npz file."""
        _save(self, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(**{field.name: stored[field.name] for field in fields(cls)})


_DECISION_ROWS = ("member", "session_id", "ts", "device", "hour", "history", "C", "first_show")
_CANDIDATE_ROWS = ("show", "title", "X", "recency_rank", "in_row")


def _save(table: Plays | Examples, path: Path) -> None:
    arrays = {field.name: getattr(table, field.name) for field in fields(table)}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _households(members: Texts) -> Texts:
    return np.array([household_of(member) for member in members.tolist()], dtype=np.str_)


def _offsets(sizes: Longs) -> Longs:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def _join_vocabularies(
    parts: Sequence[Any], names: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
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
