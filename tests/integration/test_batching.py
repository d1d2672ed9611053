"""Batched agents and tables on a real broker, as real processes: what is committed, lost, counted twice, or fenced.

The app is tests/support/counting_app.py. Each test compares its table with a plain count of what was sent.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import rocksdict
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

APP = Path(__file__).parents[1] / "support" / "counting_app.py"
PARTITIONS = 4
KEYS = 2000
SESSION_S = 6.0


class Counting:
    """The app's processes, its topic, and the truth about what was sent to it."""

    def __init__(self, servers: str, home: Path, topic: str, refused: str) -> None:
        self.servers = servers
        self.home = home
        self.topic = topic
        self.refused = refused
        self.truth: dict[str, tuple[int, int]] = {}
        self.random = random.Random(topic)
        self.processes: list[subprocess.Popen[bytes]] = []

    async def __aenter__(self) -> "Counting":
        self.producer = AIOKafkaProducer(bootstrap_servers=self.servers, acks="all", linger_ms=2)
        await self.producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        await self.producer.stop()

    def start(self, worker: str = "a", **env: str) -> subprocess.Popen[bytes]:
        folder = self.home / worker
        folder.mkdir(parents=True, exist_ok=True)
        with (self.home / f"{worker}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(APP), "worker", "-l", "info", "--without-web"],
                env={
                    **os.environ, "SERVERS": self.servers, "APP": self.topic, "TOPIC": self.topic,
                    "INVALID": self.refused, "DATADIR": str(folder), **env,
                },
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

    async def logged(self, worker: str, text: str, within_s: float = 20.0) -> None:
        """Returns once the worker has logged that."""
        for _ in range(int(within_s / 0.1)):
            if text in (self.home / f"{worker}.log").read_text():
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"{worker} never logged {text!r}")

    async def send(self, records: int, per_second: float | None = None, partitions: int = PARTITIONS) -> None:
        """Sends numbers to random keys, of the first partitions alone if told so."""
        began = time.monotonic()
        for sent in range(records):
            number, value = self.random.randrange(KEYS), self.random.randrange(100)
            number -= number % PARTITIONS - number % partitions
            count, total = self.truth.get(f"k{number}", (0, 0))
            self.truth[f"k{number}"] = (count + 1, total + value)
            await self.send_raw(f"k{number}", str(value).encode(), number % PARTITIONS)
            if per_second and sent % 20 == 0:
                await asyncio.sleep(max(0.0, began + sent / per_second - time.monotonic()))
        await self.producer.flush()

    async def send_raw(self, key: str, value: bytes, partition: int) -> None:
        await self.producer.send(self.topic, key=key.encode(), value=value, partition=partition)

    async def behind(self) -> dict[int, tuple[int | None, int]]:
        """Committed and end offset of each partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, group_id=self.topic)
        await consumer.start()
        try:
            tps = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
            ends = await consumer.end_offsets(tps)
            return {tp.partition: (await consumer.committed(tp), ends[tp]) for tp in tps}
        finally:
            await consumer.stop()

    async def caught_up(self, within_s: float = 40.0) -> None:
        """Returns once what is committed is exactly what was sent, to the record, in every partition."""
        deadline = time.monotonic() + within_s
        while True:
            behind = await self.behind()
            if all(committed == end for committed, end in behind.values()):
                return
            if time.monotonic() > deadline:
                pytest.fail(
                    f"not caught up: {behind}\n" + "\n".join(log.read_text() for log in self.home.glob("*.log"))
                )
            await asyncio.sleep(0.2)

    async def read(self, topic: str) -> list[Any]:
        """Every committed record of a topic, by partition and offset."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.servers, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            tps = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            records = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for found in (await consumer.getmany(timeout_ms=200)).values():
                    records += found
            return records
        finally:
            await consumer.stop()

    async def changelog(self) -> dict[str, tuple[int, int]]:
        """The table as the changelog alone has it."""
        return {
            record.key.decode(): _counts(record.value) for record in await self.read(f"{self.topic}-counts-changelog")
        }

    def rocksdb(self, worker: str = "a") -> dict[str, tuple[int, int]]:
        """The table as a stopped worker's files have it."""
        table = {}
        for path in (self.home / worker).glob("**/*counts-*.db"):
            db = rocksdict.Rdict(str(path), options=rocksdict.Options(raw_mode=True))
            table.update({k.decode(): _counts(v) for k, v in db.items() if not k.startswith(b"__faust")})
            db.close()
        return table


def _counts(value: bytes) -> tuple[int, int]:
    state = orjson.loads(value)
    return state["n"], state["sum"]


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
    await asyncio.sleep(5.0)  # it has counted everything and flushed nothing
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
    counting.stop(first)
    counting.stop(second)
    assert await counting.changelog() == counting.truth


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
    worker = counting.start(CACHE_LIMIT="40", MAX_POLL_RECORDS="100")
    await counting.caught_up()
    counting.stop(worker)
    assert counting.rocksdb() == counting.truth
