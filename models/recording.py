"""Watches folds and writes down their decisions and viewings: models.examples, member by member."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.examples import Examples, Plays
from streams import facts as f
from streams import population
from streams.catalog import Catalog
from streams.device import COUNTED_AFTER_S, Device, Play
from streams.events import PLAYBACK_TYPES, Event
from streams.features import Gatherer
from streams.features.batch import DECISION_FIELDS
from streams.member import MemberState
from streams.place import FINISHED_SHARE
from streams.profiles import NO_PROFILE, Profile
from streams.show import Show

FLUSH_DECISIONS: Final = 1_000  # decisions held as objects before they become arrays

_CANDIDATES: Final = DECISION_FIELDS.index("candidates")


@dataclass(slots=True)
class _Decision:
    """A session that has begun; `first` is its first counted play, None until there is one."""

    session_id: str
    history: int
    shows: list[str]
    titles: list[str | None]
    in_row: list[bool]
    first: tuple[str, int] | None = None  # show, start in ms


@dataclass(slots=True)
class _Viewing:
    """All that a session played of one title."""

    show_id: str
    title_id: str
    session: int
    season: int | None
    episode: int | None
    ts: int
    watched_s: float = 0.0
    stop_s: float = 0.0
    duration_s: float = 0.0
    completed: bool = False


@dataclass(slots=True)
class _Playing:
    play: Play
    viewing: _Viewing


class Recorder:
    """The observer of many members' folds, one member after the other.

    A decision is taken where the fold opens a session. Where a session id turns up on a second device before anything
    counted on the first (a session that moved), the decision is the later one's; afterwards it is no new decision.
    """

    def __init__(self, candidate_days: int, catalog: Catalog) -> None:
        self._catalog = catalog
        self._gatherer = Gatherer(candidate_days, catalog)
        self._texts: dict[str, dict[str, int]] = {"members": {}, "shows": {}, "titles": {}}
        self._decisions: list[_Decision] = []  # in the gatherer's order
        self._owners: list[int] = []
        self._parts: list[dict[str, Any]] = []
        self._plays: list[tuple[Any, ...]] = []
        self._begin("", NO_PROFILE)

    def _begin(self, member_id: str, profile: Profile) -> None:
        self._member_id = member_id
        self._profile = profile
        self._sessions: dict[str, _Decision] = {}  # of this member, by session id
        self._session_numbers: dict[str, int] = {}  # by device id
        self._playing: dict[str, _Playing] = {}  # by device id
        self._viewings: dict[tuple[int, str], _Viewing] = {}

    # --- what the fold tells

    def session_opened(self, state: MemberState, device: Device, event: Event) -> None:
        """Takes the decision, from the state before anything of the session was applied."""
        self._session_numbers[device.device_id] = int(state.facts[f.SESSIONS])
        earlier = self._sessions.get(device.session_id)
        if earlier is not None and earlier.first is not None:
            return
        # Of the worker's row for this event, the moment: the member's newest event, which this one may not be.
        now_ms = max(int(state.facts[f.LAST_ACTIVITY]), event["ts"])
        candidates = self._gatherer.add(state, device, now_ms, self._profile)
        decision = _Decision(
            device.session_id,
            int(state.facts[f.PLAYS]),
            [candidate.show.show_id for candidate in candidates],
            [candidate.show.title_id for candidate in candidates],
            [candidate.card.reason is not None for candidate in candidates],
        )
        self._decisions.append(decision)
        self._owners.append(self._number("members", self._member_id))
        self._sessions[device.session_id] = decision

    def first_play(self, state: MemberState, device: Device, show: Show, play: Play) -> None:
        """Notes what the session played first."""
        decision = self._sessions.get(device.session_id)
        if decision is not None and decision.first is None:
            decision.first = (show.show_id, play.start_ts)

    # --- folding

    def fold(self, member_id: str, events: Iterable[Event], profile: Profile = NO_PROFILE) -> tuple[int, int]:
        """Folds all events of one member, in log order; returns how many were applied, and how many were repeats."""
        self._begin(member_id, profile)
        state = MemberState()
        applied = repeats = 0
        for event in events:
            if not state.apply(event, observer=self).changed:
                repeats += 1
                continue
            applied += 1
            if event["type"] in PLAYBACK_TYPES:
                self._played(state, event)
        if applied:
            self._end()
        return applied, repeats

    def _played(self, state: MemberState, event: Event) -> None:
        """Keeps the viewing up to date that the device plays after this event."""
        device = state.devices[event.get("device_id") or event["device"]]
        play, tracked = device.play, self._playing.get(device.device_id)
        if tracked is not None and tracked.play is not play:
            self._close(tracked)
            tracked = None
            del self._playing[device.device_id]
        if play is None:
            return
        if tracked is None:
            key = (self._session_numbers.get(device.device_id, 0), play.title_id)
            viewing = self._viewings.get(key)
            if viewing is None:
                season, episode = event.get("season"), event.get("episode")
                viewing = _Viewing(play.show_id, play.title_id, key[0], season, episode, play.start_ts)
                self._viewings[key] = viewing
            tracked = self._playing[device.device_id] = _Playing(play, viewing)
        if event["title_id"] == play.title_id and event["ts"] >= play.last_ts:
            tracked.viewing.stop_s = event.get("position_s") or tracked.viewing.stop_s
            tracked.viewing.duration_s = event.get("duration_s") or tracked.viewing.duration_s

    def _close(self, tracked: _Playing) -> None:
        viewing, play = tracked.viewing, tracked.play
        viewing.watched_s += play.watched_s
        title = self._catalog.titles.get(viewing.title_id)
        credits_s = title.credits_s if title is not None else None
        viewing.completed |= (
            play.completed
            or (viewing.duration_s > 0 and viewing.stop_s >= FINISHED_SHARE * viewing.duration_s)
            or (credits_s is not None and 0 < credits_s <= viewing.stop_s)
        )

    def _end(self) -> None:
        for tracked in self._playing.values():
            self._close(tracked)
        member = self._number("members", self._member_id)
        counted = [viewing for viewing in self._viewings.values() if viewing.watched_s >= COUNTED_AFTER_S]
        for viewing in sorted(counted, key=lambda viewing: (viewing.ts, viewing.session, viewing.title_id)):
            self._plays.append(
                (
                    member,
                    self._number("shows", viewing.show_id),
                    self._number("titles", viewing.title_id),
                    viewing.session,
                    -1 if viewing.season is None else viewing.season,
                    -1 if viewing.episode is None else viewing.episode,
                    viewing.ts,
                    viewing.watched_s,
                    viewing.stop_s,
                    viewing.duration_s or np.nan,
                    viewing.completed,
                )
            )
        if len(self._decisions) >= FLUSH_DECISIONS:
            self._flush()

    # --- arrays

    def _flush(self) -> None:
        batch = self._gatherer.batch(population.empty())
        decisions = self._decisions
        kept = np.array([bool(d.shows) and d.first is not None for d in decisions], dtype=np.bool_)
        rows = np.repeat(kept, batch.context[:, _CANDIDATES].astype(np.int64))
        chosen = [(owner, d, d.first) for owner, d in zip(self._owners, decisions, strict=True) if d.shows and d.first]
        number = self._number
        self._parts.append(
            {
                "member": np.array([owner for owner, _, _ in chosen], np.int32),
                "session_id": np.array([d.session_id for _, d, _ in chosen], np.str_),
                "ts": np.array([ts for _, _, (_, ts) in chosen], np.int64),
                "history": np.array([d.history for _, d, _ in chosen], np.int32),
                "first_show": np.array([number("shows", show) for _, _, (show, _) in chosen], np.int32),
                "facts": batch.facts[kept],
                "context": batch.context[kept],
                "show": np.array([number("shows", show) for _, d, _ in chosen for show in d.shows], np.int32),
                "title": np.array(
                    [-1 if t is None else number("titles", t) for _, d, _ in chosen for t in d.titles], np.int32
                ),
                "in_row": np.array([shown for _, d, _ in chosen for shown in d.in_row], np.bool_),
                "times": batch.times[rows],
                "stats": batch.stats[rows],
                "cards": batch.cards[rows],
            }
        )
        self._decisions, self._owners = [], []

    def finish(self) -> tuple[Examples, Plays]:
        """Everything recorded, members in the order they were folded."""
        self._flush()
        texts: dict[str, Any] = {name: np.array(list(numbers), np.str_) for name, numbers in self._texts.items()}
        parts = self._parts
        rows: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        columns = list(zip(*self._plays, strict=True)) or [()] * len(_PLAY_COLUMNS)
        viewings: dict[str, Any] = {
            name: np.array(column, dtype) for (name, dtype), column in zip(_PLAY_COLUMNS, columns, strict=True)
        }
        return Examples(**texts, **rows), Plays(**texts, **viewings)

    @property
    def members(self) -> int:
        """Members folded so far."""
        return len(self._texts["members"])

    def _number(self, vocabulary: str, text: str) -> int:
        numbers = self._texts[vocabulary]
        return numbers.setdefault(text, len(numbers))


_PLAY_COLUMNS: Final[tuple[tuple[str, Any], ...]] = (
    ("member", np.int32),
    ("show", np.int32),
    ("title", np.int32),
    ("session", np.int32),
    ("season", np.int32),
    ("episode", np.int32),
    ("ts", np.int64),
    ("watched_s", np.float32),
    ("stop_s", np.float32),
    ("duration_s", np.float32),
    ("completed", np.bool_),
)
