"""Batched agents and tables while the broker is away: what was begun goes on when it is back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from counting import PARTITIONS, Counting
from fault_scene import frozen

from streams.batching.fencing import FencedProducer
from streams.broker import embedded

BROKER_SESSION_S = 9.0  # Kafka's default for broker.session.timeout.ms
REQUEST_TIMEOUT = "7"  # seconds; more than a session, as Faust will have it


@pytest.fixture
async def counting(broker: Any, topics: Any, tmp_path: Path) -> AsyncIterator[Counting]:
    async with Counting(broker.bootstrap_servers, tmp_path, topics(PARTITIONS), topics(PARTITIONS)) as app:
        yield app


async def test_a_recovery_that_waits_for_the_broker_longer_than_a_request_may_take_goes_on(
    broker: Any, counting: Counting
) -> None:
    """The broker stands still when partitions have just been assigned, past every time-out."""
    await counting.send(3000)
    worker = counting.start(REQUEST_TIMEOUT=REQUEST_TIMEOUT)
    await counting.logged("a", "Executing _on_partitions_assigned")
    with frozen(embedded.find(broker.settings).pid):
        await asyncio.sleep(2.5 * float(REQUEST_TIMEOUT))
    await counting.send(1000)
    await counting.caught_up()
    counting.stop(worker)
    assert await counting.changelog() == counting.truth
    assert counting.rocksdb() == counting.truth


async def test_partitions_are_fenced_while_a_broker_that_stood_still_does_not_count_itself_yet(
    broker: Any, topics: Any
) -> None:
    """Fenced by its controller meanwhile, a broker answers for a moment that there is none."""
    topic = topics(PARTITIONS)
    with frozen(embedded.find(broker.settings).pid):
        await asyncio.sleep(BROKER_SESSION_S + 3)
    starting = []
    for number in range(60):
        producer = FencedProducer(f"{topic}-{number}", topic, 0, bootstrap_servers=broker.bootstrap_servers)
        starting.append((producer, asyncio.create_task(producer.start())))
        await asyncio.sleep(0.02)
    for producer, started in starting:
        await asyncio.wait_for(started, 20)
        await producer.stop()


async def test_a_worker_that_its_group_refuses_joins_once_it_may(broker: Any, counting: Counting) -> None:
    """A consumer with another way of sharing partitions holds the group for a while."""
    await counting.send(1000)
    holder = AIOKafkaConsumer(
        counting.topic, bootstrap_servers=broker.bootstrap_servers, group_id=counting.topic, enable_auto_commit=False
    )
    await holder.start()
    try:
        worker = counting.start()
        await counting.logged("a", "Attempt to join group failed due to fatal error")
        await asyncio.sleep(2.0)
        assert worker.poll() is None
    finally:
        await holder.stop()
    await counting.caught_up()
    counting.stop(worker)
    assert await counting.changelog() == counting.truth
