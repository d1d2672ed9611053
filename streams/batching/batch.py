"""What a batch handler gets: source records of one partition, and the table's values for them."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streams.batching.chunks import Chunk
from streams.batching.partition import Partition

if TYPE_CHECKING:
    from streams.batching.table import Table

__all__ = ["Batch", "Revoked", "Unreadable"]

V = TypeVar("V")


class Revoked(Exception):
    """The partition of this batch was given up while it was processed; the batch will be processed again elsewhere."""


class Unreadable(Exception):
    """A stored value could not be decoded. It stays as it is; the message names its key and what is wrong."""


class Batch(Generic[V]):
    """One batch of source records of one partition, and the table's values for them.

    Between changing a value and putting it back, do not await. After an await, a batch may have been revoked: then
    `get_many`, `put_many` and `sends` raise Revoked, which a handler lets pass.
    """

    def __init__(self, table: "Table[V]", partition: Partition[V], topic: str, chunk: Chunk) -> None:
        self.table = table
        self.topic = topic
        self.partition = partition.number
        self.records = chunk.records
        self.behind = chunk.behind  # offsets of the source partition still to be read after this batch
        self.scratch = partition.scratch  # the handler's own notes, forgotten when the partition goes
        self._state = partition

    def get_many(self, keys: Iterable[bytes]) -> tuple[dict[bytes, V | None], dict[bytes, Unreadable]]:
        """The values of these keys (None where there is none), and those that can't be decoded."""
        values: dict[bytes, V | None] = {}
        unreadable: dict[bytes, Unreadable] = {}
        partition = self._live()
        recent, get, load = partition.recent, partition.get, self.table.load
        for key in keys:
            if key in recent:
                values[key] = recent[key]
                continue
            try:
                values[key] = get(key, load)
            except Unreadable as error:
                unreadable[key] = error
        return values, unreadable

    def put_many(self, items: Mapping[bytes, V | None]) -> None:
        """Changes values; None deletes. They are durable after the next flush."""
        self._live().put_many(items)

    @property
    def marked(self) -> Collection[bytes]:
        """The keys of this partition that are marked, whichever worker did so, oldest first."""
        return self._live().marked.keys()

    def mark(self, keys: Iterable[bytes]) -> None:
        """Marks keys for later. Marks are durable with the values: they come and go with the partition."""
        self._live().marked.update(dict.fromkeys(keys))
        self.table.some_marked.set()

    def unmark(self, keys: Iterable[bytes]) -> None:
        """Takes marks away, where there are any."""
        marked = self._live().marked
        for key in keys:
            marked.pop(key, None)

    def sends(self, *delivered: asyncio.Future[Any]) -> None:
        """Names records sent because of this batch: it is acknowledged only once they are delivered."""
        self._live().outputs.extend(delivered)

    def _live(self) -> Partition[V]:
        if self._state.dropped:
            raise Revoked(f"{self.topic}/{self.partition}")
        return self._state
