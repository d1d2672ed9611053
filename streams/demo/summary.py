"""What a run of the demo came to, measured from its topics alone."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from streams import topics
from streams.device import Device, Play
from streams.events import InvalidEvent, decode
from streams.member import MemberState
from streams.reading import ends, records
from streams.row import parse_version
from streams.show import Show

Offsets = Mapping[str, Mapping[int, int]]  # topic -> partition -> offset
_READ = (topics.EVENTS, topics.ROWS, topics.IMPRESSIONS)


def now(bootstrap_servers: str) -> dict[str, dict[int, int]]:
    """Where the topics end: the beginning of what `measure` looks at."""
    return {topic: ends(bootstrap_servers, topic) for topic in _READ}


@dataclass(frozen=True, slots=True)
class Measured:
    """Counts of records; times in milliseconds; None where nothing was there to be measured."""

    events: int  # since the page was ready
    events_before: int
    rows: int  # since the page was ready
    rows_before: int
    latency_median_ms: float | None
    latency_p99_ms: float | None
    sessions: int  # sessions that began and played something for a minute
    continued: int  # of them, those that first played a show of their row
    model_right: int  # of these, those whose first item it was
    recency_right: int  # of these, those whose most recently played item it was


def measure(bootstrap_servers: str, since: Offsets) -> Measured:
    """Reads what the topics got after `since`.

    Event to row: the broker's time of a row less that of the newest event in it, for rows whose event came after
    `since`. Precision at 1: each row as it stood when its session began (cw.impressions) against the first show that
    the session then played for a minute (playback.events, through the fold); recency is the same items by last play.
    """
    arrived: dict[tuple[int, int], int] = {}
    first_plays = _FirstPlays()
    for record in records(bootstrap_servers, topics.EVENTS, since[topics.EVENTS]):
        arrived[record.partition, record.offset] = record.timestamp
        first_plays.apply(record)
    rows, delays = 0, []
    for record in records(bootstrap_servers, topics.ROWS, since[topics.ROWS]):
        rows += 1
        if record.value:
            _, offset, _ = parse_version(orjson.loads(record.value)["version"])
            came = arrived.get((record.partition, offset))
            if came is not None:
                delays.append(max(0, record.timestamp - came))
    shown: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records(bootstrap_servers, topics.IMPRESSIONS, since[topics.IMPRESSIONS]):
        impression = orjson.loads(record.value)
        if impression["trigger"] == "session_start":
            shown.setdefault((impression["member_id"], impression["session_id"]), impression["items"])
    sessions = continued = model = recency = 0
    for session, show_id in first_plays.shows.items():
        items = shown.get(session)
        if items is None:
            continue
        sessions += 1
        if any(item["show_id"] == show_id for item in items):
            continued += 1
            model += items[0]["show_id"] == show_id
            recency += min(items, key=lambda item: item["recency_rank"])["show_id"] == show_id
    delays.sort()
    return Measured(
        events=len(arrived),
        events_before=sum(since[topics.EVENTS].values()),
        rows=rows,
        rows_before=sum(since[topics.ROWS].values()),
        latency_median_ms=statistics.median(delays) if delays else None,
        latency_p99_ms=delays[min(len(delays) - 1, int(0.99 * len(delays)))] if delays else None,
        sessions=sessions,
        continued=continued,
        model_right=model,
        recency_right=recency,
    )


class _FirstPlays:
    """The first show that each session played for a minute, by the fold that the worker runs."""

    def __init__(self) -> None:
        self.shows: dict[tuple[str, str], str] = {}  # (member, session) -> show
        self._states: dict[str, MemberState] = {}
        self._member_id = ""

    def apply(self, record: Any) -> None:
        try:
            event = decode(record.value, record.key)
        except InvalidEvent:
            return
        self._member_id = event["member_id"]
        self._states.setdefault(self._member_id, MemberState()).apply(event, 0, record.offset, observer=self)

    def session_opened(self, state: MemberState, device: Device, event: dict[str, Any]) -> None:
        """Nothing: the impression tells what was shown."""

    def first_play(self, state: MemberState, device: Device, show: Show, play: Play) -> None:
        self.shows.setdefault((self._member_id, device.session_id), play.show_id)
