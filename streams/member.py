"""A member's rolling state and its fold: `apply(event)`. Pure: no Kafka, no clock, no catalogue.

Late events: a playback event older than the newest one of its show moves nothing in that show, so neither the place
nor recency goes back; one that is only older than what its device plays by now moves the place of its show, no more.
Repeats: an event id among the last 512, or an (epoch, offset) not above the last applied, changes nothing.
"""

from array import array
from collections.abc import Callable
from enum import Enum
from hashlib import blake2b
from math import log1p
from typing import Final, Protocol
from zlib import crc32

from streams import show as s
from streams.device import COUNTED_AFTER_S, Device, Play
from streams.events import PLAYBACK_TYPES, Event
from streams.localtime import local_hour
from streams.show import HALF_LIVES_DAYS, HOUR_BINS, MAX_DEVICES, Show

MAX_SHOWS: Final = 128  # the shows longest untouched give way, so that a long history costs no more than a short one
MAX_EVENT_IDS: Final = 512
DAY_MS: Final = 86_400_000
STARTED_S: Final = 120.0
STARTED_SHARE: Final = 0.05
FINISHED_SHARE: Final = 0.9

# facts: float64 columns about the member
(
    FIRST_EVENT,  # ms
    LAST_ACTIVITY,  # ms, newest event
    PREVIOUS_END,  # ms, newest event before the newest session opened; 0 in the first session
    SESSIONS,
    WATCH_SESSIONS,  # sessions with a counted play
    CONTINUED,  # of them, those whose first play was of a show played before
    PLAYS,
    WATCHED_S,
    SHOWS,  # shows ever played
    AUTOPLAYS,
    SEARCHES,
    COMPLETES,
    CONTINUED_FAST,  # exponential mean of `continued`, weight 0.3
    CONTINUED_SLOW,  # weight 0.05
    RECENCY_RIGHT,  # exponential mean, weight 0.1: the first play was the show played last
    DEVICE_RECENCY_RIGHT,  # likewise: the show played last on that device
    SESSION_PLAYS,  # exponential mean of counted plays a session, weight 0.1
    SESSION_GAP_LOG,  # exponential mean of ln(1 + hours between sessions), weight 0.1
    RECENT_SESSIONS,  # sessions with a play, half-life 7 days, as of LAST_COUNTED
    RECENT_DISCOVERIES,  # sessions that opened with a new show, half-life 7 days, as of LAST_COUNTED
    LAST_COUNTED,  # ms, start of the newest counted play
    FILM_PLAYS,
    LAST_WAS_NEW,  # 1 where the last session with a play opened with a new show
    DEVICE_PLAYS,  # + device slot: counted plays there, half-life 90 days, as of LAST_COUNTED
) = range(24)
HOUR_SESSIONS: Final = DEVICE_PLAYS + MAX_DEVICES  # + hour bin: sessions with a play, half-life 90 days
FACT_COLUMNS: Final = HOUR_SESSIONS + HOUR_BINS

_NO_FACTS: Final = bytes(8 * FACT_COLUMNS)
_HALTS: Final = frozenset({"pause", "stop", "complete"})
_TOUCHES: Final = frozenset({"pause", "seek"})  # a stop is none: the television is switched off in the morning
_FAST, _SLOW, _HABIT, _GAP = 0.3, 0.05, 0.1, 0.3


class Applied(Enum):
    """What an event did to the state."""

    YES = "applied"
    OPENED = "applied, and it opened a session"
    REPEATED_ID = "an event with its id was applied before"
    REPLAYED = "its offset was applied before"

    @property
    def changed(self) -> bool:
        """Whether the event went into the state."""
        return self is Applied.YES or self is Applied.OPENED


class Observer(Protocol):
    """Sees the moments of a fold that decisions and their outcomes hang on."""

    def session_opened(self, state: "MemberState", device: Device, event: Event) -> None:
        """Called when `event` opened a session, before anything else of it is applied."""

    def first_play(self, state: "MemberState", device: Device, show: Show, play: Play) -> None:
        """Called when a session's first play starts to count, before it is counted."""


