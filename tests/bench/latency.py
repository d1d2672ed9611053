"""How long from an event to its row, at shares of what a worker can do, next to a bare echo through the same broker.

An event is answered by the first row of its member that covers it. The echo is the same events, sent by the same sender
at the same rate to a topic of its own, and received by the same receiver.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from bench import load
from bench.figures import Figure, Section
from bench.harness import say
from bench.load import Received, Sent
from bench.population import EventFile
from conftest import Broker

from streams import topics

ECHO = "bench.echo"
WARM_UP_S = 3.0
SHARES = {"10 %": (0.1, "tenth_load"), "50 %": (0.5, "half_load"), "90 %": (0.9, "nine_tenths_load")}


@dataclass(frozen=True, slots=True)
class Times:
    """Times from due to answered, in seconds, without the warm-up; `missing` were never answered."""

    all: Sequence[float]
    urgent: Sequence[float]
    missing: int


def measure(broker: Broker, log: EventFile, start: int, rate: float, seconds: float = 15.0) -> Section:
    """The log goes on from event `start` at shares of `rate`; a worker must be running and have caught up."""
    with topics.admin(broker.bootstrap_servers) as admin:
        admin.create_topics({ECHO: {"num_partitions": 4, "replication_factor": 1}}, wait_for_metadata=True)
    found, missing = [], 0
    for label, (share, key) in SHARES.items():
        speed = share * rate
        count = int(speed * (seconds + WARM_UP_S))
        lines = without_repeats(log.lines(start, count))
        start += count
        count = len(lines)
        before = echo(broker, lines[: count // 2], speed)
        rows = to_rows(broker, lines, speed)
        after = echo(broker, lines[count // 2 :], speed)
        bare = [*before.all, *after.all]
        missing += rows.missing
        say(
            f"event to row at {label} ({speed:,.0f} events/s): median {_ms(rows.urgent, 50):.1f} ms, "
            f"p99 {_ms(rows.urgent, 99):.1f} ms; echo {_ms(bare, 50):.1f} and {_ms(bare, 99):.1f} ms"
        )
        found += _figures(label, key, rows, bare)
    notes = [
        f"Load: shares of {rate:,.0f} events/s, the full job's rate; the log goes on where the full job ended, "
        f"{seconds:g} s a level after {WARM_UP_S:g} s of warm-up. Times count from the moment an event was due to be "
        "sent, over the events of types that make a row at once, whatever the load; where it says so, over quiet "
        "events, too, whose rows wait for room (docs/event-schema.md says which is which). "
        f"{missing} events were never covered by a row."
    ]
    return Section("From event to row", found, notes)


def without_repeats(lines: Iterable[bytes]) -> list[bytes]:
    """Events whose id was not there before: a repeat makes no row, so nothing answers it."""
    return list({orjson.loads(line)["event_id"]: line for line in lines}.values())


def _figures(label: str, key: str, rows: Times, bare: Sequence[float]) -> list[Figure]:
    wanted = "at most 5 ×" if key == "half_load" else ""
    return [
        Figure.times(f"latency_median_vs_echo_{key}", f"median at {label}", _ms(rows.urgent, 50) / _ms(bare, 50)),
        Figure.times(f"latency_p99_vs_echo_{key}", f"p99 at {label}", _ms(rows.urgent, 99) / _ms(bare, 99), wanted),
        Figure.of(f"latency_median_ms_{key}", f"median at {label}", _ms(rows.urgent, 50), "ms"),
        Figure.of(f"latency_p99_ms_{key}", f"p99 at {label}", _ms(rows.urgent, 99), "ms"),
        Figure.of(f"latency_all_median_ms_{key}", f"median at {label}, quiet events, too", _ms(rows.all, 50), "ms"),
        Figure.of(f"latency_all_p99_ms_{key}", f"p99 at {label}, quiet events, too", _ms(rows.all, 99), "ms"),
        Figure.of(f"echo_median_ms_{key}", f"echo, median at {label}", _ms(bare, 50), "ms"),
        Figure.of(f"echo_p99_ms_{key}", f"echo, p99 at {label}", _ms(bare, 99), "ms"),
    ]


def _ms(seconds: Sequence[float], percentile: float) -> float:
    return float(np.percentile(seconds, percentile)) * 1000


def echo(broker: Broker, lines: Sequence[bytes], rate: float) -> Times:
    """A bare produce and consume."""
    sent, received = load.run(broker.bootstrap_servers, ECHO, ECHO, lines, rate)
    came = dict(zip(zip(received.names, received.offsets, strict=True), received.at, strict=True))
    places = zip(sent.partitions, sent.offsets, strict=True)
    return _times(sent, [came.get(place) for place in places], rate)


def to_rows(broker: Broker, lines: Sequence[bytes], rate: float) -> Times:
    """The same events to the worker, answered by rows."""
    sent, received = load.run(broker.bootstrap_servers, topics.EVENTS, topics.ROWS, lines, rate)
    return _times(sent, answers(sent, received), rate)


def answers(sent: Sent, received: Received) -> list[float | None]:
    """When the first row that covers it came, for each event."""
    rows: dict[str, deque[tuple[int, float]]] = defaultdict(deque)
    for name, offset, at in zip(received.names, received.offsets, received.at, strict=True):
        rows[name].append((offset, at))
    came: list[float | None] = [None] * len(sent.members)
    for i in sorted(range(len(sent.members)), key=sent.offsets.__getitem__):
        of_member = rows[sent.members[i]]
        while of_member and of_member[0][0] < sent.offsets[i]:
            of_member.popleft()
        if of_member:
            came[i] = of_member[0][1]
    return came


def _times(sent: Sent, came: Sequence[float | None], rate: float) -> Times:
    counted = range(int(rate * WARM_UP_S), len(came))
    every, urgent, missing = [], [], 0
    for i in counted:
        at = came[i]
        if at is None:
            missing += 1
            continue
        every.append(at - sent.due[i])
        if sent.urgent[i]:
            urgent.append(at - sent.due[i])
    return Times(every, urgent, missing)
