"""What a worker holds in memory for one partition of a batched table, between one flush and the next."""

from asyncio import Event, Future, Task, TimerHandle
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from faust.types import Message

from streams.batching.fencing import FencedProducer

__all__ = ["Partition"]

V = TypeVar("V")


class Partition(Generic[V]):
    """The decoded values in use, which of them are newer than the changelog, and the batches that made them so.

    A changed value is never evicted before it is both in the changelog and in RocksDB: RocksDB would answer with an
    older one.
    """

    def __init__(self, number: int, producer: FencedProducer, cache_limit: int) -> None:
        self.number = number
        self.producer = producer
        self.fence: Task[None] | None = None  # done once the producer has its transactional id
        self.cache_limit = cache_limit
        self.cache: OrderedDict[bytes, V | None] = OrderedDict()  # least recently used first; None: known to be absent
        self.dirty: dict[bytes, None] = {}  # changed since the flush that runs, or ran last, was prepared
        self.flushing: dict[bytes, None] = {}  # changed before that, on their way out
        self.held: list[Message] = []  # processed source messages, to be acknowledged by the next flush
        self.outputs: list[Future[Any]] = []  # records sent because of them, delivered before they are acknowledged
        self.scratch: dict[str, Any] = {}  # what the handler notes down for its next batch of this partition
        self.idle = Event()  # cleared while a handler is at work on a batch of this partition
        self.idle.set()
        self.dropped = False  # given up: nothing of it may be written or acknowledged any more
        self.due: float | None = None  # loop time by which what is held must be on its way
        self.timer: TimerHandle | None = None
        self.flush: Task[None] | None = None

    def put_many(self, items: Mapping[bytes, V | None]) -> None:
        """Caches changed values; None deletes."""
        self.cache.update(items)
        self.dirty.update(dict.fromkeys(items))

    def take_dirty(self) -> Iterable[tuple[bytes, V | None]]:
        """Moves what changed to `flushing`, and returns it."""
        self.flushing, self.dirty = self.dirty, {}
        return [(key, self.cache[key]) for key in self.flushing]

    def evict(self) -> None:
        """Drops the least recently used values above the limit, apart from changed ones."""
        excess = len(self.cache) - self.cache_limit
        for _ in range(len(self.cache)):
            if excess <= 0:
                return
            key, value = self.cache.popitem(last=False)
            if key in self.dirty or key in self.flushing:
                self.cache[key] = value
            else:
                excess -= 1
