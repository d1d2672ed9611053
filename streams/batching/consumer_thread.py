"""The thread that reads: aiokafka's consumer, taken from as long as the app is at work on the batch before."""

import asyncio
from time import monotonic
from typing import Any

from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import get_logger

from streams.batching.chunks import Chunk, Collection

__all__ = ["ConsumerThread"]

logger = get_logger(__name__)

FRESH_S = 0.003  # at most, that the app waits for what has come to the broker since the last fetch
PACE_S = 0.02  # between two looks at what was fetched, while the app is at work
FETCH_MAX_WAIT_MS = 200  # a partition that was being worked on while its fetch left waits at most this long


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Runs the aiokafka consumer; reads committed records only, and knows when the group last heard from it."""

    last_heartbeat = 0.0  # monotonic seconds

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust ties these to its own exactly-once mode or fixes them; aiokafka reads them when it starts.
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator
        if not hasattr(coordinator, "_do_heartbeat"):
            return  # a client without a group
        beat = coordinator._do_heartbeat

        async def heartbeat() -> bool:
            alive: bool = await beat()
            if alive:
                self.last_heartbeat = monotonic()
            return alive

        coordinator._do_heartbeat = heartbeat

    async def heed_group(self) -> None:
        """Takes note of what went wrong in the group, and has it joined again; until then aiokafka leaves it alone.

        Raises KafkaError where that can't be: what coordinates has ended.
        """
        if self._consumer is None or not hasattr(self._consumer._coordinator, "_do_heartbeat"):
            return  # not started, or a client without a group
        coordinator = self._consumer._coordinator
        try:
            coordinator.check_errors()
        except KafkaError as error:
            if coordinator._coordination_task.done():
                raise
            logger.warning("Joining the group again after %r", error)
            coordinator.request_rejoin()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        if not self.app.crashed:  # then nobody is left to answer, and the thread would wait, and not stop, for ever
            await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.last_heartbeat = monotonic()
        await super().on_partitions_assigned(assigned, generation_id)

    async def fetch(self, tps: set[TP], wait_s: float, max_records: int, collection: "Collection") -> None:
        """Collects what comes for these partitions until `collection` is closed, or `wait_s` seconds without any.

        Runs on the consumer's loop. aiokafka asks for more of a partition only once what it has was taken, so this goes
        on taking while the app is at work on the batch before, but only now and then: each fetch costs the same,
        however little is in it. Of a partition that has `max_records` it takes no more. When the app comes late, what
        was fetched is as old as its work took, so one more fetch brings what has come meanwhile, unless that is much.
        Positions are taken around each read without a pause between, so a chunk's `start` and `end` are exact even
        where something seeks at the same time.
        """
        fetcher = self._ensure_consumer()._fetcher
        deadline = monotonic() + wait_s
        closed = asyncio.ensure_future(collection.closed.wait())
        try:
            with fetcher._subscriptions.fetch_context():
                while not fetcher._closed and self.consumer.flow_active:
                    room = {tp for tp in tps if collection.room(tp, max_records)}
                    collection.add(self._drain(fetcher, room, max_records))
                    remaining = deadline - monotonic()
                    if closed.done() or (not collection.chunks and remaining <= 0):
                        break
                    if collection.chunks:
                        await asyncio.wait([closed], timeout=PACE_S)
                    else:
                        waiting: list[asyncio.Future[Any]] = [fetcher._create_fetch_waiter(), closed]
                        await asyncio.wait(waiting, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
                if collection.stale and room and collection.records < max_records:
                    await asyncio.wait([fetcher._create_fetch_waiter()], timeout=FRESH_S)
                    if not fetcher._closed and self.consumer.flow_active:
                        collection.add(self._drain(fetcher, room, max_records))
        finally:
            closed.cancel()

    def _drain(self, fetcher: Any, tps: set[TP], max_records: int | None) -> dict[TP, Chunk]:
        chunks: dict[TP, Chunk] = {}
        if fetcher._subscriptions.reassignment_in_progress:
            return chunks
        for tp in list(fetcher._records):
            if tp not in tps:
                continue
            result = fetcher._records[tp]
            if not hasattr(result, "getall"):  # an error; what was read before it goes first
                if not chunks:
                    del fetcher._records[tp]
                    fetcher._notify(fetcher._wait_consume_future)
                    result.check_raise()
                return chunks
            if result._partition_records is not None:
                # The parser's own records serve; a second object for each would double the cost of reading.
                result._partition_records._consumer_record = _as_parsed
            state = result._assignment.state_value(tp)
            start = state.position if state is not None and state.has_valid_position else None
            records = result.getall(max_records)
            if not result.has_more():
                del fetcher._records[tp]
                fetcher._notify(fetcher._wait_consume_future)
            if start is not None and state.position > start:
                last_offset = max(state.position, state.lso or 0)
                chunks[TP(*tp)] = Chunk(records, start, state.position, last_offset - state.position)
        return chunks


def _as_parsed(_tp: Any, record: Any) -> Any:
    return record
