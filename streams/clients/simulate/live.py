"""The population on a real cluster: its history at once, then its members going on while the clock runs.

Event time in live mode. It starts at the end of the history, in the past, and comes nearer to the present without ever
reaching it: the distance shrinks by the same share every minute, to a third in half an hour. So hours of the day, gaps
between sessions and positions stay what they would be, only sooner; time runs `speed` times as fast as the clock at
first, and slows down to the clock's own speed over hours; and no `ts` is ahead of its arrival. A history that is
followed by a live part therefore ends `(speed - 1) × 30 minutes` before the start. At speed 1 it ends now, and every
`ts` is the present.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

from streams import topics
from streams.clients.sender import Sender
from streams.clients.simulate.log import Log
from streams.clients.simulate.report import Progress
from streams.clients.simulate.statistics import Statistics

STEP_MS: Final = 3_600_000
RUN_UP_S: Final = 1800
_TICK_S: Final = 0.05
_PATIENCE_S: Final = 3.0


def history_end(now_ms: int, speed: float | None) -> int:
    """Where the history ends, in ms: now, or as far back as makes time run `speed` times as fast at first."""
    return now_ms - int(((speed or 1.0) - 1.0) * RUN_UP_S * 1000)


class Clock:
    """Simulated time in ms: starts at `start_ms` and comes nearer to the present, `now_ms`, without reaching it."""

    def __init__(self, start_ms: int, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._began_ms = now_ms()
        self._behind_ms = self._began_ms - start_ms

    def read(self) -> int:
        """The time now. What it is behind by shrinks by 1 / RUN_UP_S of itself a second."""
        now_ms = self._now_ms()
        return now_ms - math.ceil(self._behind_ms * math.exp((self._began_ms - now_ms) / (1000 * RUN_UP_S)))


async def send_side_inputs(sender: Sender, log: Log) -> None:
    """Sends the catalogue and the members' slow facts."""
    for record in log.catalogue.records():
        await sender.send(topics.CATALOG, record["title_id"], record)
    for member in log.members:
        await sender.send(topics.PROFILES, member.member_id, member.profile())
    await sender.flush()


async def send_history(
    sender: Sender, log: Log, statistics: Statistics, progress: Progress, stop: asyncio.Event
) -> None:
    """Sends what arrived before the history's end, as fast as it is acknowledged; less where `stop` is set."""
    for to_ms in range(log.start_ms + STEP_MS, log.until_ms + STEP_MS, STEP_MS):
        await _send(sender, log, min(to_ms, log.until_ms), statistics)
        progress(to_ms)
        await asyncio.sleep(0)  # lets a signal and the producer in
        if stop.is_set():
            break
    await sender.flush()


async def send_live(
    sender: Sender, log: Log, statistics: Statistics, progress: Progress, stop: asyncio.Event
) -> None:
    """Sends the members' events as their time comes, until `stop` is set."""
    clock = Clock(log.until_ms, lambda: int(time.time() * 1000))
    while not stop.is_set():
        now_ms = clock.read()
        await _send(sender, log, now_ms, statistics)
        flushing = asyncio.ensure_future(sender.flush())
        while not (await asyncio.wait({flushing}, timeout=_PATIENCE_S))[0]:
            progress.waiting()
        await flushing
        progress(now_ms)
        try:
            async with asyncio.timeout(_TICK_S):
                await stop.wait()
        except TimeoutError:
            continue


async def _send(sender: Sender, log: Log, to_ms: int, statistics: Statistics) -> None:
    for _, event in log.advance(to_ms):
        statistics.observe(event)
        await sender.send(topics.EVENTS, event["member_id"], event)
