"""A member's rolling state and its fold: `apply(event)`. Pure: no Kafka, no clock, no catalogue.

Late events: a playback event older than the newest one of its show moves nothing in that show, so neither the place
nor recency goes back; one that is only older than what its device plays by now moves the place of its show, no more.
Repeats: an event id among the last 512, or an (epoch, offset) not above the last applied, changes nothing.
"""

from collections.abc import Callable
from enum import Enum
from hashlib import blake2b
from typing import Final, Protocol

from streams import facts as f
from streams import place
from streams import show as s
from streams.counting import count_play, count_session_length
from streams.device import COUNTED_AFTER_S, Device, Play
from streams.events import PLAYBACK_TYPES, Event
from streams.facts import no_facts
from streams.show import MAX_DEVICES, Show

MAX_SHOWS: Final = 128  # the shows longest untouched give way, so that a long history costs no more than a short one
MAX_EVENT_IDS: Final = 512

_HALTS: Final = frozenset({"pause", "stop", "complete"})
_TOUCHES: Final = frozenset({"pause", "seek"})  # a stop is none: the television is switched off in the morning


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


# Looked up once: an enum's members take 0.14 µs on their class, and every event asks.
_YES: Final = Applied.YES
_OPENED: Final = Applied.OPENED


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
        self.facts = no_facts()
        self.devices: dict[str, Device] = {}
        self.shows: dict[str, Show] = {}
        self.event_ids = bytearray()  # 8 bytes each, oldest first

    def apply(self, event: Event, epoch: int = 0, offset: int = -1, observer: Observer | None = None) -> Applied:
        """Folds one valid event (streams.events) into the state.

        `epoch` and `offset` say where it stands in the log; an offset of -1 skips the check for a replay.
        """
        if offset >= 0:
            if (offset <= self.offset and epoch == self.epoch) or epoch < self.epoch:
                return Applied.REPLAYED
            self.epoch, self.offset = epoch, offset
        if not self._remember(event["event_id"]):
            return Applied.REPEATED_ID
        ts: int = event["ts"]
        kind: str = event["type"]
        device = self.devices.get(event.get("device_id") or event["device"]) or self._new_device(event)
        facts = self.facts
        if not facts[f.FIRST_EVENT]:
            facts[f.FIRST_EVENT] = ts
        new = ts >= device.session_last if device.session_id != event["session_id"] else device.idle(ts)
        if new:
            self._open(device, event, ts, observer)
        if ts > device.session_last:
            device.session_last = ts
        if ts > facts[f.LAST_ACTIVITY]:
            facts[f.LAST_ACTIVITY] = ts
        if kind in PLAYBACK_TYPES:
            self._playback(kind, event, ts, device, observer)
        elif kind != "session_start":
            _OTHER[kind](self, event, ts, device)
        return _OPENED if new else _YES

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

    def _new_device(self, event: Event) -> Device:
        device_id: str = event.get("device_id") or event["device"]
        if len(self.devices) < MAX_DEVICES:
            slot = len(self.devices)
        else:
            oldest = min(self.devices.values(), key=lambda d: d.session_last)
            del self.devices[oldest.device_id]
            slot = oldest.slot
            self.facts[f.DEVICE_PLAYS + slot] = 0.0
            for show in self.shows.values():
                show.stats[s.DEVICE_PLAYS + slot] = show.stats[s.DEVICE_LAST + slot] = 0.0
        device = self.devices[device_id] = Device(device_id, event["device"], slot)
        return device

    def _open(self, device: Device, event: Event, ts: int, observer: Observer | None) -> None:
        facts = self.facts
        count_session_length(facts, device.session_plays)
        facts[f.PREVIOUS_END] = facts[f.LAST_ACTIVITY]
        facts[f.SESSIONS] += 1
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
            place.update(kind, event, ts, show, None, device.unattended)
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
            self.facts[f.COMPLETES] += 1
        place.update(kind, event, ts, show, play, device.unattended)

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
            count_play(self.facts, show, play, device, self.tz, self.last_show)
            self.last_show = show.show_id
            seconds = play.watched_s
        stats = show.stats
        stats[s.WATCHED_S] += seconds
        stats[s.DECAYED_WATCH] += seconds
        stats[s.LAST_WATCH_S] = play.watched_s
        self.facts[f.WATCHED_S] += seconds
        if ts > show.times[s.LAST_WATCHED]:
            show.times[s.LAST_WATCHED] = ts

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


def _last_touched(show: Show) -> int:
    t = show.times
    return max(t[s.LAST_EVENT], t[s.DISMISSED], t[s.SNOOZED], t[s.RATED], t[s.LISTED])
