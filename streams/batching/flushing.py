"""Makes durable what handlers changed, a partition at a time: changelog, then RocksDB, then the source's acks."""

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from faust.types import Message
from mode import get_logger

from streams.batching.batch import Revoked
from streams.batching.fencing import Fenced, passes
from streams.batching.partition import Partition
from streams.batching.store import MARK

if TYPE_CHECKING:
    from streams.batching.table import Table

__all__ = ["Flushing"]

V = TypeVar("V")
logger = get_logger(__name__)

TIMEOUT_S = 50.0  # longer than the producers' own timeouts: what is not done by then is stuck
GOLDEN = 0.618034  # multiples of it, less the whole part, are spread well however many there are
SLICE = 256  # values encoded at a time: all of a flush at once would hold up the handler for tens of milliseconds


class Flushing(Generic[V]):
    """The flushes of a table: when they are due, and what one does. At most one of a partition runs at a time."""

    def __init__(self, table: "Table[V]") -> None:
        self._table = table

    def hold(self, partition: Partition[V], messages: list[Message]) -> None:
        """Keeps processed messages, without their records, until a flush acknowledges them."""
        for message in messages:
            message.value = None
            partition.held.append(message)
        if partition.due is None:
            loop = asyncio.get_running_loop()
            partition.due = self._slot(partition.number, loop.time())
            partition.timer = loop.call_at(partition.due, self._maybe_start, partition)
        self._maybe_start(partition)

    def _slot(self, number: int, now: float) -> float:
        """The next time, at most `flush_interval` away, at which this partition may flush. Partitions take turns:
        flushes of all at once would hold up the handler that many times as long."""
        interval = self._table.flush_interval
        own = number * GOLDEN % 1.0 * interval
        return now + interval - (now - own) % interval

    async def room(self, partition: Partition[V]) -> None:
        """Returns once the partition has room for more changes."""
        while partition.flush is not None and self._full(partition):
            await asyncio.wait([partition.flush])

    async def settle(self, partition: Partition[V]) -> None:
        """Waits for the handler and the flush at work, then flushes the rest."""
        await partition.idle.wait()
        while not partition.dropped and (partition.flush is not None or partition.held or partition.dirty):
            self._start(partition)
            if partition.flush is not None:
                await asyncio.wait([partition.flush])
            await partition.idle.wait()  # a handler may have taken the next batch meanwhile

    def _maybe_start(self, partition: Partition[V]) -> None:
        """Starts a flush if one is due. Called when time is up, and whenever a handler or a flush has ended."""
        late = partition.due is not None and partition.due <= asyncio.get_running_loop().time()
        if late or self._full(partition):
            self._start(partition)

    def _full(self, partition: Partition[V]) -> bool:
        share = self._table.flush_bytes // max(1, len(self._table.live))
        return len(partition.dirty) >= self._table.flush_size or partition.dirty_bytes >= share

    def _start(self, partition: Partition[V]) -> None:
        if partition.flush is not None or partition.dropped or not partition.idle.is_set():
            return
        if partition.timer is not None:
            partition.timer.cancel()
        partition.due = partition.timer = None
        partition.flush = asyncio.create_task(self._flush(partition))

    async def _encoded(self, partition: Partition[V]) -> list[tuple[bytes, bytes | None]]:
        """What changed, encoded.

        Between two slices the handler may change a value again. Then it is encoded as it is by then, ahead of its
        batch's acks, as any value is whose worker dies between write and acks; and the next flush has it again.
        """
        dirty = partition.take_dirty()
        items: list[tuple[bytes, bytes | None]] = []
        for start in range(0, len(dirty), SLICE):
            for key, value in dirty[start : start + SLICE]:
                encoded = None if value is None else self._table.encode(value)
                partition.resize(key, len(encoded or b""))
                items.append((key, encoded))
            await asyncio.sleep(0)
        return items

    async def _flush(self, partition: Partition[V]) -> None:
        """Makes what changed durable and acknowledges the batches that changed it."""
        table = self._table
        held, partition.held = partition.held, []
        outputs, partition.outputs = partition.outputs, []
        try:
            marks = partition.take_marks()  # as of `outputs`: a mark goes once what it stood for is delivered
            items = await self._encoded(partition)
            items += [(MARK + key, b"" if marked else None) for key, marked in marks.items()]
            async with asyncio.timeout(TIMEOUT_S):
                if outputs:
                    await asyncio.gather(*outputs)
                offset = await partition.producer.write(items) if items else None
            if partition.dropped:
                return
            if items:
                table.data.write(partition.number, items, offset)
            for message in held:
                message.ack(table.app.consumer)
        except Fenced as error:
            logger.warning("Another worker has taken over: %s", error)
            table.give_up(partition)
        except Revoked as error:
            logger.warning("%s/%s is given up: %s", table.changelog, partition.number, error)
            table.give_up(partition)
        except TimeoutError:
            undelivered = sum(not output.done() for output in outputs)
            logger.error(
                "A flush of %s/%s is stuck (%d outputs not delivered): it is given up, and read again",
                table.changelog, partition.number, undelivered,
            )  # fmt: skip
            table.give_up(partition)
        except asyncio.CancelledError:
            table.give_up(partition)
            raise
        except Exception as error:
            if passes(error):
                logger.warning("%s/%s is given up: no answer from Kafka (%r)", table.changelog, partition.number, error)
                table.give_up(partition)
            else:
                logger.exception("Could not flush %s/%s", table.changelog, partition.number)
                table.give_up(partition)
                await table.app.crash(error)
        finally:
            partition.flushing = {}
            partition.flush = None
        if not partition.dropped:
            self._maybe_start(partition)