class MemberState:
    """Everything that is kept of one member, bounded in size whatever the length of the history."""

    __slots__ = ("country", "devices", "epoch", "event_ids", "facts", "last_show", "offset", "shows", "tz")

    def __init__(self) -> None:
        self.epoch = 0
        self.offset = -1  # source offset of the last event applied
        self.tz = ""
        self.country = ""
        self.last_show = ""  # show of the newest counted play
        self.facts = array("d", _NO_FACTS)
        self.devices: dict[str, Device] = {}
        self.shows: dict[str, Show] = {}
        self.event_ids = bytearray()  # 8 bytes each, oldest first

    def apply(self, event: Event, epoch: int = 0, offset: int = -1, observer: Observer | None = None) -> Applied:
        """Folds one valid event (streams.events) into the state.

        `epoch` and `offset` say where it stands in the log; an offset of -1 skips the check for a replay.
        """
        if offset >= 0:
            if (epoch, offset) <= (self.epoch, self.offset):
                return Applied.REPLAYED
            self.epoch, self.offset = epoch, offset
        if not self._remember(event["event_id"]):
            return Applied.REPEATED_ID
        ts: int = event["ts"]
        kind: str = event["type"]
        device = self._device(event, ts)
        facts = self.facts
        if not facts[FIRST_EVENT]:
            facts[FIRST_EVENT] = ts
        new = ts >= device.session_last if device.session_id != event["session_id"] else device.idle(ts)
        if new:
            self._open(device, event, ts, observer)
        if ts > device.session_last:
            device.session_last = ts
        if ts > facts[LAST_ACTIVITY]:
            facts[LAST_ACTIVITY] = ts
        if kind in PLAYBACK_TYPES:
            self._playback(kind, event, ts, device, observer)
        elif kind != "session_start":
            _OTHER[kind](self, event, ts, device)
        return Applied.OPENED if new else Applied.YES

    # --- sessions and devices

    def _remember(self, event_id: str) -> bool:
        digest = blake2b(event_id.encode(), digest_size=8).digest()
        ids = self.event_ids
        at = ids.find(digest)
        while at >= 0:
            if at % 8 == 0:
                return False
            at = ids.find(digest, at + 1)
        ids += digest
        if len(ids) > 8 * MAX_EVENT_IDS:
            del ids[:8]
        return True

    def _device(self, event: Event, ts: int) -> Device:
        device_id: str = event.get("device_id") or event["device"]
        device = self.devices.get(device_id)
        if device is not None:
            return device
        if len(self.devices) < MAX_DEVICES:
            slot = len(self.devices)
        else:
            oldest = min(self.devices.values(), key=lambda d: d.session_last)
            del self.devices[oldest.device_id]
            slot = oldest.slot
            self.facts[DEVICE_PLAYS + slot] = 0.0
            for show in self.shows.values():
                show.stats[s.DEVICE_PLAYS + slot] = show.stats[s.DEVICE_LAST + slot] = 0.0
        device = self.devices[device_id] = Device(device_id, event["device"], slot)
        return device

    def _open(self, device: Device, event: Event, ts: int, observer: Observer | None) -> None:
        facts = self.facts
        if device.session_plays:
            facts[SESSION_PLAYS] += _HABIT * (device.session_plays - facts[SESSION_PLAYS])
        facts[PREVIOUS_END] = facts[LAST_ACTIVITY]
        facts[SESSIONS] += 1
        device.session_id = event["session_id"]
        device.session_start = device.session_last = ts
        device.session_plays = 0
        device.first_show = ""
        device.untouched = 0
        device.play = None
        self.tz = event.get("tz") or self.tz
        self.country = event.get("country") or self.country
        if observer is not None:
            observer.session_opened(self, device, event)

    def _show(self, show_id: str) -> Show:
        show = self.shows.get(show_id)
        if show is None:
            if len(self.shows) >= MAX_SHOWS:
                del self.shows[min(self.shows.values(), key=_last_touched).show_id]
            show = self.shows[show_id] = Show(show_id)
        return show

    # --- playback

    def _playback(self, kind: str, event: Event, ts: int, device: Device, observer: Observer | None) -> None:
        show = self._show(event["show_id"])
        times = show.times
        if kind == "play" and ts > times[s.LAST_STARTED]:
            times[s.LAST_STARTED] = ts
        if ts < times[s.LAST_EVENT]:
            return
        times[s.LAST_EVENT] = ts
        play = device.play
        if event["session_id"] != device.session_id or (play is not None and ts < play.last_ts):
            self._place(kind, event, ts, show, None, device)
            return
        if play is None or play.title_id != event["title_id"] or play.show_id != show.show_id:
            if play is not None and kind == "play":
                self._watch(self.shows.get(play.show_id), play, ts, device, observer)
            play = self._start(kind, event, ts, device, show)
        else:
            self._watch(show, play, ts, device, observer)
            if kind in _TOUCHES or (kind == "play" and not event.get("autoplay")):
                device.untouched = 0
            play.playing = kind not in _HALTS
        if kind == "complete":
            play.completed = True
            self.facts[COMPLETES] += 1
        self._place(kind, event, ts, show, play, device)

    def _start(self, kind: str, event: Event, ts: int, device: Device, show: Show) -> Play:
        autoplay = event.get("autoplay") is True
        device.untouched = device.untouched + 1 if autoplay else 0
        play = Play(show.show_id, event["title_id"], ts, autoplay, event.get("source") or "")
        play.playing = kind not in _HALTS
        device.play = play
        return play

    def _watch(self, show: Show | None, play: Play, ts: int, device: Device, observer: Observer | None) -> None:
        seconds = play.advance(ts)
        if seconds == 0.0 or show is None:
            return
        if not play.counted:
            if play.watched_s < COUNTED_AFTER_S:
                return
            play.counted = True
            if not device.first_show and observer is not None:
                observer.first_play(self, device, show, play)
            self._count(show, play, device)
            seconds = play.watched_s
        stats = show.stats
        stats[s.WATCHED_S] += seconds
        stats[s.DECAYED_WATCH] += seconds
        stats[s.LAST_WATCH_S] = play.watched_s
        self.facts[WATCHED_S] += seconds
        if ts > show.times[s.LAST_WATCHED]:
            show.times[s.LAST_WATCHED] = ts

    def _place(self, kind: str, event: Event, ts: int, show: Show, play: Play | None, device: Device) -> None:
        stats = show.stats
        if device.unattended:
            stats[s.UNATTENDED] = 1.0
            return
        stats[s.UNATTENDED] = 0.0
        if show.title_id != event["title_id"]:
            self._move(kind, event, ts, show)
            return
        show.times[s.PLACE_AT] = ts
        duration = event.get("duration_s") or stats[s.DURATION_S]
        stats[s.DURATION_S] = duration
        if kind == "complete":
            stats[s.COMPLETED] = stats[s.STARTED] = 1.0
            stats[s.POSITION_S] = duration or stats[s.POSITION_S]
            return
        position: float = event["position_s"]
        started = _is_start(position, duration)
        if stats[s.COMPLETED]:
            if not started or play is None or play.completed:
                return  # the end of the same play, or a glance at a title already finished
            stats[s.COMPLETED] = 0.0
        stats[s.POSITION_S] = position
        if position > stats[s.LONGEST_S]:
            stats[s.LONGEST_S] = position
        if started:
            stats[s.STARTED] = 1.0  # and stays so: back at the beginning it is resumed there

    def _move(self, kind: str, event: Event, ts: int, show: Show) -> None:
        """Moves the place to the event's title, once that is started; the first title seen is the place at once."""
        stats = show.stats
        season, episode = event.get("season"), event.get("episode")
        if episode is not None or season is not None or event["title_id"] != show.show_id:
            stats[s.IS_SERIES] = 1.0
        position: float = event.get("position_s") or 0.0
        duration: float = event.get("duration_s") or 0.0
        completed = kind == "complete"
        started = completed or _is_start(position, duration)
        if position > stats[s.LONGEST_S]:
            stats[s.LONGEST_S] = position
        if show.title_id is not None:
            if not started:
                return  # a glance at another title leaves the place where it is
            stats[s.TITLES] += 1
            if stats[s.COMPLETED] or past_share(stats, FINISHED_SHARE):
                stats[s.FINISHED_TITLES] += 1
        show.title_id = event["title_id"]
        show.times[s.PLACE_AT] = ts
        stats[s.SEASON] = -1.0 if season is None else season
        stats[s.EPISODE] = -1.0 if episode is None else episode
        stats[s.DURATION_S] = duration
        stats[s.POSITION_S] = duration if completed else position
        stats[s.COMPLETED] = 1.0 if completed else 0.0
        stats[s.STARTED] = 1.0 if started else 0.0

    # --- counted plays

    def _count(self, show: Show, play: Play, device: Device) -> None:
        facts, stats, times = self.facts, show.stats, show.times
        at = play.start_ts
        first_of_session = not device.first_show
        known = times[s.LAST_PLAY] > 0
        hour, weekday = local_hour(at, self.tz)
        hour_bin = int(hour) * HOUR_BINS // 24
        self._decay_member(at)
        _decay_show(show, at)
        if first_of_session:
            self._count_session(show, device, at, known, hour_bin)
        if not known:
            facts[SHOWS] += 1
            times[s.FIRST_PLAY] = at
        gap_ms = at - times[s.LAST_PLAY]
        if not known or times[s.LAST_PLAY] < device.session_start:
            stats[s.SESSIONS] += 1
            stats[s.RUN] = 0.0
            if known and gap_ms > 0:
                times[s.PREVIOUS_PLAY] = times[s.LAST_PLAY]
                _count_gap(stats, gap_ms / 3_600_000)
        stats[s.RUN] += 1
        stats[s.LONGEST_RUN] = max(stats[s.LONGEST_RUN], stats[s.RUN])
        stats[s.PLAYS] += 1
        stats[s.AUTOPLAYS] += play.autoplay
        stats[s.SEARCHES] += play.source == "search"
        stats[s.ROW_PLAYS] += play.source == "row"
        for column in range(s.DECAYED_1, s.DECAYED_90 + 1):
            stats[column] += 1.0
        stats[s.DEVICE_PLAYS + device.slot] += 1.0
        stats[s.DEVICE_LAST + device.slot] = s.hours_since_origin(at)
        stats[s.HOUR_PLAYS + hour_bin] += 1.0
        stats[s.WEEKDAY_PLAYS + weekday] += 1.0
        times[s.LAST_PLAY] = max(times[s.LAST_PLAY], at)
        facts[PLAYS] += 1
        facts[AUTOPLAYS] += play.autoplay
        facts[SEARCHES] += play.source == "search"
        facts[FILM_PLAYS] += not stats[s.IS_SERIES]
        facts[DEVICE_PLAYS + device.slot] += 1.0
        facts[LAST_COUNTED] = max(facts[LAST_COUNTED], at)
        stats[s.SESSION_INDEX] = facts[WATCH_SESSIONS]
        stats[s.PLAY_INDEX] = facts[PLAYS]
        device.session_plays += 1
        device.last_show = self.last_show = show.show_id

    def _count_session(self, show: Show, device: Device, at: int, known: bool, hour_bin: int) -> None:
        """The session's first counted play: what it says of the member's habits."""
        facts = self.facts
        if facts[LAST_COUNTED]:
            gap_hours = max(0, device.session_start - facts[PREVIOUS_END]) / 3_600_000
            facts[SESSION_GAP_LOG] += _HABIT * (log1p(gap_hours) - facts[SESSION_GAP_LOG])
        for column, weight in ((CONTINUED_FAST, _FAST), (CONTINUED_SLOW, _SLOW)):
            facts[column] += weight * (known - facts[column])
        if known:
            facts[CONTINUED] += 1
            facts[RECENCY_RIGHT] += _HABIT * ((show.show_id == self.last_show) - facts[RECENCY_RIGHT])
            if device.last_show:
                right = show.show_id == device.last_show
                facts[DEVICE_RECENCY_RIGHT] += _HABIT * (right - facts[DEVICE_RECENCY_RIGHT])
        else:
            facts[RECENT_DISCOVERIES] += 1
        facts[LAST_WAS_NEW] = not known
        facts[WATCH_SESSIONS] += 1
        facts[RECENT_SESSIONS] += 1
        facts[HOUR_SESSIONS + hour_bin] += 1.0
        device.first_show = show.show_id
        show.stats[s.FIRSTS] += 1
        show.stats[s.RECENT_FIRSTS] += 1
        if self.last_show and self.last_show != show.show_id:
            _count_pair(show, pair_hash(self.last_show))

    def _decay_member(self, at: int) -> None:
        facts = self.facts
        days = (at - facts[LAST_COUNTED]) / DAY_MS
        if not facts[LAST_COUNTED] or days <= 0:
            return
        week, quarter = 0.5 ** (days / 7), 0.5 ** (days / 90)
        facts[RECENT_SESSIONS] *= week
        facts[RECENT_DISCOVERIES] *= week
        for column in range(DEVICE_PLAYS, FACT_COLUMNS):
            facts[column] *= quarter

    # --- what people say of a show

    def _touch(self, event: Event, ts: int, device: Device) -> None:
        """Somebody is there: what autoplay ran on to counts as watched from here."""
        if event["session_id"] == device.session_id:
            device.untouched = 0

    def _rate(self, event: Event, ts: int, device: Device) -> None:
        self._touch(event, ts, device)
        show = self._show(event["show_id"])
        if ts >= show.times[s.RATED]:
            show.times[s.RATED] = ts
            show.stats[s.RATING] = event["value"]

    def _list(self, event: Event, ts: int, device: Device) -> None:
        self._touch(event, ts, device)
        show = self._show(event["show_id"])
        if ts >= show.times[s.LISTED]:
            show.times[s.LISTED] = ts
            show.stats[s.LISTED_NOW] = event["type"] == "add_to_list"

    def _dismiss(self, event: Event, ts: int, device: Device) -> None:
        self._touch(event, ts, device)
        times = self._show(event["show_id"]).times
        times[s.DISMISSED] = max(times[s.DISMISSED], ts)

    def _undismiss(self, event: Event, ts: int, device: Device) -> None:
        self._touch(event, ts, device)
        times = self._show(event["show_id"]).times
        times[s.UNDISMISSED] = max(times[s.UNDISMISSED], ts)

    def _snooze(self, event: Event, ts: int, device: Device) -> None:
        self._touch(event, ts, device)
        times = self._show(event["show_id"]).times
        if ts >= times[s.SNOOZED]:
            times[s.SNOOZED] = ts
            times[s.SNOOZED_UNTIL] = ts + int(event["value"] * 3_600_000)

    def _end(self, event: Event, ts: int, device: Device) -> None:
        if event["session_id"] == device.session_id and device.play is not None:
            device.play.playing = False


