"""Watches rows while faults happen: in cw.rows as they are written, and on clients' streams as they come."""

import asyncio
import re
import threading
import time
from typing import NamedTuple
from urllib.parse import quote

import aiohttp
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams import topics
from streams.row import parse_version

_VERSION = re.compile(rb'"version":"(\d+)-(\d+)-(\d+)"')


class Gap(NamedTuple):
    """A time without rows in a partition of cw.rows; ms since the epoch, by the broker's clock."""

    partition: int
    began_ms: int
    ended_ms: int


class RowWatch(threading.Thread):
    """Reads cw.rows as it is written. Rows must come all the time for a gap to mean something."""

    LEAST_GAP_MS = 200

    def __init__(self, servers: str, partitions: int) -> None:
        super().__init__(daemon=True, name="rows")
        self.rows = 0
        self.again = 0  # rows not above the newest that was written before them for their member and device
        self.backwards = 0  # of them, those below it
        self.gaps: list[Gap] = []
        self.last_ms: dict[int, int] = {}  # arrival of each partition's newest row
        self.newest: dict[bytes, tuple[int, int]] = {}  # member|device: epoch and offset
        self._servers, self._partitions = servers, partitions
        self._stopping = threading.Event()

    def run(self) -> None:
        consumer = KafkaConsumer(
            bootstrap_servers=self._servers, enable_auto_commit=False, auto_offset_reset="earliest",
            check_crcs=False, reconnect_backoff_max_ms=500, max_poll_records=5000,
        )  # fmt: skip
        consumer.assign([TopicPartition(topics.ROWS, number) for number in range(self._partitions)])
        while not self._stopping.is_set():
            try:
                polled = consumer.poll(timeout_ms=200)
            except KafkaError:
                continue  # the broker is away
            for partition, records in polled.items():
                for record in records:
                    self._see(partition.partition, record)
        consumer.close(autocommit=False)

    def _see(self, partition: int, record: object) -> None:
        found = _VERSION.search(record.value)
        version = int(found[1]), int(found[2])
        before = self.newest.get(record.key, (-1, -1))
        self.rows += 1
        if version > before:
            self.newest[record.key] = version
        else:
            self.again += 1
            self.backwards += version < before
        last = self.last_ms.get(partition, record.timestamp)
        if record.timestamp - last >= self.LEAST_GAP_MS:
            self.gaps.append(Gap(partition, last, record.timestamp))
        self.last_ms[partition] = record.timestamp

    def longest_s(self, began_ms: int, ended_ms: int) -> float:
        """The longest time without a row in any partition that ended between these moments, seconds."""
        lengths = [gap.ended_ms - gap.began_ms for gap in list(self.gaps) if began_ms <= gap.ended_ms <= ended_ms]
        return max(lengths, default=0) / 1000

    def flowing_since(self, moment_ms: int) -> bool:
        """Whether every partition has had a row since."""
        return len(self.last_ms) == self._partitions and min(self.last_ms.values()) > moment_ms

    def newest_of_members(self) -> dict[str, tuple[int, int]]:
        """The epoch and offset that the newest row of each member covers."""
        newest: dict[str, tuple[int, int]] = {}
        for key, version in self.newest.items():
            member_id = key.decode().rpartition("|")[0]
            newest[member_id] = max(version, newest.get(member_id, (-1, -1)))
        return newest

    def stop(self) -> None:
        self._stopping.set()
        self.join()


class Followers(threading.Thread):
    """Clients that follow their members' rows by SSE, and come back with Last-Event-ID when a stream ends."""

    def __init__(self, address: str, members: list[str]) -> None:
        super().__init__(daemon=True, name="followers")
        self.address, self.members = address, members
        self.seen = 0
        self.backwards: list[str] = []  # what went back, and from where
        self.newest: dict[str, tuple[int, int, int]] = {}
        self.streams = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        asyncio.run(self._follow_all())

    async def _follow_all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as client:
            following = [asyncio.create_task(self._follow(client, member_id)) for member_id in self.members]
            # Set by another thread, and not waited for in a pool's: a failed test could then never exit.
            while not self._stopping.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    async def _follow(self, client: aiohttp.ClientSession, member_id: str) -> None:
        address = f"{self.address}/v1/members/{quote(member_id, safe='')}/row/stream"
        last = ""
        while True:
            try:
                async with client.get(address, headers={"Last-Event-ID": last} if last else {}) as stream:
                    self.streams += stream.status == 200
                    async for line in stream.content:
                        if line.startswith(b"id: "):
                            last = line[4:].strip().decode()
                            self._see(member_id, last)
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)

    def _see(self, member_id: str, text: str) -> None:
        version = parse_version(text)
        before = self.newest.get(member_id, (-1, -1, -1))
        self.seen += 1
        if tuple(version) < before:
            self.backwards.append(f"{member_id}: {text} after {before}, {time.time():.1f}")
        self.newest[member_id] = tuple(version)

    def stop(self) -> None:
        self._stopping.set()
        self.join()
