"""Lag on a real broker: of consumers that idle, stall, die or never commit."""

import json
import signal
import time
import uuid

import pytest
from committing import commit, send
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from worker_process import WorkerProcess, wait_until

from streams import topics
from streams.config import WORKER_APP_ID
from streams.monitor.kafka import Partition
from streams.monitor.lag import LagWatch
from streams.monitor.rules import STALL_AFTER_S, Status


def of(snapshot, group):
    return next(entry for entry in snapshot.groups if entry.group == group)


def wait_for(watch, group, condition, seconds, between=None):
    """Rounds until the group meets the condition; gives the group and how long it took."""
    started = time.monotonic()
    while True:
        groups = {entry.group: entry for entry in watch.round().groups}
        if group in groups and condition(groups[group]):
            return groups[group], time.monotonic() - started
        assert time.monotonic() - started < seconds, f"still {groups.get(group)} after {seconds} s"
        if between:
            between()
        time.sleep(0.3)


def test_seconds_are_the_age_of_the_oldest_record_not_committed_by_the_logs_own_clock(
    servers, connection, producer, topic, group
):
    """What the producer claims does not count on a topic that stamps records; lag grows while nobody commits."""
    send(producer, topic, 0, 10, timestamp_ms=1_500_000_000_000)
    commit(servers, group, {(topic, 0): 4})
    time.sleep(1)
    send(producer, topic, 0, 10)
    watch = LagWatch(connection, required={})
    began = time.time()
    first = of(watch.round(), group)
    between = time.time()
    time.sleep(1)
    again = time.time()
    second = of(watch.round(), group)
    ended = time.time()
    assert first.lag == second.lag == 16
    assert 1 <= first.lag_s < 8 + between - began
    assert again - between - 0.1 <= second.lag_s - first.lag_s <= ended - began + 0.1
    assert [(p.partition, p.lag, p.committed) for p in first.partitions] == [(0, 16, 4), (1, 0, None)]


def test_a_group_at_the_end_of_the_log_has_no_lag(servers, connection, producer, topic, group):
    """An idle consumer stays at zero, in records and in seconds, however old its last record is."""
    send(producer, topic, 1, 5)
    commit(servers, group, {(topic, 1): 5})
    time.sleep(0.5)
    seen = of(LagWatch(connection, required={}).round(), group)
    assert (seen.lag, seen.lag_s, seen.status) == (0, 0.0, Status.OK)


def test_a_group_that_never_committed_is_behind_by_the_whole_log(connection, producer, topic, group):
    """Nothing committed means that the first record of the log waits; nobody there means that nobody will read it."""
    send(producer, topic, 0, 7)
    seen = of(LagWatch(connection, required={group: topic}).round(), group)
    assert (seen.lag, seen.status) == (7, Status.STOP)
    assert seen.partitions[0].committed is None
    assert 0 <= seen.lag_s < 5
    assert "never committed" in seen.reason


def test_records_deleted_before_they_were_read_are_told_and_not_counted(
    servers, admin, connection, producer, topic, group
):
    """The lag starts at the first record that the log still has."""
    send(producer, topic, 0, 10)
    commit(servers, group, {(topic, 0): 2})
    admin.delete_records({TopicPartition(topic, 0): 6})
    seen = of(LagWatch(connection, required={}).round(), group)
    assert seen.lag == 4
    assert seen.lag_s < 5


