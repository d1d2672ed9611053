"""Batched agents and tables while the broker is away: what was begun goes on when it is back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from counting import PARTITIONS, Counting
from fault_scene import frozen

from streams.broker import embedded

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
