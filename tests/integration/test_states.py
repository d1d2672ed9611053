"""Stored states of members on the real broker: damaged ones are set aside and made anew, old ones are brought up."""

import random
import struct
import subprocess
import sys
import threading
import time
import uuid

import orjson
import pytest
from eventlog import HOUR, event, watch
from kafka import KafkaProducer
from traffic import life
from worker_process import (
    CHANGELOG,
    WorkerProcess,
    changelog_states,
    local_states,
    plain_fold,
    records,
    wait_caught_up,
)

from streams import codec, facts, topics
from streams.row import parse_version


class Member:
    """One member, in a partition of the broker's topics, and what is sent and stored of them."""

    def __init__(self, broker, worker):
        self.id = f"states/{uuid.uuid4().hex[:8]}"
        self.servers, self.broker, self.worker = broker.bootstrap_servers, broker, worker
        self.partition = topics.partition_of(self.id.encode(), broker.settings.partitions)
        self.producer = KafkaProducer(bootstrap_servers=self.servers, acks="all")

    def send(self, events):
        """Offsets of the events in the log."""
        key = self.id.encode()
        sent = [
            self.producer.send(
                topics.EVENTS, orjson.dumps({**each, "member_id": self.id}), key, partition=self.partition
            )
            for each in events
        ]
        return [future.get(20).offset for future in sent]

    def store(self, state):
        """Puts bytes in the changelog as the member's state; workers take it to their RocksDB when they start."""
        self.producer.send(CHANGELOG, state, self.id.encode(), partition=self.partition).get(20)

    def stored(self):
        return changelog_states(self.servers)[self.id]

    def newest_row(self):
        rows = [record for record in records(self.servers, topics.ROWS) if record.key.startswith(self.id.encode())]
        return max(parse_version(orjson.loads(record.value)["version"])[:2] for record in rows)

    def cw(self, *arguments):
        """Exit code, stdout and stderr of a command that asks the worker."""
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", *arguments],
            env={**self.broker.env, "CW_WORKER_URLS": f"http://127.0.0.1:{self.worker.port}"},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def worker(broker, tmp_path):
    with WorkerProcess(broker, tmp_path / "worker") as process:
        process.wait_ready()
        yield process


@pytest.fixture
def member(broker, worker):
    member = Member(broker, worker)
    yield member
    member.producer.close()


