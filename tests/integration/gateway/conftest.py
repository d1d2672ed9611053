"""A gateway on the real broker, and real records in cw.rows and catalog.titles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from gateways import gateway_at, until

from streams import topics


@pytest.fixture
def gateway(broker: Any, tmp_path: Path) -> Callable[..., Any]:
    """Starts a gateway on the broker; gives a client of it and its parts, once it is ready."""

    @asynccontextmanager
    async def start(**environment: str) -> AsyncIterator[Any]:
        async with gateway_at(tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers, **environment) as (
            client,
            parts,
        ):
            async with asyncio.timeout(20):
                await parts.rows_reader.caught_up.wait()
                await parts.titles_reader.caught_up.wait()
            await until(lambda: parts.writer.up)
            yield client, parts

    return start


@pytest.fixture
async def produce(broker: Any) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Writes (key, value) records to a topic, cw.rows where none is named, partitioned by member; acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")
    await producer.start()

    async def send(*records: tuple[bytes, bytes | None], topic: str = topics.ROWS) -> None:
        count = len(await producer.partitions_for(topic))
        futures = [
            await producer.send(topic, value, key, topics.partition_of(key.rpartition(b"|")[0] or key, count))
            for key, value in records
        ]
        await asyncio.gather(*futures)

    yield send
    await producer.stop()
