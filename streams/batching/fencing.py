"""One transactional producer for each changelog partition, so that only one worker at a time can write to it.

A worker that was paused past its session and wakes would write old state after the new owner's, and compaction keeps
the later record. So the owner of a partition takes the transactional id APP-TABLE-PARTITION when the partition is
assigned, before it reads the changelog's end. From then on Kafka refuses every transaction of whoever had the id
before.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)
from mode import get_logger

__all__ = ["Fenced", "FencedProducer", "passes"]

logger = get_logger(__name__)

RETRY_S = 0.5
SLICE = 256  # records appended at a time
STOP_TIMEOUT = 5.0  # seconds; a producer that can't reach the broker is left to the garbage collector

# What Kafka answers to a producer whose id is no longer its own, or no longer known.
_LOST = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState, OutOfOrderSequenceNumber)


class Fenced(Exception):
    """Another worker owns the changelog partition; nothing that this one holds for it may be written any more."""


def passes(error: BaseException) -> bool:
    """Whether an error is one of a broker that is away or busy: later, the same may succeed."""
    if not isinstance(error, KafkaError):
        return False
    if error.retriable or isinstance(error, KafkaTimeoutError):
        return True
    return error.__cause__ is not None and passes(error.__cause__)  # aiokafka wraps some


class FencedProducer:
    """Writes to one changelog partition, a transaction at a time. `settings` are aiokafka's."""

    def __init__(self, transactional_id: str, topic: str, partition: int, **settings: Any) -> None:
        self.topic = topic
        self.partition = partition
        self._producer = AIOKafkaProducer(transactional_id=transactional_id, **settings)

    async def start(self) -> None:
        """Takes the transactional id: fences whoever had it, and aborts what they had open. Waits for the broker."""
        while True:
            try:
                await self._producer.start()
                return
            except (KafkaError, AssertionError) as error:
                # A broker that comes back may answer before it counts itself among the brokers; aiokafka then asserts.
                if not passes(error) and self._producer.client.cluster.brokers():
                    raise
                logger.warning("%s/%s: no broker yet (%r)", self.topic, self.partition, error)
                await asyncio.sleep(RETRY_S)

    async def write(self, items: Iterable[tuple[bytes, bytes | None]]) -> int | None:
        """Writes records (key, value; None deletes) in one transaction and commits it.

        Returns the offset of the last record, None where the broker could not tell it. Raises Fenced, and KafkaError
        where the broker stays away (`passes`), or the records can't be written at all, such as one that is too large.
        """
        producer = self._producer
        sent: list[asyncio.Future[Any]] = []
        try:
            await producer.begin_transaction()
            count, last = 0, None
            batch = producer.create_batch()
            for key, value in items:
                if batch.append(key=key, value=value, timestamp=None) is None:
                    sent.append(await producer.send_batch(batch, self.topic, partition=self.partition))
                    batch, count = producer.create_batch(), 0
                    batch.append(key=key, value=value, timestamp=None)
                count += 1
                if count % SLICE == 0:
                    await asyncio.sleep(0)
            batch.close()
            sent.append(await producer.send_batch(batch, self.topic, partition=self.partition))
            for future in sent:
                last = await future
            await producer.commit_transaction()
        except _LOST as error:
            raise Fenced(f"{self.topic}/{self.partition}: {error!r}") from error
        except KafkaError as error:
            if isinstance(error.__cause__, _LOST):
                raise Fenced(f"{self.topic}/{self.partition}: {error!r}") from error
            raise
        finally:
            for future in sent:
                future.add_done_callback(_forget)
        return last.offset + count - 1 if last is not None and last.offset >= 0 else None

    async def stop(self) -> None:
        """Closes connections. A transaction left open is aborted by the next owner."""
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._producer.stop()
        except (TimeoutError, KafkaError):
            await self._producer.client.close()


def _forget(future: asyncio.Future[Any]) -> None:
    """Takes note of a batch's failure: one that is told of already need not be complained of for each batch."""
    if not future.cancelled():
        future.exception()
