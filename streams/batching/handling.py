"""Brings batches to a table's handler: all that waits, of partitions that this worker holds and has recovered."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from faust.types import Message
from mode import get_logger

from streams.batching.batch import Batch, Revoked
from streams.batching.chunks import Chunk, joined
from streams.batching.partition import Partition

if TYPE_CHECKING:
    from streams.batching.table import Table

__all__ = ["Handler", "Handling"]

NOTHING = Chunk((), 0, 0, 0)  # what a batch holds that brings no records

V = TypeVar("V")
logger = get_logger(__name__)

Handler: TypeAlias = Callable[[list[Batch[V]]], Awaitable[None]]


class Handling(Generic[V]):
    """One handler of a table, and what happens around each of its turns."""

    def __init__(self, table: "Table[V]", topic: str, handler: Handler[V]) -> None:
        """`topic` is what batches without records are said to be of."""
        self._table = table
        self._topic = topic
        self._handler = handler

    async def handle(self, messages: list[Message]) -> None:
        """A turn on what these messages hold; without any, on what has marks. Messages of partitions that are no longer
        this worker's are left out."""
        work: dict[Partition[V], dict[str, list[Message]]] = {}
        for message in messages:
            if (partition := await self._open(message)) is not None:
                work.setdefault(partition, {}).setdefault(message.topic, []).append(message)
        if not messages:
            work = {partition: {self._topic: []} for partition in self._marked()}
        if work:
            await self._handle(work)

    async def _open(self, message: Message) -> Partition[V] | None:
        """The partition of a message, once it has room for more changes; None where it is no longer this worker's."""
        table = self._table
        partition = table.live.get(message.partition)
        if partition is None or message.generation_id != table.app.consumer_generation_id:
            return None
        if not partition.ready:
            table.give_up(partition)
        elif self._may_go_on(partition) and self._continues(partition, message):
            await table.flushing.room(partition)
        return None if partition.dropped else partition

    def _continues(self, partition: Partition[V], message: Message) -> bool:
        """Whether nothing was lost on the way between the batch before, or what is committed, and this one; gives the
        partition up otherwise, so that it is read again."""
        chunk: Chunk = message.value
        expected = partition.read_to.get(message.topic)
        if expected is None:
            expected = self._table.app.consumer.committed(message.tp)
        if expected is not None and chunk.start != expected:
            logger.error(
                "%s/%s: a batch starts at %d and should at %d: it is read again",
                message.topic, message.partition, chunk.start, expected,
            )  # fmt: skip
            self._table.give_up(partition)
            return False
        partition.read_to[message.topic] = chunk.end
        return True

    def _marked(self) -> list[Partition[V]]:
        """The partitions that have marks, while none has anything to be read."""
        partitions = list(self._table.live.values())
        if not any(partition.marked for partition in partitions):
            self._table.some_marked.clear()
        if any(behind for partition in partitions for behind in partition.behind.values()):
            return []
        return [p for p in partitions if p.ready and p.marked and self._may_go_on(p)]

    def _may_go_on(self, partition: Partition[V]) -> bool:
        """Whether this worker still holds the partition for all it knows; gives it up where it does not."""
        if not self._table.app.consumer.session_alive:
            logger.warning(
                "No heartbeat for longer than the session: %s/%s is given up", self._table.name, partition.number
            )
            self._table.give_up(partition)
        return not partition.dropped

    async def _handle(self, work: dict[Partition[V], dict[str, list[Message]]]) -> None:
        table = self._table
        batches = []
        for partition, by_topic in work.items():
            partition.idle.clear()
            for topic, messages in by_topic.items():
                chunks = joined([message.value for message in messages]) or [NOTHING]
                partition.behind[topic] = chunks[-1].behind
                batches += [Batch(table, partition, topic, chunk) for chunk in chunks]
        try:
            await self._handler(batches)
        except Revoked as error:
            logger.warning("Batches were revoked while they were processed: %s", error)
            for partition in work:
                table.give_up(partition)
        except Exception as error:
            logger.exception("The handler of %s failed", table.name)
            await table.app.crash(error)
            return
        finally:
            for partition in work:
                partition.idle.set()
        for partition, by_topic in work.items():
            if not partition.dropped:
                partition.evict(table.cache_bytes // len(table.live))
                table.flushing.hold(partition, [message for messages in by_topic.values() for message in messages])
