"""When a batch handler has its turn: with all that has arrived, or, while nothing does, with what it has put off."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from faust.types import Message

__all__ = ["Turns"]

GATHER_STEPS = 4  # steps of the event loop that the reader needs to hand over the next batch of the same poll
QUIET_S = 0.05  # without an arrival, until what was put off has its turn: what arrives goes first
PAUSE_S = 0.002  # between two such turns, so that what arrives meanwhile is seen


class Turns:
    """Takes turns at `handle(messages)`, one at a time; `handle` with no messages is a turn on what was put off.

    `put_off` is set while there may be something put off.
    """

    def __init__(
        self, handle: Callable[[list[Message]], Awaitable[None]], put_off: asyncio.Event, together: int
    ) -> None:
        """`together` is how many records a turn may gather before it begins."""
        self._handle = handle
        self._put_off = put_off
        self._together = together
        self._turn = asyncio.Lock()
        self._last_arrival = 0.0  # monotonic seconds

    async def run(self, stream: Any) -> None:
        """The agent: reads its stream of batches for ever."""
        messages: list[Message] = []
        unacknowledged = stream.noack()
        queue = unacknowledged.channel.queue
        catching_up = asyncio.create_task(self._catch_up(queue.empty))
        try:
            async for event in unacknowledged.events():
                messages.append(event.message)
                self._last_arrival = monotonic()
                for _ in range(GATHER_STEPS):
                    await asyncio.sleep(0)
                if not queue.empty() and sum(len(message.value.records) for message in messages) < self._together:
                    continue
                gathered, messages = messages, []
                async with self._turn:
                    await self._handle(gathered)
                self._last_arrival = monotonic()
        finally:
            catching_up.cancel()

    async def _catch_up(self, nothing_waits: Callable[[], bool]) -> None:
        while True:
            await self._put_off.wait()
            await asyncio.sleep(max(PAUSE_S, self._last_arrival + QUIET_S - monotonic()))
            async with self._turn:
                if nothing_waits() and monotonic() - self._last_arrival >= QUIET_S:
                    await self._handle([])
