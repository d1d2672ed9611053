"""What `cw lag` and `cw monitor` say, as processes, on a real broker and without one."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from committing import commit, send
from ports import free_port
from worker_process import wait_until

CW = Path(sys.executable).with_name("cw")


def run_cw(*arguments, servers):
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers, "COLUMNS": "160"}
    return subprocess.run([CW, *arguments], env=environment, capture_output=True, text=True, timeout=60)


def test_cw_lag_shows_a_dead_group_and_what_to_do_with_exit_code_1(servers, producer, topic, group):
    """A person reads the table; a script reads the exit code, or the JSON."""
    send(producer, topic, 0, 1200)
    commit(servers, group, {(topic, 0): 0})
    shown = run_cw("lag", servers=servers)
    assert shown.returncode == 1, shown.stderr
    assert re.search(rf"^{group} +1,200 .*STOP +the group has no members; members: 0", shown.stdout, re.MULTILINE)
    of_partition = rf"^  {topic}/0 +1,200 +\S+ s +0 +1,200 +STOP +the group has no members"
    assert re.search(of_partition, shown.stdout, re.MULTILINE)
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
    port = free_port()
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


def test_the_monitor_shows_lag_to_prometheus_and_stops_on_sigterm(servers, producer, topic, group):
    """Ready after its first round; every group and partition has its series; SIGTERM is a clean end."""
    send(producer, topic, 0, 12)
    commit(servers, group, {(topic, 0): 2})
    with monitor(servers) as (port, process):
        wait_until(lambda: get(port, "/readyz")[0] == 200, 15)
        shown = get(port, "/metrics")[1]
        series = f'group="{group}",partition="0",topic="{topic}"'
        assert f"cw_lag_records{{{series}}} 10.0" in shown
        assert re.search(rf"cw_lag_seconds{{{series}}} [0-9.]+", shown)
        assert f'cw_group_status{{group="{group}"}} 4.0' in shown
        assert "cw_monitor_broker_up 1.0" in shown
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_the_monitor_lives_on_without_a_broker_and_shows_no_old_figures():
    """A frozen lag is worse than none: /readyz says why, and no lag series is there."""
    with monitor("127.0.0.1:1") as (port, _):
        wait_until(lambda: "does not answer" in get(port, "/readyz")[1], 15)
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
        assert process.wait(timeout=30) == 0


def test_cw_lag_watch_looks_again_until_ctrl_c(servers):
    """One line of JSON a look; ctrl-c is how one ends it, and no failure."""
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers}
    command = [CW, "lag", "--watch", "--json"]
    # A shell that runs tests in the background has them ignore ctrl-c, and what they start, too.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=heed) as process:
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert 1 < second["at"] - first["at"] < 10