_OTHER: Final[dict[str, Callable[[MemberState, Event, int, Device], None]]] = {
    "session_end": MemberState._end,
    "row_viewed": MemberState._touch,
    "browse": MemberState._touch,
    "rate": MemberState._rate,
    "add_to_list": MemberState._list,
    "remove_from_list": MemberState._list,
    "dismiss": MemberState._dismiss,
    "undismiss": MemberState._undismiss,
    "snooze": MemberState._snooze,
}


def _is_start(position_s: float, duration_s: float) -> bool:
    """Two minutes or 5 %, whichever is first."""
    return position_s >= STARTED_S or (duration_s > 0 and position_s >= STARTED_SHARE * duration_s)


def past_share(stats: "array[float]", share: float) -> bool:
    """Whether the place lies past that share of its title's duration; false where the duration is unknown."""
    return stats[s.DURATION_S] > 0 and stats[s.POSITION_S] >= share * stats[s.DURATION_S]


def pair_hash(show_id: str) -> float:
    """A 24-bit hash of a show, exact in float32; never 0, which means none."""
    return float((crc32(show_id.encode()) & 0xFFFFFF) or 1)


def _last_touched(show: Show) -> int:
    t = show.times
    return max(t[s.LAST_EVENT], t[s.DISMISSED], t[s.SNOOZED], t[s.RATED], t[s.LISTED])


