"""Lag on a real broker: consumers that idle, stall, die or never commit; what `cw lag` and `cw monitor` say of them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from worker_process import WorkerProcess

from streams import topics
from streams.config import WORKER_APP_ID
from streams.monitor.kafka import Broker, Partition
from streams.monitor.lag import LagWatch
from streams.monitor.rules import STALL_AFTER_S, Status

CW = Path(sys.executable).with_name("cw")


@pytest.fixture(scope="module")
def servers(broker):
    return broker.bootstrap_servers


@pytest.fixture(scope="module")
def admin(servers):
    with KafkaAdminClient(bootstrap_servers=servers) as client:
        yield client


@pytest.fixture(scope="module")
def producer(servers):
    client = KafkaProducer(bootstrap_servers=servers, acks="all")
    yield client
    client.close()


@pytest.fixture
def connection(servers):
    broker = Broker(servers)
    yield broker
    broker.close()


@pytest.fixture
def topic(topics):
    """A new topic of two partitions that stamps records itself, as playback.events does."""
    return topics(2, message_timestamp_type="LogAppendTime")


@pytest.fixture
def group():
    return f"group-{uuid.uuid4().hex[:8]}"


def send(producer, topic, partition, count, **options):
    for i in range(count):
        producer.send(topic, value=b"record %d" % i, partition=partition, **options)
    producer.flush()


def commit(servers, group, offsets):
    """Commits as a consumer of its own that then leaves."""
    consumer = KafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    consumer.assign([TopicPartition(*at) for at in offsets])
    for (topic, partition), offset in offsets.items():
        consumer.seek(TopicPartition(topic, partition), offset)
    consumer.commit()
    consumer.close()


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
    first = of(watch.round(), group)
    time.sleep(1)
    second = of(watch.round(), group)
    assert first.lag == second.lag == 16
    assert 1 <= first.lag_s < 8
    assert second.lag_s - first.lag_s == pytest.approx(1, abs=0.3)
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
    wait_until(lambda: connection.log_bounds([Partition(topic, 0)])[Partition(topic, 0)] == (0, 2))
    commit(servers, group, {(topic, 0): 1})
    watch = LagWatch(connection, required={})
    only_marker = of(watch.round(), group)
    producer.begin_transaction()
    producer.send(topic, value=b"two", partition=0)
    producer.commit_transaction()
    producer.close()
    wait_until(lambda: connection.log_bounds([Partition(topic, 0)])[Partition(topic, 0)] == (0, 4))
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


def run_cw(*arguments, servers):
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers, "COLUMNS": "160"}
    return subprocess.run([CW, *arguments], env=environment, capture_output=True, text=True, timeout=60)


def test_cw_lag_shows_a_dead_group_and_what_to_do_with_exit_code_1(servers, producer, topic, group):
    """A person reads the table; a script reads the exit code, or the JSON."""
    send(producer, topic, 0, 1200)
    commit(servers, group, {(topic, 0): 0})
    shown = run_cw("lag", servers=servers)
    assert shown.returncode == 1, shown.stderr
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith(group) and topic in line]
    assert re.search(r"1,200\s+\S+ s\s+0\s+1,200\s+STOP\s+the group has no members", line)
    assert f"{group}: nobody is reading." in shown.stdout
    groups = json.loads(run_cw("lag", "--json", servers=servers).stdout)["groups"]
    entry = next(entry for entry in groups if entry["group"] == group)
    assert (entry["status"], entry["lag"], entry["members"]) == ("STOP", 1200, 0)


def test_cw_lag_says_in_one_line_that_the_broker_is_away():
    """No traceback, no half table, exit code 1, and what to do."""
    shown = run_cw("lag", servers="127.0.0.1:1")
    assert shown.returncode == 1
    assert shown.stdout == ""
    assert len(shown.stderr.splitlines()) == 1
    assert "cw broker start" in shown.stderr


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@contextmanager
def monitor(servers):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers, "CW_MONITOR_PORT": str(port)}
    process = subprocess.Popen([CW, "monitor"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 20
        while get(port, "/healthz")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield port, process
    finally:
        process.kill()
        process.communicate()


def wait_until(check, seconds=15):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_monitor_shows_lag_to_prometheus_and_stops_on_sigterm(servers, producer, topic, group):
    """Ready after its first round; every group and partition has its series; SIGTERM is a clean end."""
    send(producer, topic, 0, 12)
    commit(servers, group, {(topic, 0): 2})
    with monitor(servers) as (port, process):
        wait_until(lambda: get(port, "/readyz")[0] == 200)
        shown = get(port, "/metrics")[1]
        series = f'group="{group}",partition="0",topic="{topic}"'
        assert f"cw_lag_records{{{series}}} 10.0" in shown
        assert re.search(rf"cw_lag_seconds{{{series}}} [0-9.]+", shown)
        assert f'cw_group_status{{group="{group}"}} 4.0' in shown
        assert "cw_monitor_broker_up 1.0" in shown
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_the_monitor_lives_on_without_a_broker_and_shows_no_old_figures():
    """A frozen lag is worse than none: /readyz says why, and no lag series is there."""
    with monitor("127.0.0.1:1") as (port, _):
        wait_until(lambda: "does not answer" in get(port, "/readyz")[1])
        assert get(port, "/readyz")[0] == 503
        shown = get(port, "/metrics")[1]
        assert "cw_monitor_broker_up 0.0" in shown
        assert "cw_lag_records{" not in shown


def test_the_monitor_goes_on_by_itself_when_the_broker_comes_back(own_broker):
    """Killed under it: 503 and no figures within seconds. Started again: ready, with figures, without a restart."""
    own_broker.start()
    with monitor(own_broker.bootstrap_servers) as (port, process):
        wait_until(lambda: get(port, "/readyz")[0] == 200, 30)
        assert 'cw_group_status{group="cw-worker"} 4.0' in get(port, "/metrics")[1]
        own_broker.kill()
        wait_until(lambda: get(port, "/readyz")[0] == 503, 20)
        assert "cw_group_status{" not in get(port, "/metrics")[1]
        own_broker.start()
        wait_until(lambda: get(port, "/readyz")[0] == 200, 30)
        assert 'cw_group_status{group="cw-worker"} 4.0' in get(port, "/metrics")[1]
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_cw_lag_watch_looks_again_until_ctrl_c(servers):
    """One line of JSON a look; ctrl-c is how one ends it, and no failure."""
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers}
    command = [CW, "lag", "--watch", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    assert 1 < second["at"] - first["at"] < 10
