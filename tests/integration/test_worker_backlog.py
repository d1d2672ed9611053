"""A backlog: rows that were put off come in the end, whatever happens to the worker meanwhile."""

import time
import uuid
from itertools import count, islice

import orjson
import pytest
from eventlog import HOUR, MINUTE, event
from kafka import KafkaProducer, TopicPartition
from worker_process import WorkerProcess, records, wait_caught_up, wait_until

from streams import topics
from streams.config import WORKER_APP_ID
from streams.row import parse_version

PARTITION = TopicPartition(topics.EVENTS, 2)  # all of it happens in one
MEMBERS = 200
BEFORE = 3_000  # events of others between a member's play and their progress, so that these are in two batches
BEHIND = 60_000  # and behind that
OTHERS = 600  # members: their urgent events alone are more than there is room for beside


class Log:
    """The events, and how far the workers are in them."""

    def __init__(self, broker):
        self.servers, self.partitions = broker.bootstrap_servers, broker.settings.partitions
        self.began = int(time.time() * 1000) - 10 * HOUR
        self.producer = KafkaProducer(bootstrap_servers=self.servers, acks="all", linger_ms=20)
        self.names = self._names()
        self.others = list(islice(self.names, OTHERS))

    def _names(self):
        run = uuid.uuid4().hex[:6]
        for number in count():
            name = f"{run}-{number}"
            if topics.partition_of(name.encode(), self.partitions) == PARTITION.partition:
                yield name

    def send(self, member_id, made):
        value = orjson.dumps({**made, "member_id": member_id, "session_id": f"{member_id} s"})
        return self.producer.send(topics.EVENTS, value, member_id.encode())

    def send_others(self, events):
        for number in range(events):
            made = event("pause", self.began + number, "show", 2, position_s=number / 100)
            last = self.send(self.others[number % len(self.others)], made)
        return last.get(20).offset

    def committed(self):
        """The offset that the workers would go on from."""
        with topics.admin(self.servers) as admin:
            offset = admin.list_group_offsets({WORKER_APP_ID: [PARTITION]})[WORKER_APP_ID].get(PARTITION)
        return offset.offset if offset else -1


@pytest.fixture
def log(broker):
    log = Log(broker)
    yield log
    log.producer.close()


def newest_rows(servers):
    """The offset that each member's newest row covers."""
    newest = {}
    for record in records(servers, topics.ROWS):
        row = orjson.loads(record.value)
        newest[row["member_id"]] = parse_version(row["version"]).offset
    return newest


def test_a_row_that_was_put_off_comes_though_the_worker_is_killed_before_it(broker, log, tmp_path):
    """Each member's last event is a quiet one, committed; many events of others stand behind it as the worker dies."""
    members = list(islice(log.names, MEMBERS))
    for member_id in members:
        log.send(member_id, event("play", log.began, "show", 1, position_s=200))
    log.send_others(BEFORE)
    sent = {m: log.send(m, event("progress", log.began + MINUTE, "show", 1, position_s=260)) for m in members}
    end = log.send_others(BEHIND)
    due = {member_id: future.get(20).offset for member_id, future in sent.items()}
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        wait_until(lambda: worker.alive() and log.committed() > max(due.values()), 60, every_s=0.01)
        worker.kill()
        assert log.committed() < end, "the backlog was worked off before the kill"
        before = newest_rows(log.servers)
        assert any(before.get(member_id, -1) < due[member_id] for member_id in members), "no row was put off"
        worker.start()
        wait_caught_up(log.servers)
        worker.stop()
    newest = newest_rows(log.servers)
    assert {member_id: newest.get(member_id) for member_id in members} == due