def _decay_show(show: Show, at: int) -> None:
    stats, last = show.stats, show.times[s.LAST_PLAY]
    days = (at - last) / DAY_MS
    if not last or days <= 0:
        return
    for column, half_life in zip(range(s.DECAYED_1, s.DECAYED_90 + 1), HALF_LIVES_DAYS, strict=True):
        stats[column] *= 0.5 ** (days / half_life)
    recent, quarter = 0.5 ** (days / 20), 0.5 ** (days / 90)
    stats[s.DECAYED_WATCH] *= recent
    stats[s.RECENT_FIRSTS] *= recent
    for column in range(s.DEVICE_PLAYS, s.DEVICE_PLAYS + MAX_DEVICES):
        stats[column] *= quarter
    for column in range(s.HOUR_PLAYS, s.STAT_COLUMNS):
        stats[column] *= quarter


def _count_gap(stats: "array[float]", hours: float) -> None:
    log_gap = log1p(hours)
    weight = 1.0 if not stats[s.GAPS] else _GAP
    stats[s.GAPS] += 1
    stats[s.RETURNS] += hours > 14 * 24
    stats[s.GAP_LOG_MEAN] += weight * (log_gap - stats[s.GAP_LOG_MEAN])
    stats[s.GAP_LOG_SQUARE] += weight * (log_gap * log_gap - stats[s.GAP_LOG_SQUARE])


def _count_pair(show: Show, before: float) -> None:
    """Two counters for the shows that most often came before, after Misra and Gries (1982)."""
    stats = show.stats
    for hashed, count in ((s.PAIR_HASH_1, s.PAIR_COUNT_1), (s.PAIR_HASH_2, s.PAIR_COUNT_2)):
        if stats[hashed] == before or not stats[count]:
            stats[hashed] = before
            stats[count] += 1
            return
    stats[s.PAIR_COUNT_1] -= 1
    stats[s.PAIR_COUNT_2] -= 1
