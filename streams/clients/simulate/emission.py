"""One session as the events that its client sends, and the order in which they arrive.

Shares of what goes wrong on the way, as documented in docs/simulator.md, are the constants below.
"""

import math
from typing import Any, Final, TypeAlias

from streams.clients.simulate.catalogue import Episode, Show
from streams.clients.simulate.population import Device, Member
from streams.events import Event

Arrival: TypeAlias = tuple[int, Event]  # when it reaches the log (ms since the epoch), and the event

FIRST_PROGRESS_S: Final = 60.0
PROGRESS_S: Final = 300.0  # then every five minutes: often enough for a place to resume, and a log stays small
LATE_SHARE: Final = 0.004  # of events: half a minute to fifteen minutes late
REPEAT_SHARE: Final = 0.003  # of events: sent again by a client that saw no answer
OFFLINE_SHARE: Final = 0.004  # of sessions: watched without a network, sent hours later all at once
KILLED_SHARE: Final = 0.04  # of sessions: the app dies, no stop and no session_end
NO_END_SHARE: Final = 0.25  # of sessions: no session_end


class Session:
    """Collects the events of one session. Times are seconds since the epoch, true time; clocks are bent at the end."""

    def __init__(self, member: Member, device: Device, prefix: str) -> None:
        self.session_id = f"{prefix}-{member.token}-{member.sessions}"
        member.sessions += 1
        self.member = member
        self.device = device
        self.last = 0.0  # time of the last event
        self._events: list[tuple[float, Event]] = []

    def of_session(self, kind: str, now: float) -> None:
        """session_start, session_end, row_viewed or browse."""
        self._add(now, self._head(kind))

    def of_show(self, kind: str, now: float, show: Show, value: float | None = None) -> None:
        """rate, add_to_list, dismiss, undismiss or snooze."""
        event = self._head(kind)
        event["show_id"] = show.show_id
        if value is not None:
            event["value"] = value
        self._add(now, event)

    def of_title(
        self, kind: str, now: float, show: Show, episode: Episode, position: float, autoplay: bool,
        source: str | None = None,
    ) -> None:  # fmt: skip
        """play, progress, pause, seek, stop or complete; `position` in seconds."""
        event = self._head(kind)
        event["title_id"] = episode.title_id
        event["show_id"] = show.show_id
        event["season"] = episode.season
        event["episode"] = episode.episode
        event["position_s"] = round(position, 1)
        event["duration_s"] = episode.runtime_s
        event["autoplay"] = autoplay
        if source is not None:
            event["source"] = source
        self._add(now, event)

    def arrivals(self) -> list[Arrival]:
        """The events with their times set by the device's clock, each with its time of arrival; in no order."""
        rng = self.member.rng
        draw = rng.random
        skew = self.device.skew_ms
        offline = draw() < OFFLINE_SHARE
        synced = self.last + rng.uniform(0.5, 12) * 3600 if offline else 0.0
        result: list[Arrival] = []
        for number, (now, event) in enumerate(self._events):
            event["event_id"] = f"{self.session_id}-{number}"
            true_ms = int(now * 1000)
            event["ts"] = true_ms + skew
            luck = draw()
            arrival = int(synced * 1000) + number if offline else true_ms + 40 + int(luck * 240)
            if luck < LATE_SHARE:
                arrival += int(30_000 * math.exp(draw() * math.log(30)))
            elif luck > 1 - REPEAT_SHARE:
                result.append((arrival + int(1000 + draw() * 29_000), event))
            result.append((arrival, event))
        return result

    def _head(self, kind: str) -> dict[str, Any]:
        # event_id and ts are set when the session is over; they stand here to keep the order of fields.
        return {
            "event_id": "",
            "type": kind,
            "member_id": self.member.member_id,
            "session_id": self.session_id,
            "ts": 0,
            "device": self.device.kind,
            "device_id": self.device.device_id,
            "country": self.member.country,
            "tz": self.member.tz,
        }

    def _add(self, now: float, event: Event) -> None:
        self.last = now
        self._events.append((now, event))


def play(
    session: Session, show: Show, episode: Episode, now: float, start: float, end: float,
    autoplay: bool, source: str, awake: bool, killed: bool,
) -> float:  # fmt: skip
    """Plays an episode from `start` to `end` (seconds into it) and says when it is over.

    Somebody who is awake sometimes pauses or skips. `killed` leaves the last event out: the app died.
    """
    rng = session.member.rng
    session.of_title("play", now, show, episode, start, autoplay, source)
    length = end - start
    pause = start + length * rng.random() if awake and length > 90 and rng.random() < 0.2 else math.inf
    seek = start + length * rng.uniform(0, 0.6) if awake and length > 300 and rng.random() < 0.1 else math.inf
    position = start
    mark = start + FIRST_PROGRESS_S
    while (stop := min(mark, pause, seek)) < end:
        now += stop - position
        position = stop
        if stop == pause:
            session.of_title("pause", now, show, episode, position, autoplay)
            now += math.exp(rng.uniform(2.5, 6.6))  # 12 seconds to 12 minutes
            session.of_title("progress", now, show, episode, position, autoplay)
            pause = math.inf
        elif stop == seek:
            # Skips a recap, or goes back for something missed.
            position = min(position + 85, end - 30) if rng.random() < 0.6 else max(position - 30, 0.0)
            session.of_title("seek", now, show, episode, position, autoplay)
            seek = math.inf
        else:
            session.of_title("progress", now, show, episode, position, autoplay)
            mark += PROGRESS_S
        mark = max(mark, position + 1)
    now += max(end - position, 0.0)
    if not killed:
        done = end >= episode.credits_s
        session.of_title("complete" if done else "stop", now, show, episode, end, autoplay)
    return now