def test_a_transaction_marker_is_not_a_record_that_waits(servers, connection, topic, group):
    """The end of a log written in transactions is past its last record; a gap in front of a record is skipped."""
    producer = KafkaProducer(bootstrap_servers=servers, transactional_id=f"tx-{group}")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, value=b"one", partition=0)
    producer.commit_transaction()
    # The marker is written after the commit has been acknowledged.
    wait_until(lambda: connection.log_bounds([Partition(topic, 0)])[Partition(topic, 0)] == (0, 2), 15)
    commit(servers, group, {(topic, 0): 1})
    watch = LagWatch(connection, required={})
    only_marker = of(watch.round(), group)
    producer.begin_transaction()
    producer.send(topic, value=b"two", partition=0)
    producer.commit_transaction()
    producer.close()
    wait_until(lambda: connection.log_bounds([Partition(topic, 0)])[Partition(topic, 0)] == (0, 4), 15)
    behind_the_gap = of(watch.round(), group)
    assert (only_marker.partitions[0].end, only_marker.lag, only_marker.lag_s) == (2, 0, 0.0)
    assert (behind_the_gap.partitions[0].end, behind_the_gap.lag) == (4, 3)
    assert 0 < behind_the_gap.lag_s < 5


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
def test_the_age_is_read_from_records_in_any_compression(servers, connection, topic, compression):
    """Producers choose how they compress; the monitor must not mind."""
    producer = KafkaProducer(bootstrap_servers=servers, compression_type=compression, linger_ms=50)
    send(producer, topic, 0, 100)
    producer.close()
    (timestamp,) = connection.first_timestamps({Partition(topic, 0): (50, 100)}).values()
    assert abs(time.time() - timestamp / 1000) < 10


def test_a_round_reads_only_partitions_whose_oldest_waiting_record_changed(
    servers, topics, connection, producer, group, monkeypatch
):
    """Cost is bounded: nothing for what stands still or waits for nobody, one read for what moved."""
    topic = topics(4)
    for partition in range(3):
        send(producer, topic, partition, 20)
    commit(servers, group, {(topic, 0): 5, (topic, 1): 5, (topic, 2): 20})
    read, really = [], connection.first_timestamps

    def counting(offsets):
        read.append(sorted(offset for partition, (offset, _) in offsets.items() if partition.topic == topic))
        return really(offsets)

    monkeypatch.setattr(connection, "first_timestamps", counting)
    watch = LagWatch(connection, required={})
    watch.round()
    watch.round()
    commit(servers, group, {(topic, 1): 9})
    watch.round()
    assert [offsets for offsets in read if offsets] == [[5, 5], [9]]


def test_a_stopped_worker_is_seen_as_stalled_and_a_killed_one_as_gone_within_seconds(
    broker, connection, producer, tmp_path
):
    """SIGSTOP: its session stands, so it is there but moves nothing. kill -9, with nothing waiting: it is gone."""
    watch = LagWatch(connection)
    member_id = f"lag-{uuid.uuid4().hex}"

    def traffic():
        event = {
            "event_id": uuid.uuid4().hex, "type": "browse", "member_id": member_id, "session_id": "s",
            "ts": int(time.time() * 1000), "device": "tv",
        }  # fmt: skip
        producer.send(topics.EVENTS, key=member_id.encode(), value=json.dumps(event).encode())
        producer.flush()

    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        traffic()
        wait_for(watch, WORKER_APP_ID, lambda g: g.members == 1 and g.status is Status.OK and not g.lag, 60)
        worker.process.send_signal(signal.SIGSTOP)
        stopped, after = wait_for(watch, WORKER_APP_ID, lambda g: g.status is not Status.OK, 15, traffic)
        assert stopped.status is Status.STALL
        assert after < STALL_AFTER_S + 4
        assert stopped.lag_s >= STALL_AFTER_S
        worker.process.send_signal(signal.SIGCONT)
        wait_for(watch, WORKER_APP_ID, lambda g: g.status is Status.OK and not g.lag, 40)
        worker.kill()
        killed, after = wait_for(watch, WORKER_APP_ID, lambda g: g.status is not Status.OK, 30)
        assert (killed.status, killed.members, killed.lag) == (Status.STOP, 0, 0)
        assert after < 15  # its session is 10 s


def test_a_member_that_never_commits_is_seen_as_such(servers, connection, producer, topic, group):
    """It polls and sends heartbeats, so a look at members alone would call it healthy."""
    send(producer, topic, 0, 3)
    consumer = KafkaConsumer(
        topic, bootstrap_servers=servers, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    watch = LagWatch(connection, required={})
    try:
        seen, _ = wait_for(
            watch, group, lambda g: g.status is Status.STALL, 20, lambda: consumer.poll(timeout_ms=100)
        )
    finally:
        consumer.close()
    assert "never committed" in seen.reason
    assert seen.lag == 3
