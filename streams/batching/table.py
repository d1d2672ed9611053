"""A changelogged table read and written a batch at a time, with exactly one writer for each partition.

The handler of a table gets batches, each of one partition, asks for the values it needs, changes them and puts them
back. Values stay decoded in memory, those not used lately leave first. A flush follows `flush_interval` seconds
after the first change it covers, or earlier once much has changed, and for each partition is

    outputs delivered ▸ one changelog transaction ▸ one RocksDB write batch with its offset ▸ source acks

in that order, so a commit never covers a change that could be lost, and RocksDB is never ahead of the changelog. The
next batches are processed while a flush waits for the broker; a partition whose flush can't keep up is not read
meanwhile.

What a restart brings: the source batches since the last commit again, on state that may have seen them. Keep the source
offset of the last record applied in each value, and skip records at or below it: then state is exactly once.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from faust.exceptions import ImproperlyConfigured
from faust.tables.table import Table as FaustTable
from faust.transport.drivers.aiokafka import server_list
from faust.types import TP
from mode import get_logger

from streams.batching.app import App, ChunkSchema
from streams.batching.batch import Revoked, Unreadable
from streams.batching.fencing import FencedProducer
from streams.batching.flushing import Flushing
from streams.batching.handling import Handler, Handling
from streams.batching.partition import Partition
from streams.batching.store import Store
from streams.batching.turns import Turns

__all__ = ["Table"]

TURN_POLLS = 2  # polls' worth of records that a turn may gather: of one partition, or of several

V = TypeVar("V")
logger = get_logger(__name__)


class Table(FaustTable, Generic[V]):  # type: ignore[misc]
    """A Faust table for batch handlers; use one for an app, since Faust's recovery confuses changelogs of several.

        counts = Table(app, "counts", partitions=4, encode=orjson.dumps, decode=orjson.loads)

        @counts.process(app.batched_topic("events"), name="count")
        async def count(batches):
            for batch in batches:
                values, _ = batch.get_many({record.key for record in batch.records})
                ...
                batch.put_many(values)

    `partitions` must be the source topic's number. Keys must not begin with a NUL byte, which the table's marks do.
    `cache_bytes` bounds the decoded values of all partitions together, `flush_bytes` those that are changed and not on
    their way yet, both by what the values take encoded; `flush_size` bounds the number of changed ones in a partition.
    """

    def __init__(
        self,
        app: App,
        name: str,
        *,
        partitions: int,
        encode: Callable[[V], bytes],
        decode: Callable[[bytes], V],
        flush_interval: float = 1.0,
        flush_size: int = 50_000,
        flush_bytes: int = 64 << 20,
        cache_bytes: int = 128 << 20,
        **options: Any,
    ) -> None:
        if app.tables:
            raise ImproperlyConfigured(f"{app.conf.id} has a table already; a second one would not recover correctly")
        super().__init__(
            app,
            name=name,
            partitions=partitions,
            schema=ChunkSchema(key_type=bytes, value_type=bytes),
            key_type=bytes,
            value_type=bytes,
            recovery_buffer_size=2,  # batches; 1 would make Faust read the changelog after recovery
            **options,
        )
        self.encode = encode
        self.decode = decode
        self.flush_interval = flush_interval
        self.flush_size = flush_size
        self.flush_bytes = flush_bytes
        self.cache_bytes = cache_bytes
        self.live: dict[int, Partition[V]] = {}
        self.flushing = Flushing(self)
        self.changelog = self.changelog_topic_name
        self._ends: dict[TP, int] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.some_marked = asyncio.Event()  # set while a partition may have marks
        app.tables.add(self)
        app.transport.batched.add(self.changelog)
        app.transport.guards.append(self)

    def _new_store(self) -> Store:
        return Store(
            self.app.conf.store,
            self.app,
            self,
            table_name=self.name,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            loop=self.loop,
        )

    def process(self, topic: Any, *, name: str) -> Callable[[Handler[V]], Handler[V]]:
        """Makes a handler the agent of a batched topic. Concurrency is 1, so batches of a partition stay in order.

        The handler gets all that waits, a batch for each partition and topic, up to the records of two polls: what it
        does for all of them at once it pays for once. While nothing waits, it gets batches without records of the
        partitions that have marks, so that it does what it has put off. A handler that raises anything but Revoked
        stops the worker, since skipping a batch would lose it: what one record may do wrong is for the handler to
        catch.
        """

        def decorate(handler: Handler[V]) -> Handler[V]:
            handling = Handling(self, topic.topics[0], handler)
            together = TURN_POLLS * self.app.conf.broker_max_poll_records
            turns = Turns(handling.handle, self.some_marked, together)
            self.app.agent(topic, name=name, concurrency=1)(turns.run)
            return handler

        return decorate

    # -- values

    def load(self, number: int, key: bytes) -> tuple[V | None, int]:
        """The value as RocksDB has it, and its bytes; None and 0 where there is none. Raises Unreadable."""
        stored = self.data.read(number, key)
        return (None, 0) if stored is None else (self._decode(key, stored), len(stored))

    def peek(self, number: int, key: bytes) -> V | None:
        """The value as it stands in this worker, for looking only. Raises KeyError where the partition is elsewhere."""
        partition = self.live[number]
        for values in (partition.recent, partition.older):
            if key in values:
                return values[key]
        return self.load(number, key)[0]

    def _decode(self, key: bytes, stored: bytes) -> V:
        try:
            return self.decode(stored)
        except Exception as error:
            raise Unreadable(f"{self.name}: the value of {key!r} can't be decoded: {error}") from error

    # -- coming and going of partitions

    def give_up(self, partition: Partition[V]) -> None:
        """Discards a partition that is no longer this worker's, and asks for a rebalance to learn what is."""
        if not partition.dropped:
            partition.discard()
            self.app.consumer.rejoin()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Takes the transactional id of every partition assigned, also of those that this worker had before."""
        self.drop()
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        for tp in self.app.assignor.assigned_actives():
            if tp.topic == self.changelog:
                partition: Partition[V] = Partition(tp.partition, self._new_producer(tp.partition))
                partition.fence = asyncio.create_task(partition.producer.start())
                self.live[tp.partition] = partition

    def _new_producer(self, number: int) -> FencedProducer:
        producer = self.app.producer
        transport = self.app.transport
        return FencedProducer(
            f"{self.app.conf.id}-{self.name}-{number}",
            self.changelog,
            number,
            bootstrap_servers=server_list(transport.url, transport.default_port),
            client_id=f"{producer.client_id}-{self.name}-{number}",
            max_batch_size=producer.max_request_size,
            max_request_size=producer.max_request_size,
            **producer._settings_auth(),
        )

    async def fenced(self) -> None:
        """Returns once every assigned changelog partition is fenced: its end may be read now."""
        fences = [partition.fence for partition in self.live.values() if partition.fence is not None]
        if fences:
            await asyncio.wait(fences)
        for fence in fences:
            if not fence.cancelled():  # by the next rebalance
                fence.result()

    def ends(self, offsets: Mapping[TP, int]) -> None:
        """Notes where changelog partitions end, as of their fencing."""
        self._ends.update(offsets)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Opens partitions to handlers: those that recovery has brought to their end. Faust would open any."""
        await super().on_recovery_completed(active_tps, standby_tps)
        reached = self.app.tables.recovery.active_offsets
        for tp in active_tps:
            partition, end = self.live.get(tp.partition), self._ends.get(tp)
            if partition is not None and end is not None and (reached[tp] or 0) >= end - 1:
                marks = self.data.marks(tp.partition)
                partition.marked, partition.marks_stored = dict.fromkeys(marks), set(marks)
                partition.ready = True
                self.some_marked.set()
            else:
                logger.error("%s/%s was not recovered: %s of %s", tp.topic, tp.partition, reached[tp], end)

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Writes what recovery or a standby read. Where that fails, as on a full disk, the worker ends: Faust would say
        so and read on, with ever more in memory and nothing of it stored."""
        try:
            super().apply_changelog_batch(batch)
        except Exception as error:
            self.add_future(self.app.crash(error))
            raise

    async def settle(self) -> None:
        """Waits for handlers and flushes at work, then flushes the rest."""
        await asyncio.gather(*map(self.flushing.settle, list(self.live.values())))

    def drop(self) -> None:
        """Forgets every partition. What was not flushed will be read again."""
        self._ends.clear()
        while self.live:
            _, partition = self.live.popitem()
            partition.discard()
            for task in (partition.fence, partition.flush):
                if task is not None:
                    task.cancel()
            closing = asyncio.create_task(partition.producer.stop())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def on_stop(self) -> None:
        self.drop()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await super().on_stop()

    # -- beside the batches

    def put_many(self, number: int, items: Mapping[bytes, V | None]) -> None:
        """Changes values outside of a batch. Raises KeyError where the partition is elsewhere."""
        self.live[number].put_many(items)

    async def flush(self, number: int) -> None:
        """Returns once all that was changed is durable. Raises KeyError, and Revoked where the partition goes."""
        partition = self.live[number]
        await self.flushing.settle(partition)
        if partition.dropped:
            raise Revoked(f"{self.name}/{number}")

    def check(self, number: int, after: bytes, count: int) -> tuple[int, bytes | None, list[tuple[bytes, Unreadable]]]:
        """Decodes `count` stored values, in order of their keys.

        Returns how many there were, the last key (None where it was the last of all), and those that can't be decoded.
        Begins behind the key `after`, b"" for the first. Raises KeyError where the partition is elsewhere.
        """
        if number not in self.live:
            raise KeyError(number)
        page = self.data.page(number, after, count)
        problems = []
        for key, stored in page:
            try:
                self._decode(key, stored)
            except Unreadable as error:
                problems.append((key, error))
        return len(page), page[-1][0] if len(page) == count else None, problems

    # -- Faust's dict interface

    def _has_key(self, key: Any) -> bool:
        return self._get_key(key) is not None

    def _get_key(self, key: Any) -> V | None:
        for number in self.live:
            if (value := self.peek(number, key)) is not None:
                return value
        return None

    def _set_key(self, key: Any, value: Any) -> None:
        raise TypeError("a batched table is written by Batch.put_many")

    def _del_key(self, key: Any) -> None:
        raise TypeError("a batched table is written by Batch.put_many")


logging.getLogger("aiokafka.producer.sender").setLevel(logging.ERROR)  # a fenced sender logs what Fenced already says
