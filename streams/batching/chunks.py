"""What one poll found in one partition, and how it comes from the consumer's thread to the app."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Protocol

from faust.types import TP

__all__ = ["Chunk", "Collection", "Record", "joined"]


STALE_S: Final = 0.002  # that the first chunk waits while the app is at work on something else


class Record(Protocol):
    """One record of a batch, as aiokafka's parser made it."""

    offset: int
    timestamp: int  # ms since the epoch, as the broker keeps it
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one poll found in one partition; the value of a batched message.

    `start` and `end` are the consumer's positions before and after, so `end` is the next offset to read. `records` is
    empty where the offsets between held nothing to read. `behind` is how far the partition's end is past `end`, in
    offsets.
    """

    records: Sequence[Record]
    start: int
    end: int
    behind: int


def joined(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Chunks of one partition in order; those that follow on from each other as one."""
    result: list[Chunk] = []
    for chunk in chunks:
        if result and result[-1].end == chunk.start:
            before = result.pop()
            chunk = Chunk([*before.records, *chunk.records], before.start, chunk.end, chunk.behind)
        result.append(chunk)
    return result


class Collection:
    """What the consumer's thread has for the app, until the app takes it. `chunks` of a partition are in order."""

    def __init__(self, app_loop: asyncio.AbstractEventLoop, thread_loop: asyncio.AbstractEventLoop) -> None:
        self.chunks: dict[TP, list[Chunk]] = {}
        self.closed = asyncio.Event()  # of the thread's loop
        self.stale = False  # the first waited for the app: there may be newer ones
        self._first_at = 0.0  # monotonic seconds
        self._some = asyncio.Event()  # of the app's loop
        self._app_loop = app_loop
        self._thread_loop = thread_loop

    @property
    def records(self) -> int:
        """How many there are, of all partitions."""
        return sum(len(chunk.records) for chunks in self.chunks.values() for chunk in chunks)

    def room(self, tp: TP, max_records: int) -> bool:
        """Whether more may be taken of a partition."""
        return sum(len(chunk.records) for chunk in self.chunks.get(tp, ())) < max_records

    def add(self, chunks: Mapping[TP, Chunk]) -> None:
        """Adds chunks, and tells the app of the first. On the thread's loop."""
        if chunks and not self.chunks:
            self._first_at = monotonic()
            self._app_loop.call_soon_threadsafe(self._some.set)
        for tp, chunk in chunks.items():
            self.chunks.setdefault(tp, []).append(chunk)

    async def take(self, collecting: asyncio.Future[None]) -> dict[TP, list[Chunk]]:
        """Waits for a first chunk, or the end of the collecting, and takes all there is by then. On the app's loop."""
        some: asyncio.Future[Any] = asyncio.ensure_future(self._some.wait())
        either: list[asyncio.Future[Any]] = [some, collecting]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            some.cancel()
            self.stale = bool(self.chunks) and monotonic() - self._first_at > STALE_S
            self._thread_loop.call_soon_threadsafe(self.closed.set)
        await collecting
        return self.chunks
