"""Batched agents and tables on a real broker, as real processes: what is committed, lost, counted twice, or fenced.

The app is tests/support/counting_app.py. Each test compares its table with a plain count of what was sent.
"""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from counting import PARTITIONS, SESSION_S, Counting


@pytest.fixture
async def counting(broker: Any, topics: Any, tmp_path: Path) -> AsyncIterator[Counting]:
    async with Counting(broker.bootstrap_servers, tmp_path, topics(PARTITIONS), topics(PARTITIONS)) as app:
        yield app


async def test_commits_are_exact_to_the_record_and_nothing_is_counted_twice_after_kill_9(counting: Counting) -> None:
    """A worker killed again and again under load ends with the table that a plain count gives."""
    await counting.send(5003)
    worker = counting.start()
    await counting.caught_up()
    assert await counting.changelog() == counting.truth
    load = asyncio.create_task(counting.send(24_000, per_second=3000))
    for wait in (2.0, 3.1, 2.6):
        await asyncio.sleep(wait)
        worker.kill()
        worker.wait()
        worker = counting.start()
    await load
    await counting.caught_up()
    counting.stop(worker)
    assert await counting.changelog() == counting.truth
    assert counting.rocksdb() == counting.truth


async def test_the_changelog_alone_restores_the_table(counting: Counting) -> None:
    """Local state is lost; the markers of transactions at the changelog's end do not keep recovery waiting."""
    await counting.send(6000)
    worker = counting.start()
    await counting.caught_up()
    counting.stop(worker)
    shutil.rmtree(counting.home / "a")
    await counting.send(500)
    worker = counting.start("b")
    await counting.caught_up(within_s=15)
    counting.stop(worker)
    assert counting.rocksdb("b") == counting.truth


async def test_a_zombie_is_fenced_and_writes_nothing(counting: Counting) -> None:
    """A worker stopped with changes in memory, past its session, finds its partitions taken when it wakes."""
    await counting.send(3000)
    zombie = counting.start("zombie", FLUSH="60")
    await counting.logged("zombie", "counted 3000 in all")
    assert await counting.changelog() == {}
    zombie.send_signal(signal.SIGSTOP)
    heir = counting.start("heir")
    await asyncio.sleep(SESSION_S)
    await counting.send(3000, partitions=2)  # in the others, nothing new tells it that it has slept
    await counting.caught_up()
    assert await counting.changelog() == counting.truth
    written = len(await counting.read(f"{counting.topic}-counts-changelog"))
    zombie.send_signal(signal.SIGCONT)
    await counting.logged("zombie", "Another worker has taken over")
    zombie.kill()
    assert len(await counting.read(f"{counting.topic}-counts-changelog")) == written
    await counting.send(1000)
    await counting.caught_up()
    counting.stop(heir)
    assert await counting.changelog() == counting.truth


async def test_workers_that_come_and_go_share_the_partitions(counting: Counting) -> None:
    """Each rebalance flushes before partitions go; whoever has them next starts from what was flushed."""
    load = asyncio.create_task(counting.send(30_000, per_second=2000))
    first = counting.start("first", STANDBYS="1")
    await asyncio.sleep(4.0)
    second = counting.start("second", STANDBYS="1")
    await asyncio.sleep(5.0)
    counting.stop(first)
    await asyncio.sleep(1.0)
    first = counting.start("first", STANDBYS="1")
    await load
    await counting.caught_up()
    await counting.logged("first", "]: Ready", times=2)
    counting.stop(first)
    counting.stop(second)
    assert await counting.changelog() == counting.truth


async def test_a_standby_takes_over_without_reading_the_changelog_again(counting: Counting) -> None:
    """It has followed the changelog, so it needs nothing of it: here it is gone when the active worker is killed."""
    active, heir = counting.start("active", STANDBYS="1"), counting.start("heir", STANDBYS="1")
    await counting.send(12_000)
    await counting.caught_up()
    await asyncio.sleep(2.0)  # the standby reads the last of it
    counting.empty_changelog()
    assert await counting.changelog() == {}
    active.kill()
    await counting.send(1000)
    await counting.caught_up()
    counting.stop(heir)
    assert counting.rocksdb("heir") == counting.truth


async def test_a_poisoned_record_costs_that_record_alone(counting: Counting) -> None:
    """What can't be read inside a batch leaves it as it was; the records around it count."""
    await counting.send(200)
    poison = [b"\xff\xfe", b'{"a": 1}', b"", b"[" * 100_000]
    for value in poison:
        await counting.send_raw("k1", value, 1)
    await counting.send(200)
    worker = counting.start()
    await counting.caught_up()
    counting.stop(worker)
    assert await counting.changelog() == counting.truth
    assert [record.value for record in await counting.read(counting.refused)] == poison


async def test_values_evicted_from_a_small_cache_are_read_back(counting: Counting) -> None:
    """The cache holds a fraction of the keys, and every count is right."""
    await counting.send(8000)
    worker = counting.start(CACHE_BYTES="9600", MAX_POLL_RECORDS="100")
    await counting.caught_up()
    counting.stop(worker)
    assert counting.rocksdb() == counting.truth
