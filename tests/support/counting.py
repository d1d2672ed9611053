"""`counting_app.py` as real processes, its topics, and the truth about what was sent to it."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
import rocksdict
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import TopicPartition as KafkaPartition
from kafka.admin import ConfigResource, ConfigResourceType

from streams.topics import admin

APP = Path(__file__).with_name("counting_app.py")
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
        self.producer = AIOKafkaProducer(bootstrap_servers=self.servers, enable_idempotence=True, linger_ms=2)
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
        assert process.wait(60) == 0

    async def logged(self, worker: str, text: str, within_s: float = 60.0, times: int = 1) -> None:
        """Returns once the worker has logged that, so many times."""
        for _ in range(int(within_s / 0.1)):
            if (self.home / f"{worker}.log").read_text().count(text) >= times:
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

    def empty_changelog(self) -> None:
        """Deletes every record of the changelog; offsets go on."""
        changelog = f"{self.topic}-counts-changelog"
        with admin(self.servers) as client:
            settings = {"cleanup.policy": "compact,delete"}  # of what is only compacted, Kafka deletes nothing
            client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, changelog, configs=settings)])
            client.delete_records({KafkaPartition(changelog, number): -1 for number in range(PARTITIONS)})

    def rocksdb(self, worker: str = "a") -> dict[str, tuple[int, int]]:
        """The table as a worker's files have it."""
        table, looking = {}, rocksdict.AccessType.read_only()
        for path in (self.home / worker).glob("**/*counts-*.db"):
            db = rocksdict.Rdict(str(path), options=rocksdict.Options(raw_mode=True), access_type=looking)
            table.update({k.decode(): _counts(v) for k, v in db.items() if not k.startswith(b"__faust")})
            db.close()
        return table


def _counts(value: bytes) -> tuple[int, int]:
    state = orjson.loads(value)
    return state["n"], state["sum"]
