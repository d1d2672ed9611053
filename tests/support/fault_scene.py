"""Workers on a real broker under load, and what can happen to them: killed, frozen, interrupted, moved.

A fault is a function that does something to a `Scene` and undoes what an operator would undo; after it the scene must
come back by itself. `Scene.finish` compares what is left with a plain fold over the log.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kafka.admin import ConfigResource, ConfigResourceType, MemberToRemove
from kafka.errors import KafkaError
from ports import free_port
from row_watch import Followers, RowWatch
from traffic import Load
from worker_process import (
    CHANGELOG,
    WorkerProcess,
    changelog_states,
    fold_log,
    local_states,
    records,
    wait_caught_up,
    wait_until,
)

from streams import topics
from streams.broker import embedded
from streams.config import WORKER_APP_ID
from streams.errors import CommandError

SESSION_S = 10.0
HEARTBEAT_S = 3.0
FOLLOWED = 100  # members with a client
RECOVERY_S = 120.0  # nothing may take longer to come back


@dataclass(slots=True)
class Happened:
    """One fault. `gap_s` is the longest time in which some partition got no row, from its begin until all was back;
    `away_s` is the part of it for which what was killed or frozen was kept so.
    """

    name: str
    began_ms: int
    away_s: float = 0.0
    gap_s: float = 0.0
    rows_again: int = 0


@dataclass(slots=True)
class Outcome:
    """What happened, and what is wrong afterwards: nothing where every list is empty."""

    faults: list[Happened]
    events: int = 0
    members: int = 0
    rows: int = 0
    rows_again: int = 0  # rows written that were not newer than the one before
    rows_backwards: int = 0  # of them, those older than it, which gateways must not pass on
    rows_seen: int = 0  # by clients
    changelog_span: int = 0  # offsets ever written
    changelog_records: int = 0  # what compaction has left of them
    restore_s: float = 0.0
    died: list[str] = field(default_factory=list)  # workers that ended by themselves, and were started again
    wrong: dict[str, list[str]] = field(default_factory=dict)  # what is wrong: with which members

    def by_kind(self) -> dict[str, list[Happened]]:
        """The faults of each kind."""
        kinds: dict[str, list[Happened]] = {}
        for fault in self.faults:
            kinds.setdefault(fault.name, []).append(fault)
        return kinds

    def wrongs(self) -> list[str]:
        """One line for each thing that is wrong."""
        return [f"{what}: {len(of)}, such as {of[:3]}" for what, of in self.wrong.items() if of]


class Scene:
    """Two workers, now and then a third, a gateway with clients, and load. All are processes but clients and load."""

    def __init__(self, broker, folder: Path, rate: float, members: int, seed: int) -> None:
        self.broker = broker
        self.servers, self.partitions = broker.bootstrap_servers, broker.settings.partitions
        self.folder = folder
        self.noise = random.Random(seed)
        self.load = Load(self.servers, uuid.uuid4().hex[:6], members, rate, seed)
        self.rows = RowWatch(self.servers, self.partitions)
        self.workers = [WorkerProcess(broker, folder / name) for name in ("one", "two")]
        self.third = WorkerProcess(broker, folder / "three")
        self.died: list[str] = []

    @contextmanager
    def running(self) -> Iterator["Scene"]:
        """Everything started, and rows coming in every partition."""
        with gateway(self.broker) as address:
            try:
                for worker in self.workers:
                    worker.start()
                for worker in self.workers:
                    worker.wait_ready()
                self._compact_early()
                self.followers = Followers(address, self.load.members[:FOLLOWED])
                for thread in (self.rows, self.load, self.followers):
                    thread.start()
                self.recovered()
                yield self
            finally:
                for worker in (*self.workers, self.third):
                    worker.end()

    def _compact_early(self) -> None:
        """Has the changelog compacted while it is written and recovered from, not only at the end."""
        with topics.admin(self.servers) as admin:
            settings = {"segment.ms": "5000", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "1000"}
            admin.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, CHANGELOG, configs=settings),
                    ConfigResource(ConfigResourceType.BROKER, "1", configs={"log.cleaner.backoff.ms": "2000"}),
                ]
            )

    def happen(self, fault: Callable[["Scene"], float]) -> Happened:
        """Makes a fault happen, and waits until all has come back."""
        happened, again = Happened(fault.__name__, now_ms()), self.rows.again
        happened.away_s = fault(self)
        self.recovered()
        happened.gap_s = self.rows.longest_s(happened.began_ms, now_ms())
        happened.rows_again = self.rows.again - again
        return happened

    def recovered(self) -> None:
        """Returns once both workers, and nobody else, share the partitions, and rows have come in each of them since.

        Starts a worker that has ended by itself, as a supervisor would.
        """
        deadline, together_ms = time.monotonic() + RECOVERY_S, 0
        while True:
            for worker in self.workers:
                if worker.process.poll() is not None:
                    self.died.append(f"{worker.data.name}: exit code {worker.process.poll()}\n{worker.log_end()}")
                    worker.start()
            if self.members() and all(worker.get("/readyz")[0] == 200 for worker in self.workers):
                together_ms = together_ms or now_ms()
                if self.rows.flowing_since(together_ms):
                    return
            else:
                together_ms = 0
            if time.monotonic() > deadline:
                last = {number: f"{(now_ms() - at) / 1000:.1f} s ago" for number, at in self.rows.last_ms.items()}
                logs = [f"{worker.data.name}: {worker.log_end()}" for worker in (*self.workers, self.third)]
                raise AssertionError("\n".join([f"not back within {RECOVERY_S:.0f} s; last rows {last}", *logs]))
            time.sleep(0.1)

    def one_worker(self) -> WorkerProcess:
        return self.noise.choice(self.workers)

    def group(self) -> dict:
        """The workers' consumer group as the broker describes it; empty where it can't."""
        try:
            with topics.admin(self.servers, timeout_s=5) as admin:
                return admin.describe_groups([WORKER_APP_ID])[WORKER_APP_ID]
        except (KafkaError, CommandError):
            return {}

    def members(self) -> set[str]:
        """The ids of the two workers in their group; empty while it is not stable, or has others."""
        group = self.group()
        members = {member["member_id"] for member in group.get("members", ())}
        return members if group.get("group_state") == "Stable" and len(members) == len(self.workers) else set()

    def finish(self, faults: list[Happened]) -> Outcome:
        """Ends the load, waits until all is worked off, stops the workers, and checks what they have left."""
        self.load.stop()
        wait_caught_up(self.servers)
        time.sleep(2.0)  # the last rows reach the watchers
        self.rows.stop()
        self.followers.stop()
        for worker in self.workers:
            worker.stop()
        outcome = Outcome(
            faults,
            events=self.load.sent,
            members=len(self.load.members),
            rows=self.rows.rows,
            rows_again=self.rows.again,
            rows_backwards=self.rows.backwards,
            rows_seen=self.followers.seen,
            died=self.died,
        )
        folded = fold_log(self.servers, self.partitions)
        outcome.wrong = {
            "state in the changelog": differing(folded.states, changelog_states(self.servers)),
            "state in RocksDB": differing(folded.states, local_states(*(worker.data for worker in self.workers))),
            **self._wrong_rows(folded.newest),
        }
        outcome.wrong["state restored from the changelog alone"] = self._restore(outcome, folded.states)
        return outcome

    def _wrong_rows(self, due: dict[str, tuple[int, int]]) -> dict[str, list[str]]:
        written = self.rows.newest_of_members()
        got = {member_id: version[:2] for member_id, version in self.followers.newest.items()}
        followed = due.keys() & set(self.followers.members)
        return {
            "newest row not written": sorted(m for m in due if written.get(m, (-1, -1)) < due[m]),
            "newest row not seen by the client": sorted(m for m in followed if got.get(m, (-1, -1)) < due[m]),
            "row went back for the client": self.followers.backwards,
        }

    def _compacted(self) -> bool:
        """Whether the log cleaner has been through every partition of the changelog; its checkpoint says so."""
        checkpoint = self.broker.home / "broker" / "data" / "cleaner-offset-checkpoint"
        cleaned = [line.split() for line in checkpoint.read_text().splitlines() if line.startswith(CHANGELOG)]
        return sum(int(offset) > 0 for _, _, offset in cleaned) == self.partitions

    def _restore(self, outcome: Outcome, states: dict[str, bytes]) -> list[str]:
        """Starts a worker that has nothing but the compacted changelog; the members whose states differ."""
        wait_until(self._compacted, 60)
        ends = {}
        for record in records(self.servers, CHANGELOG):
            outcome.changelog_records += 1
            ends[record.partition] = record.offset + 1
        outcome.changelog_span = sum(ends.values())
        with WorkerProcess(self.broker, self.folder / "restored") as worker:
            began = time.monotonic()
            worker.wait_ready(300)
            outcome.restore_s = time.monotonic() - began
            worker.stop()
            return differing(states, local_states(worker.data))


# --- faults


def kill_a_worker(scene: Scene) -> float:
    """kill -9, and a supervisor starts it again."""
    worker = scene.one_worker()
    worker.kill()
    away_s = scene.noise.uniform(0, 3)
    time.sleep(away_s)
    worker.start()
    return away_s


def kill_the_broker(scene: Scene) -> float:
    """kill -9, and started again."""
    began = time.monotonic()
    scene.broker.kill()
    time.sleep(scene.noise.uniform(0, 3))
    scene.broker.start()
    return time.monotonic() - began


def freeze_a_worker(scene: Scene) -> float:
    """Stopped well past its session; it wakes as a zombie when the other has taken over and written."""
    worker = scene.one_worker()
    away_s = SESSION_S + scene.noise.uniform(5, 12)
    with frozen(worker.process.pid):
        time.sleep(away_s)
    return away_s


def freeze_the_broker(scene: Scene) -> float:
    """Silent past every session, and now and then past what a client waits for an answer (40 s), yet connected."""
    away_s = scene.noise.uniform(12, 50)
    with frozen(embedded.find(scene.broker.settings).pid):
        time.sleep(away_s)
    return away_s


def interrupt_a_flush(scene: Scene) -> float:
    """A third worker's coming takes partitions while flushes are on their way.

    The broker stands still from the moment at which it wants the others to rejoin until each has begun a flush, and
    has asked whether it may stay; both answers then come at once.
    """
    scene.third.start()
    wait_until(lambda: scene.group().get("group_state") == "PreparingRebalance", 60, every_s=0.02)
    away_s = HEARTBEAT_S + 0.5
    with frozen(embedded.find(scene.broker.settings).pid):
        time.sleep(away_s)
    scene.third.wait_ready(RECOVERY_S)
    scene.third.stop()
    return away_s


def rebalance_all(scene: Scene) -> float:
    """Every worker is thrown out of the group, without a word, and comes back as somebody new."""
    before = scene.members()
    with topics.admin(scene.servers) as admin:
        admin.remove_group_members(WORKER_APP_ID, [MemberToRemove(member_id=member) for member in before])
    wait_until(lambda: scene.members() - before, RECOVERY_S)
    return 0.0


def move_a_partition(scene: Scene) -> float:
    """A third worker comes, takes its share, works for a while, and leaves."""
    scene.third.start()
    scene.third.wait_ready(RECOVERY_S)
    time.sleep(scene.noise.uniform(1, 4))
    scene.third.stop()
    return 0.0


def kill_a_worker_in_recovery(scene: Scene) -> float:
    """kill -9, its local state lost, and kill -9 again while it takes partitions over and restores them."""
    worker = scene.one_worker()
    began = time.monotonic()
    worker.kill()
    shutil.rmtree(worker.data)
    worker.start()
    wait_until(lambda: scene.group().get("group_state") == "PreparingRebalance", 60, every_s=0.02)
    time.sleep(SESSION_S + scene.noise.uniform(0, 1))  # the first one's session ends, and the rebalance with it
    worker.kill()
    worker.start()
    return time.monotonic() - began


def kill_the_broker_in_a_rebalance(scene: Scene) -> float:
    """A third worker comes, and the broker is killed while the partitions are being shared anew."""
    scene.third.start()
    wait_until(lambda: scene.group().get("group_state") == "PreparingRebalance", 60, every_s=0.02)
    time.sleep(scene.noise.uniform(0, HEARTBEAT_S))
    away_s = kill_the_broker(scene)
    scene.third.wait_ready(RECOVERY_S)
    scene.third.stop()
    return away_s


FAULTS = (
    kill_a_worker,
    kill_a_worker_in_recovery,
    kill_the_broker,
    kill_the_broker_in_a_rebalance,
    freeze_a_worker,
    freeze_the_broker,
    interrupt_a_flush,
    rebalance_all,
    move_a_partition,
)


# --- helpers


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def differing(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """Members whose state is missing, different, or nobody's."""
    return sorted(m for m in expected.keys() | found.keys() if expected.get(m) != found.get(m))


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that stands still (SIGSTOP) meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def gateway(broker) -> Iterator[str]:
    """`cw gateway` as a process; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "streams.cli", "gateway"]
    with (broker.home / "gateway.log").open("ab") as log:
        env = {**broker.env, "CW_GATEWAY_PORT": str(port)}
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
