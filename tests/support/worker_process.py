"""`cw worker` as a real process, and what it left: in the changelog, in RocksDB, and as a plain fold would have it."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import rocksdict
from kafka import KafkaConsumer, TopicPartition
from ports import free_port

from streams import codec, events, topics
from streams.batching.store import MARK
from streams.config import WORKER_APP_ID
from streams.member import MemberState
from streams.monitor.kafka import Broker as LagBroker
from streams.monitor.lag import GroupLag, LagWatch

CHANGELOG = f"{WORKER_APP_ID}-members-changelog"
OFFSET_KEY = b"__faust\0offset__"  # how far into the changelog a RocksDB of Faust's is
NO_STATES = (b"__faust", MARK)  # what else a table keeps, by the beginning of its keys


class WorkerProcess:
    """One `cw worker`, or another service that keeps state, with a folder of its own; to be used in a `with` block."""

    def __init__(self, broker, data: Path, service: str = "worker") -> None:
        self.port = free_port()
        self.service = service
        self.broker, self.data, self.log = broker, data, data.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "WorkerProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Leaves no process behind, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [
                sys.executable,
                "-m",
                "streams.cli",
                self.service,
                "--port",
                str(self.port),
                "--data",
                str(self.data),
            ]
            self.process = subprocess.Popen(command, env=self.broker.env, stdout=log, stderr=log)

    def kill(self) -> None:
        """As a crash would: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As an operator would: SIGTERM, and it must end cleanly."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an HTTP call; status 0 where nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_ready(self, seconds: float = 60) -> None:
        wait_until(lambda: self.alive() and self.get("/readyz")[0] == 200, seconds)

    def alive(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return True

    def log_end(self) -> str:
        """The last lines of what it said."""
        return "\n".join(self.log.read_text().splitlines()[-15:]) if self.log.exists() else ""


def wait_until(check: Callable[[], bool], seconds: float, every_s: float = 0.2) -> None:
    """Waits for a condition; fails the test where it does not come."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(every_s)


def wait_caught_up(servers: str, seconds: float = 90, of: str = WORKER_APP_ID) -> GroupLag:
    """Waits until a group, by default the workers', has committed everything in the topics that it reads."""
    broker = LagBroker(servers)
    try:
        watch = LagWatch(broker)
        deadline = time.monotonic() + seconds
        while True:
            group = next(group for group in watch.round().groups if group.group == of)
            if group.members and group.lag == 0:
                return group
            assert time.monotonic() < deadline, f"still behind after {seconds} s: {group}"
            time.sleep(0.3)
    finally:
        broker.close()


def records(servers: str, topic: str) -> Iterator:
    """Every record of a topic that is committed, partition by partition, in order, up to where it ends now."""
    consumer = KafkaConsumer(
        bootstrap_servers=servers, isolation_level="read_committed", enable_auto_commit=False,
        auto_offset_reset="earliest", check_crcs=False, max_partition_fetch_bytes=32 << 20,
    )  # fmt: skip
    try:
        partitions = sorted(TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ())
        for partition, end in sorted(consumer.end_offsets(partitions).items()):
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            while consumer.position(partition) < end:
                for record in consumer.poll(timeout_ms=500).get(partition, ()):
                    if record.offset < end:
                        yield record
    finally:
        consumer.close()


class Folded(NamedTuple):
    """What the log makes of its members, by folding one event after the other, without Faust, batches or tables."""

    states: dict[str, bytes]  # encoded
    newest: dict[str, tuple[int, int]]  # epoch and offset of the newest event that changed the member's state


def fold_log(servers: str, partitions: int) -> Folded:
    """Folds playback.events as it stands."""
    states: dict[str, MemberState] = {}
    newest: dict[str, tuple[int, int]] = {}
    for record in records(servers, topics.EVENTS):
        try:
            event = events.decode(record.value, record.key)
        except (events.InvalidEvent, RecursionError, ValueError):
            continue
        if topics.partition_of(record.key, partitions) != record.partition:
            continue
        events.correct_clock(event, record.timestamp)
        member_id = event["member_id"]
        if states.setdefault(member_id, MemberState()).apply(event, 0, record.offset).changed:
            newest[member_id] = (0, record.offset)
    return Folded({member_id: codec.encode_state(state) for member_id, state in states.items()}, newest)


def plain_fold(servers: str, partitions: int) -> dict[str, bytes]:
    """Encoded state of each member, by a plain fold of the log."""
    return fold_log(servers, partitions).states


def changelog_states(servers: str) -> dict[str, bytes]:
    """Encoded state of each member, by the newest record of each key in the changelog."""
    found = {record.key: record.value for record in records(servers, CHANGELOG)}
    return {key.decode(): value for key, value in found.items() if value is not None and not key.startswith(NO_STATES)}


def local_states(*folders: Path) -> dict[str, bytes]:
    """Encoded state of each member in the RocksDB of stopped workers; of a partition that several have, the newest."""
    newest: dict[str, tuple[int, dict[str, bytes]]] = {}
    for path in (path for folder in folders for path in folder.glob("**/members-*.db")):
        database = rocksdict.Rdict(
            str(path), rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
        table = dict(database.items())
        database.close()
        offset = int(table.get(OFFSET_KEY, b"-1"))
        if path.name not in newest or newest[path.name][0] < offset:
            states = {key.decode(): value for key, value in table.items() if not key.startswith(NO_STATES)}
            newest[path.name] = (offset, states)
    return {member_id: value for _, states in newest.values() for member_id, value in states.items()}
