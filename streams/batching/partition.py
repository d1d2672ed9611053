"""What a worker holds in memory for one partition of a batched table, between one flush and the next."""

from asyncio import Event, Future, Task, TimerHandle
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Generic, TypeVar

from faust.types import Message

from streams.batching.fencing import FencedProducer

__all__ = ["Partition"]

ENTRY_BYTES = 200  # what a value takes beside what is in it

V = TypeVar("V")


class Partition(Generic[V]):
    """The decoded values in use, which of them are newer than the changelog, and the batches that made them so.

    Values lie in two dicts: those used since the last eviction, and those used before it. An eviction drops the second
    and starts a new first one, so keeping what is recent costs no bookkeeping per use. A changed value is never evicted
    before it is both in the changelog and in RocksDB: RocksDB would answer with an older one. Sizes are those of the
    encoded values, as they were last read or written.
    """

    def __init__(self, number: int, producer: FencedProducer) -> None:
        self.number = number
        self.producer = producer
        self.fence: Task[None] | None = None  # done once the producer has its transactional id
        self.ready = False  # recovered to the changelog's end, as it stood once the partition was fenced
        self.read_to: dict[str, int] = {}  # by source topic: the end of its last batch, where the next one must start
        self.behind: dict[str, int] = {}  # by source topic: offsets still to be read, as of its last batch
        self.recent: dict[bytes, V | None] = {}  # None: known to be absent
        self.older: dict[bytes, V | None] = {}
        self.sizes: dict[bytes, int] = {}  # bytes, of the values in `recent`
        self.older_sizes: dict[bytes, int] = {}
        self.recent_bytes = 0
        self.dirty: dict[bytes, None] = {}  # changed since the flush that runs, or ran last, was prepared
        self.dirty_bytes = 0
        self.flushing: dict[bytes, None] = {}  # changed before that, on their way out
        self.marked: dict[bytes, None] = {}  # keys that the handler has marked, oldest first
        self.marks_stored: set[bytes] = set()  # as the last flush left them
        self.held: list[Message] = []  # processed source messages, to be acknowledged by the next flush
        self.outputs: list[Future[Any]] = []  # records sent because of them, delivered before they are acknowledged
        self.scratch: dict[str, Any] = {}  # what the handler notes down for its next batch of this partition
        self.idle = Event()  # cleared while a handler is at work on a batch of this partition
        self.idle.set()
        self.dropped = False  # given up: nothing of it may be written or acknowledged any more
        self.due: float | None = None  # loop time by which what is held must be on its way
        self.timer: TimerHandle | None = None
        self.flush: Task[None] | None = None

    def get(self, key: bytes, load: Callable[[int, bytes], tuple[V | None, int]]) -> V | None:
        """The value; where it is not in memory, `load(partition, key)` says it, and its bytes."""
        recent = self.recent
        if key in recent:
            return recent[key]
        if key in self.older:
            value, size = self.older[key], self.older_sizes[key]
        else:
            value, size = load(self.number, key)
            size += ENTRY_BYTES
        recent[key] = value
        self.sizes[key] = size
        self.recent_bytes += size
        return value

    def put_many(self, items: Mapping[bytes, V | None]) -> None:
        """Keeps changed values; None deletes. How large they have become shows when they are written."""
        recent, sizes, older_sizes, dirty = self.recent, self.sizes, self.older_sizes, self.dirty
        for key, value in items.items():  # not by set operations: those walk through everything that is kept
            recent[key] = value
            size = sizes.get(key)
            if size is None:
                size = sizes[key] = older_sizes.get(key, ENTRY_BYTES)
                self.recent_bytes += size
            if key not in dirty:
                dirty[key] = None
                self.dirty_bytes += size

    def resize(self, key: bytes, size: int) -> None:
        """Notes the bytes of a value that was written."""
        size += ENTRY_BYTES
        if key in self.sizes:
            self.recent_bytes += size - self.sizes[key]
            self.sizes[key] = size
        elif key in self.older_sizes:
            self.older_sizes[key] = size

    def take_dirty(self) -> list[tuple[bytes, V | None]]:
        """Moves what changed to `flushing`, and returns it."""
        self.flushing, self.dirty, self.dirty_bytes = self.dirty, {}, 0
        recent, older = self.recent, self.older
        return [(key, recent[key] if key in recent else older[key]) for key in self.flushing]

    def take_marks(self) -> dict[bytes, bool]:
        """Keys marked since this was last asked (True), and those no longer so (False)."""
        marked, stored = self.marked, self.marks_stored
        changed = {key: True for key in marked if key not in stored} | {k: False for k in stored if k not in marked}
        if changed:
            self.marks_stored = set(marked)
        return changed

    def evict(self, limit: int) -> None:
        """Keeps about `limit` bytes of values: those used lately, and the changed ones."""
        recent, older = self.recent, self.older
        if self.recent_bytes > limit // 2:
            changed = {k: older[k] for k in chain(self.dirty, self.flushing) if k in older and k not in recent}
            sizes = {key: self.older_sizes[key] for key in changed}
            self.older, self.recent = recent, changed
            self.older_sizes, self.sizes = self.sizes, sizes
            self.recent_bytes = sum(sizes.values())

    def discard(self) -> None:
        """Forgets everything: the partition is another worker's, or will be read again."""
        self.dropped = True
        if self.timer is not None:
            self.timer.cancel()
        self.sizes.clear()
        self.older_sizes.clear()
        for kept in (self.recent, self.older, self.dirty, self.held, self.outputs, self.marked, self.scratch):
            kept.clear()
