"""Sends records to Kafka in whole batches, each member's in order, as fast as the broker acknowledges them."""

import asyncio
import logging
import time
from types import TracebackType
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams import topics
from streams.errors import CommandError

_BATCH_BYTES = 256 * 1024
_PATIENCE_S = 10.0  # with a cluster that does not answer at all
_IN_FLIGHT = 8  # batches that wait for an acknowledgement
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it repeats each failed attempt; errors come as exceptions


class Sender:
    """An idempotent producer with Kafka's default partitioning. Raises CommandError where the cluster can't be used."""

    def __init__(self, bootstrap_servers: str, partitions: int) -> None:
        self._servers = bootstrap_servers
        self._partitions_wanted = partitions
        self._producer: Any = None
        self._partitions: dict[str, int] = {}
        self._building: dict[tuple[str, int], Any] = {}
        self._waiting: set[asyncio.Future[Any]] = set()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(topics.ensure, self._servers, self._partitions_wanted, _PATIENCE_S)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers, enable_idempotence=True, max_batch_size=_BATCH_BYTES
        )
        try:
            await self._producer.start()
            for topic in (topics.EVENTS, topics.CATALOG, topics.PROFILES):
                self._partitions[topic] = len(await self._producer.partitions_for(topic))
        except KafkaError as error:
            await self._producer.stop()
            raise self._unreachable(error) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Stopping waits for what is not acknowledged; where the work was given up, that is given up too.
        await asyncio.wait({asyncio.ensure_future(self._producer.stop())}, timeout=0.5 if error else None)

    async def send(self, topic: str, key: str, record: dict[str, Any]) -> None:
        """Adds a record to its partition's batch; waits only where too much is unacknowledged."""
        encoded = key.encode()
        place = (topic, topics.partition_of(encoded, self._partitions[topic]))
        batch = self._building.get(place)
        if batch is None:
            batch = self._building[place] = self._producer.create_batch()
        value, now = orjson.dumps(record), int(time.time() * 1000)
        if batch.append(key=encoded, value=value, timestamp=now) is None:
            await self._close(place)
            batch = self._building[place] = self._producer.create_batch()
            if batch.append(key=encoded, value=value, timestamp=now) is None:
                raise CommandError(f"a record of {len(value)} bytes fits no batch")

    async def flush(self) -> None:
        """Returns once all that was given is acknowledged."""
        for place in list(self._building):
            await self._close(place)
        await self._settle(0)

    async def _close(self, place: tuple[str, int]) -> None:
        batch = self._building.pop(place)
        try:
            self._waiting.add(await self._producer.send_batch(batch, place[0], partition=place[1]))
        except KafkaError as error:
            raise self._unreachable(error) from None
        await self._settle(_IN_FLIGHT)

    async def _settle(self, most: int) -> None:
        while len(self._waiting) > most:
            done, self._waiting = await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                if isinstance(error := future.exception(), KafkaError):
                    raise self._unreachable(error)

    def _unreachable(self, error: KafkaError) -> CommandError:
        return CommandError(
            f"can't send to Kafka at {self._servers} ({type(error).__name__}): start it with 'cw broker start', "
            "or set KAFKA_BOOTSTRAP_SERVERS"
        )