def damaged(state):
    """One bit of it turned."""
    data = bytearray(state)
    data[len(data) // 2] ^= 4
    return bytes(data)


def as_version_1(state):
    """What a worker wrote before states had widths and a checksum."""
    epoch, offset, names, *_ = struct.unpack_from("<IqIHHH", state, 5)
    return struct.pack("<BIqI", 1, epoch, offset, names) + state[5 + struct.calcsize("<IqIHHH") :]


def damage(member, worker):
    """Damages the member's state, in the changelog and in RocksDB; the worker runs again afterwards."""
    wait_caught_up(member.servers)
    worker.stop()
    bad = damaged(member.stored())
    member.store(bad)
    worker.start()
    worker.wait_ready()
    return bad


def refused(member):
    """The member's events in cw.invalid, by their offset in the log, and the reasons."""
    found = [record for record in records(member.servers, topics.INVALID) if record.key == member.id.encode()]
    headers = [{name: value.decode() for name, value in record.headers} for record in found]
    return {int(header["offset"]): header["reason"] for header in headers}


def test_a_damaged_state_is_set_aside_and_rebuilt_from_the_log_while_events_come(member, worker):
    """Nothing is reset by itself, not even by kill -9; the rebuilt state is a plain fold, with what came meanwhile."""
    events = life(member.id, random.Random(7))
    member.send([next(events) for _ in range(600)])
    bad = damage(member, worker)
    offsets = member.send([next(events) for _ in range(5)])
    wait_caught_up(member.servers)
    worker.kill()
    worker.start()
    worker.wait_ready()
    offsets += member.send([next(events)])
    wait_caught_up(member.servers)
    assert member.stored() == bad
    reasons = refused(member)
    assert sorted(reasons) == offsets
    assert all(reason.startswith("the member's state is unreadable") for reason in reasons.values())
    assert all("checksum" in reason for reason in reasons.values())
    assert "cw_worker_states_unreadable_total 1.0" in worker.get("/metrics")[1]
    code, listed, summary = member.cw("state", "broken")
    assert (code, listed.split()[:3]) == (0, [member.id, "partition", str(member.partition)])
    assert "1 of " in summary

    stop = threading.Event()
    sending = threading.Thread(target=lambda: [send_slowly(member, events) for _ in iter(stop.is_set, True)])
    sending.start()
    code, said, error = member.cw("state", "rebuild", member.id)
    time.sleep(1.0)
    stop.set()
    sending.join()
    assert code == 0, error
    assert said.startswith(f"{member.id} is made anew from ")
    wait_caught_up(member.servers)

    code, said, _ = member.cw("invalid", "replay")
    assert said.startswith("0 sent again"), "all of them are in the state"
    folded = plain_fold(member.servers, member.broker.settings.partitions)[member.id]
    assert member.stored() == folded
    state = codec.decode_state(folded)
    assert member.newest_row() >= (state.epoch, max(refused(member)))
    assert 'cw_worker_states_rebuilt_total{source="log"} 1.0' in worker.get("/metrics")[1]
    code, _, error = member.cw("state", "rebuild", member.id)
    assert (code, error) == (1, f"cw: the state of {member.id} can be read: there is nothing to rebuild\n")
    assert member.cw("state", "broken")[1] == ""
    worker.stop()
    assert local_states(worker.data)[member.id] == folded


def send_slowly(member, events):
    member.send([next(events)])
    time.sleep(0.01)


def test_a_damaged_state_is_begun_anew_by_a_word_and_takes_what_was_turned_away(member, worker):
    """With --empty the past is gone; what came since the damage is sent again by cw invalid replay."""
    began = int(time.time() * 1000) - 20 * HOUR
    member.send([event("session_start", began), *watch("old", began, 5, 1)])
    damage(member, worker)
    member.send(watch("since", began + HOUR, 5, 1, session_id="s2"))
    wait_caught_up(member.servers)
    code, said, _ = member.cw("state", "rebuild", member.id, "--empty")
    assert (code, said) == (
        0,
        f"{member.id} begins anew with nothing; 'cw invalid replay' sends what was turned away\n",
    )
    assert member.cw("invalid", "replay")[1].startswith("6 sent again")
    member.send(watch("later", began + 2 * HOUR, 5, 1, session_id="s3"))
    wait_caught_up(member.servers)
    state = codec.decode_state(member.stored())
    assert set(state.shows) == {"since", "later"}
    assert state.facts[facts.PLAYS] == 2


def test_a_member_who_is_forgotten_has_neither_state_nor_rows_and_begins_anew(member, worker):
    """What came before does not come back; what comes after counts."""
    began = int(time.time() * 1000) - 20 * HOUR
    member.send([event("session_start", began), *watch("old", began, 5, 1)])
    wait_caught_up(member.servers)
    assert member.cw("forget", member.id)[:2] == (
        0,
        f"{member.id} is forgotten: the state is empty, 1 rows are deleted\n",
    )
    rows = [record for record in records(member.servers, topics.ROWS) if record.key == f"{member.id}|tv".encode()]
    assert rows[-1].value is None
    member.send(watch("new", began + HOUR, 5, 1, session_id="s2"))
    wait_caught_up(member.servers)
    assert set(codec.decode_state(member.stored()).shows) == {"new"}
    assert member.cw("forget", "nobody")[0] == 1


def test_nobody_rebuilds_what_is_not_there(member, worker):
    """Errors are one line that says what to do."""
    code, _, error = member.cw("state", "rebuild", member.id)
    assert (code, error) == (1, f"cw: {member.id} has no state: it comes with the member's first event\n")
    worker.stop()
    code, _, error = member.cw("state", "broken")
    assert code == 1
    assert error.startswith("cw: no worker answers at http://127.0.0.1:")
    assert error.count("\n") == 1


def test_a_state_of_version_1_goes_on_in_version_2(member, worker):
    """What an update meets: the changelog and RocksDB hold the older version; the next event makes it the new one."""
    events = life(member.id, random.Random(8))
    member.send([next(events) for _ in range(50)])
    wait_caught_up(member.servers)
    worker.stop()
    member.store(as_version_1(member.stored()))
    worker.start()
    worker.wait_ready()
    member.send([next(events) for _ in range(10)])
    wait_caught_up(member.servers)
    assert member.stored() == plain_fold(member.servers, member.broker.settings.partitions)[member.id]
    assert refused(member) == {}
