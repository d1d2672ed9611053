"""How long from the POST of an event to the pushed row on the member's open stream, at a steady rate."""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote

import aiohttp
import numpy as np
import orjson
from bench import latency
from bench.figures import Figure, Section
from bench.harness import say
from bench.population import EventFile
from conftest import Broker
from ports import free_port
from worker_process import wait_until

from streams.row import parse_version

RATE = 500.0  # events a second
LISTENERS = 100  # members with an open stream: those with most events to come
PATIENCE_S = 20.0


def measure(broker: Broker, log: EventFile, start: int, seconds: float = 15.0) -> Section:
    """The log goes on from event `start`, an event a call; a worker must be running and have caught up."""
    count = int(RATE * (seconds + latency.WARM_UP_S))
    lines = [_anew(line) for line in log.lines(start, count)]
    bare = latency.echo(broker, lines, RATE).all
    rows = latency.to_rows(broker, [_anew(line) for line in lines], RATE)
    with gateway(broker) as address:
        pushed, missing = asyncio.run(_post_all(address, lines))
    say(f"POST to pushed row at {RATE:.0f} events/s: median {_ms(pushed, 50):.1f} ms, p99 {_ms(pushed, 99):.1f} ms")
    found = [
        Figure.of("echo_p99_ms_500", "bare echo, p99", _ms(bare, 99), "ms"),
        Figure.of("row_median_ms_500", "event to row, median", _ms(rows.all, 50), "ms"),
        Figure.of("row_p99_ms_500", "event to row, p99", _ms(rows.all, 99), "ms"),
        Figure.of("client_median_ms_500", "POST to pushed row, median", _ms(pushed, 50), "ms"),
        Figure.of("client_p99_ms_500", "POST to pushed row, p99", _ms(pushed, 99), "ms"),
        Figure.times(
            "client_p99_vs_echo_500", "POST to pushed row, p99 against the echo", _ms(pushed, 99) / _ms(bare, 99)
        ),
    ]
    notes = [
        f"{RATE:.0f} events/s for {seconds:g} s, one event a POST, {LISTENERS} members with an open SSE stream; "
        f"{len(pushed):,} events of theirs followed, {missing} never pushed."
    ]
    return Section("From event to client", found, notes)


def _ms(seconds: Sequence[float], percentile: float) -> float:
    return float(np.percentile(seconds, percentile)) * 1000


_made = iter(range(10**9))


def _anew(line: bytes) -> bytes:
    """The event under an id that was not there yet."""
    return orjson.dumps({**orjson.loads(line), "event_id": f"bench-{time.time_ns()}-{next(_made)}"})


async def _post_all(address: str, lines: Sequence[bytes]) -> tuple[list[float], int]:
    """Seconds from due to pushed for the events of members who listen, and how many of them never came."""
    events = [orjson.loads(line) for line in lines]
    counts: dict[str, int] = defaultdict(int)
    for event in events[int(RATE * latency.WARM_UP_S) :]:
        counts[event["member_id"]] += 1
    listening = sorted(counts, key=lambda member: -counts[member])[:LISTENERS]
    came: dict[str, deque[tuple[int, float]]] = {member: deque() for member in listening}
    sent: dict[str, list[tuple[int, float]]] = {member: [] for member in listening}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(address, connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as client:

        async def follow(member: str) -> None:
            async with client.get(f"/v1/members/{quote(member, safe='')}/row/stream") as stream:
                async for line in stream.content:
                    if line.startswith(b"id: "):
                        offset = parse_version(line[4:].strip().decode()).offset
                        came[member].append((offset, time.monotonic()))

        async def post(number: int, due: float) -> None:
            member = events[number]["member_id"]
            async with client.post("/v1/events", data=lines[number]) as answer:
                if answer.status != 202:
                    raise RuntimeError(f"POST was answered {answer.status}: {await answer.text()}")
                after = (await answer.json())["after"][member]
            if member in sent and number >= RATE * latency.WARM_UP_S:
                sent[member].append((int(after.partition("-")[2]), due))

        streams = [asyncio.create_task(follow(member)) for member in listening]
        await asyncio.sleep(2)
        start, posts = time.monotonic(), []
        for number in range(len(lines)):
            due = start + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            posts.append(asyncio.create_task(post(number, due)))
        await asyncio.gather(*posts)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and not all(  # noqa: ASYNC110 looks are simpler than a hundred events
            _covered(sent[member], came[member]) for member in listening
        ):
            await asyncio.sleep(0.1)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    times: list[float] = []
    for member in listening:
        rows = came[member]
        for offset, due in sorted(sent[member]):
            while rows and rows[0][0] < offset:
                rows.popleft()
            if rows:
                times.append(rows[0][1] - due)
    return times, sum(map(len, sent.values())) - len(times)


def _covered(sent: Sequence[tuple[int, float]], came: Sequence[tuple[int, float]]) -> bool:
    return not sent or (bool(came) and came[-1][0] >= max(offset for offset, _ in sent))


@contextmanager
def gateway(broker: Broker) -> Iterator[str]:
    """`cw gateway` as a process; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "streams.cli", "gateway"]
    process = subprocess.Popen(command, env={**broker.env, "CW_GATEWAY_PORT": str(port)}, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _ready(address), 60)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
