"""`cw canary` on a real broker, worker and gateway: it times what a client sees, and leaves nothing to learn from."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import orjson
import pytest
from ports import free_port
from worker_process import WorkerProcess, records, wait_until

from streams import topics
from streams.monitor.canary import PREFIX, members


def test_canary_members_cover_every_partition_once():
    """One member for each partition, in order, all under the reserved prefix."""
    names = members(12)
    assert [topics.partition_of(name.encode(), 12) for name in names] == list(range(12))
    assert all(name.startswith(PREFIX) for name in names)


@pytest.fixture
def services(broker, tmp_path):
    """A worker and a gateway as processes; gives the worker and the environment that names the gateway."""
    port = free_port()
    env = {**broker.env, "CW_GATEWAY_PORT": str(port), "CW_JWT_SECRET": "a secret of at least thirty-two bytes"}
    gateway = subprocess.Popen([sys.executable, "-m", "streams.cli", "gateway"], env=env, stdout=subprocess.DEVNULL)

    def ready():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        with WorkerProcess(broker, tmp_path / "worker") as worker:
            wait_until(ready, 60)
            worker.wait_ready()
            yield worker, env
    finally:
        gateway.terminate()
        assert gateway.wait(20) == 0


def canary(env, *arguments):
    command = [sys.executable, "-m", "streams.cli", "canary", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_the_canary_times_events_to_their_pushed_rows_and_finds_a_stopped_worker(services, broker):
    """All rows come, with a median; once the worker is stopped, none does, and it says where and exits with 1."""
    worker, env = services
    seen = canary(env, "--events", "12")
    assert seen.returncode == 0, seen.stderr + seen.stdout
    assert "12 events, 12 rows" in seen.stdout
    assert re.search(r"row on client   median [\d.]+ ms, worst [\d.]+ ms", seen.stdout)

    of_canary = [r for r in records(broker.bootstrap_servers, topics.ROWS) if r.key.startswith(b"canary/")]
    rows = [orjson.loads(r.value) for r in of_canary]
    assert {row["member_id"] for row in rows} == set(members(broker.settings.partitions))
    assert all(row["items"] == [] for row in rows)
    impressions = [r for r in records(broker.bootstrap_servers, topics.IMPRESSIONS) if r.key.startswith(b"canary/")]
    assert all(orjson.loads(r.value)["items"] == [] for r in impressions)

    os.kill(worker.process.pid, signal.SIGSTOP)
    seen = canary(env, "--events", "1")
    os.kill(worker.process.pid, signal.SIGCONT)
    assert seen.returncode == 1
    assert "no row within 10 s in partitions 0: see 'cw lag'" in seen.stdout


def test_the_canary_says_in_one_line_that_there_is_no_gateway(broker):
    """With what to do about it."""
    seen = canary({**broker.env, "CW_GATEWAY_PORT": "1"})
    assert seen.returncode == 1
    assert seen.stdout == ""
    assert len(seen.stderr.splitlines()) == 1
    assert "cw gateway" in seen.stderr
