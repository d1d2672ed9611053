"""A Faust transport whose consumer hands an agent one message per partition and poll.

Faust's cost is per message: two asyncio tasks and a queue hop each. Here a message of a chosen topic holds every record
that one poll found in one partition, so that cost is paid once a batch, and a batch grows with the backlog. Changelogs
of batched tables arrive the same way, which makes recovery fast. Every other topic is read as stock Faust reads it.

Assignment, rebalance, recovery, standby replicas, commit, web and sensors stay Faust's; what had to change:

- Faust counts offsets one by one and would never commit past the first batch. A message stands for the offsets from the
  consumer's position before the poll to its position after it, so commits are exact to the record, and they also cover
  what is no record: transaction markers and offsets that compaction took.
- Recovery ends by that position too. The last offset of a transactional changelog is a marker that no record ever
  reaches; stock Faust waits for it for ever.
- Between the end of a rebalance's bookkeeping and its last `flow_control.resume()`, which empties the queues, stock
  Faust may already be reading. Here nothing but recovery reads while the app rebalances, and what was read and not
  delivered is read again: each batch must start where the last one ended.
- Acks of messages from before a rebalance count for nothing.
- An error in the group makes aiokafka wait until somebody takes it, which Faust never does: it would heartbeat and read
  on, and join no rebalance any more.
- Before partitions go, tables flush, their batches are acknowledged and committed, within half the rebalance timeout.

Written against faust-streaming 0.15 and aiokafka 0.14, whose fetch buffers it reads.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from time import monotonic
from typing import Any, Protocol

from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service, get_logger

from streams.batching.chunks import Chunk, Collection, Record, joined
from streams.batching.consumer_thread import ConsumerThread

__all__ = ["Consumer", "Guard", "Transport"]

logger = get_logger(__name__)

IDLE_SLEEP = 0.02  # seconds between looks at whether anything may be read
HEED_INTERVAL = 1.0  # seconds between looks at what went wrong in the group


class Guard(Protocol):
    """What the consumer asks of a batched table when partitions come and go."""

    changelog: str

    async def fenced(self) -> None:
        """Returns once every assigned changelog partition is fenced: its end may be read now."""

    def ends(self, offsets: Mapping[TP, int]) -> None:
        """Told where changelog partitions end, as of their fencing."""

    async def settle(self) -> None:
        """Flushes everything and acknowledges its source batches."""

    def drop(self) -> None:
        """Forgets every partition, with what was not flushed."""


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Reads chosen topics in batches, and settles batched tables before their partitions go."""

    transport: "Transport"
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next: dict[TP, int] = {}  # the offset at which a partition's next batch must start
        self._truncated: dict[TP, int] = {}  # where a partition was found to start later than that, once
        self._delivered: dict[TP, deque[int]] = defaultdict(deque)  # message offsets not committed yet, in order

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def session_alive(self) -> bool:
        """False once the last heartbeat is older than the session: another worker may own these partitions by now."""
        silence = monotonic() - self._thread.last_heartbeat
        return bool(silence < self.app.conf.broker_session_timeout)

    def rejoin(self) -> None:
        """Asks for a rebalance, which assigns and recovers every partition anew."""
        consumer = self._thread._ensure_consumer()
        self._thread.thread_loop.call_soon_threadsafe(consumer._coordinator.request_rejoin)

    @Service.task  # type: ignore[untyped-decorator]
    async def _heed_group(self) -> None:
        async for _ in self.itertimer(HEED_INTERVAL, name="group"):
            await self._on_thread(self._thread.heed_group())

    # -- reading

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 Faust's name
        """Yields one message for each partition of a batched topic that had something, its value a Chunk."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if self.should_stop:
            return
        generation = self.app.consumer_generation_id
        readable = self._readable()
        if not readable:
            await self.sleep(IDLE_SLEEP)
            return
        chunks = await self._collected(readable, timeout)
        for tp, chunk in chunks:
            if self.should_stop or self.app.consumer_generation_id != generation or tp not in self._readable():
                continue  # a rebalance seeks to the committed offset; anything else is healed by the next batch's start
            if (whole := await self._continuing(tp, chunk)) is None:
                continue
            self.app.monitor.track_tp_end_offset(tp, whole.end + whole.behind)
            self._next[tp] = whole.end
            if tp.topic in self.transport.batched:
                if self.app.topics.acks_enabled_for(tp.topic):
                    self._delivered[tp].append(whole.end - 1)
                yield tp, self._batch_message(tp, whole)
            else:
                for record in whole.records:
                    yield tp, self._record_message(tp, record)

    async def _collected(self, tps: set[TP], timeout: float) -> list[tuple[TP, Chunk]]:  # noqa: ASYNC109 Faust's name
        """What there is of these partitions by the time that the app has come to take it."""
        thread = self._thread
        collection = Collection(asyncio.get_running_loop(), thread.thread_loop)
        fetching = thread.fetch(tps, timeout, self.app.conf.broker_max_poll_records, collection)
        collecting = asyncio.ensure_future(self._on_thread(fetching))
        chunks = await collection.take(collecting)
        return [(tp, chunk) for tp, some in chunks.items() for chunk in joined(some)]

    def _readable(self) -> set[TP]:
        """Partitions that may be read now: what Faust has not paused; while it rebalances, what recovery asks for."""
        active = self._get_active_partitions()
        if not self.app.rebalancing:
            return set(active)
        if not self.app.in_recovery:
            return set()
        return active & self.app.tables.recovery.active_tps  # type: ignore[no-any-return]

    async def _continuing(self, tp: TP, chunk: Chunk) -> Chunk | None:
        """The part of a chunk that follows on from what was delivered; None where there is none, or a gap."""
        expected = self._next.get(tp, chunk.start)
        if chunk.start == expected:
            return chunk
        if chunk.start > expected:
            if self._truncated.pop(tp, None) == chunk.start:
                logger.warning("%s: offsets %s to %s are no longer in the log", tp, expected, chunk.start - 1)
                return Chunk(chunk.records, expected, chunk.end, chunk.behind)
            self._truncated[tp] = chunk.start
            await self.seek(tp, expected)
            return None
        if chunk.end <= expected:
            return None
        return Chunk([r for r in chunk.records if r.offset >= expected], expected, chunk.end, chunk.behind)

    def _batch_message(self, tp: TP, chunk: Chunk) -> ConsumerMessage:
        newest = chunk.records[-1].timestamp / 1000 if chunk.records else None
        return self._message(tp, chunk.end - 1, newest, None, None, chunk)

    def _record_message(self, tp: TP, record: Record) -> ConsumerMessage:
        return self._message(tp, record.offset, record.timestamp / 1000, record.headers, record.key, record.value)

    def _message(
        self, tp: TP, offset: int, timestamp: float | None, headers: Any, key: Any, value: Any
    ) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            offset,
            timestamp,
            0,
            list(headers or ()),
            key,
            value,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def on_buffer_full(self, tp: TP) -> None:
        """Batches need no second brake: a full queue blocks the reader, and takes the next batch when it drains."""
        if tp.topic not in self.transport.batched:
            super().on_buffer_full(tp)

    async def _on_thread(self, coroutine: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._thread.thread_loop))

    # -- positions

    async def perform_seek(self) -> None:
        await super().perform_seek()
        for tp in self.assignment():
            if not self._is_changelog_tp(tp):
                self._expect(tp, self._read_offset[tp])

    async def seek(self, partition: TP, offset: int) -> None:
        await super().seek(partition, offset)
        self._expect(partition, offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        await super().seek_wait(partitions)
        for tp, offset in partitions.items():
            self._expect(tp, offset)

    def _expect(self, tp: TP, offset: int | None) -> None:
        if offset is None:
            self._next.pop(tp, None)
        else:
            self._next[tp] = offset

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The ends of partitions, read only once no older worker can still write to a changelog."""
        for guard in self.transport.guards:
            await guard.fenced()
        ends: Mapping[TP, int] = await super().highwaters(*partitions)
        for guard in self.transport.guards:
            guard.ends(ends)
        return ends

    # -- acks and commits

    def ack(self, message: ConsumerMessage) -> bool:
        """Counts an ack, unless the message is from before the last rebalance: its partition was read again since."""
        if message.generation_id != self.app.consumer_generation_id:
            self._unacked_messages.discard(message)
            return False
        return super().ack(message)  # type: ignore[no-any-return]

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self.transport.batched:
            await super()._add_gap(tp, offset_from, offset_to)

    def committed(self, tp: TP) -> int | None:
        """The offset to read next as it was committed last; None where nothing is."""
        return self._committed_offset[tp]  # type: ignore[no-any-return]

    def _new_offset(self, tp: TP) -> int | None:
        """The offset to commit: past every batch, in order of delivery, up to the first that is not acknowledged."""
        if tp.topic not in self.transport.batched:
            return super()._new_offset(tp)  # type: ignore[no-any-return]
        delivered, acked = self._delivered[tp], self._acked_index[tp]
        last = None
        while delivered and delivered[0] in acked:
            last = delivered.popleft()
            acked.discard(last)
        if last is None:
            return None
        self._acked[tp] = [offset for offset in self._acked[tp] if offset > last]
        return last + 1

    # -- giving partitions up

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Settles batched tables, within half the rebalance timeout, before Faust's own wait, which has no limit."""
        if revoked:
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            await self._settle(self.app.conf.broker_rebalance_timeout / 2)
        for guard in self.transport.guards:
            guard.drop()
        for tp in revoked:
            self._next.pop(tp, None)
            self._truncated.pop(tp, None)
            self._delivered.pop(tp, None)
        self._let_go()
        await super().on_partitions_revoked(revoked)

    async def wait_empty(self) -> None:
        """Called when the worker stops, too; batches that a table holds are flushed first."""
        await self._settle(self.app.conf.broker_rebalance_timeout / 2)
        self._let_go()
        await super().wait_empty()

    def _let_go(self) -> None:
        """Has Faust wait for no batch that is still held: it will be read again."""
        self._unacked_messages -= {m for m in self._unacked_messages if m.tp.topic in self.transport.batched}

    async def _settle(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                for guard in self.transport.guards:
                    await guard.settle()
                await self.maybe_wait_for_commit_to_finish()
                await self.commit()
        except TimeoutError:
            logger.error("Not flushed within %.0f s: dropped what was not, it will be read again", within_s)


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with the batch consumer. `batched` names the topics, `guards` the batched tables."""

    Consumer = Consumer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batched: set[str] = set()
        self.guards: list[Guard] = []
