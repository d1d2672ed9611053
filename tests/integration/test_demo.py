"""`cw demo`, the whole of it as a person runs it: real processes from nothing to the page, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

PORTS = ("CW_BROKER_PORT", "CW_GATEWAY_PORT", "CW_WORKER_PORT", "CW_MONITOR_PORT", "CW_OUTCOMES_PORT")
START_S = 280


@pytest.fixture
def env(tmp_path):
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
        ports = {name: str(probe.getsockname()[1]) for name, probe in zip(PORTS, probes, strict=True)}
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CW_") and k != "KAFKA_BOOTSTRAP_SERVERS"}
    return {**clean, **ports, "CW_HOME": str(tmp_path / "cw")}


def start(env, log, *arguments):
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "demo", *arguments], env=env, stdout=out, stderr=subprocess.STDOUT
        )


def get(env, path, port="CW_GATEWAY_PORT"):
    with urllib.request.urlopen(f"http://127.0.0.1:{env[port]}{path}", timeout=10) as answer:
        return answer.read().decode()


def wait_ready(env, demo, log):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert demo.poll() is None, log.read_text()
        try:
            get(env, "/readyz")
            return
        except (OSError, urllib.error.HTTPError):
            time.sleep(0.1)
    raise AssertionError(f"not ready within {START_S} s: {log.read_text()}")


def bundle_version(env):
    return json.loads((Path(env["CW_HOME"]) / "demo" / "bundle" / "manifest.json").read_text())["version"]


def processes_of(env):
    """Command lines of living processes that carry this run's home in their environment or arguments."""
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if env["CW_HOME"].encode() in told and int(folder.name) != os.getpid():
                left.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return [line for line in left if line]


@pytest.mark.timeout(400)
def test_from_nothing_to_a_page_whose_rows_the_model_of_this_run_ranks(env, tmp_path) -> None:
    log = tmp_path / "demo.log"
    demo = start(env, log, "--members", "30", "--duration", "15")
    try:
        wait_ready(env, demo, log)
        ready = time.monotonic()
        version = bundle_version(env)
        assert "<title>" in get(env, "/")
        assert json.loads(get(env, "/v1/titles"))["titles"]
        members = json.loads(get(env, "/v1/members"))["members"]
        assert len(members) == 30
        rows = [json.loads(get(env, f"/v1/members/{quote(m['member_id'], safe='')}/row")) for m in members]
        assert any(row["items"] for row in rows)
        info = get(env, "/metrics", "CW_WORKER_PORT")
        assert f'cw_model_info{{version="{version}"}} 1.0' in info
        explained = subprocess.run(
            [sys.executable, "-m", "streams.cli", "row", members[0]["member_id"], "--explain"],
            env=env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert explained.returncode == 0, explained.stderr
        assert demo.wait(60) == 0, log.read_text()
        assert time.monotonic() - ready > 14
    finally:
        demo.kill()
    said = log.read_text()
    assert f"http://127.0.0.1:{env['CW_GATEWAY_PORT']}/" in said
    assert "event to row" in said
    assert processes_of(env) == []


def export(path):
    """A household's viewing of a year: a daily series on the television, another on the phone, films between."""
    lines = ["Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark,"
             "Latest Bookmark,Country"]  # fmt: skip
    day = datetime(2025, 1, 1, tzinfo=UTC)
    for number in range(1, 241):
        for profile in ("Ada", "Ben"):
            tv, phone = day + timedelta(days=number, hours=20), day + timedelta(days=number, hours=7)
            for start, show, device in ((phone, "Early News", "Android Phone"), (tv, f"{profile}land", "Smart TV")):
                title = f"{show}: Season {1 + number // 20}: Part {number % 20} (Episode {1 + number % 20})"
                watched = "00:30:00" if number % 3 else "00:09:00"
                lines.append(f"{profile},{start:%Y-%m-%d %H:%M:%S},{watched},,{title},,{device},{watched},,US (USA)")
            if number % 5 == 0:
                film = tv + timedelta(hours=1)
                lines.append(f"{profile},{film:%Y-%m-%d %H:%M:%S},01:20:00,,Film {number},,Smart TV,01:20:00,,US (USA)")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.timeout(400)
def test_with_viewing_exports_their_own_profiles_get_rows(env, tmp_path) -> None:
    log, history = tmp_path / "demo.log", tmp_path / "ours.csv"
    export(history)
    demo = start(env, log, "--history", str(history), "--duration", "2")
    try:
        wait_ready(env, demo, log)
        members = {m["member_id"] for m in json.loads(get(env, "/v1/members"))["members"]}
        row = json.loads(get(env, f"/v1/members/{quote('ours/Ada', safe='')}/row"))
        assert demo.wait(60) == 0, log.read_text()
    finally:
        demo.kill()
    assert members == {"ours/Ada", "ours/Ben"}
    assert row["model_version"] == bundle_version(env), row
    assert any("adaland" in item["show_id"].lower() for item in row["items"]), row
    assert processes_of(env) == []


@pytest.mark.timeout(120)
def test_stopped_before_it_is_ready_it_leaves_nothing_behind(env, tmp_path) -> None:
    log = tmp_path / "demo.log"
    demo = start(env, log, "--members", "30")
    deadline = time.monotonic() + 60
    while "Simulating" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(60) == 130, log.read_text()
    assert processes_of(env) == []


@pytest.mark.timeout(240)
def test_killed_at_once_it_leaves_the_broker_alone_which_the_next_demo_ends(env, tmp_path) -> None:
    log = tmp_path / "demo.log"
    demo = start(env, log, "--members", "30")
    wait_for(lambda: "Training" in log.read_text())
    demo.kill()
    wait_for(lambda: all("kafka.Kafka" in line for line in processes_of(env)))
    again = start(env, log, "--members", "30")
    wait_for(lambda: "Simulating" in log.read_text())
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 130, log.read_text()
    assert processes_of(env) == []


def wait_for(condition) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_port_in_use_is_one_line_and_nothing_is_started(env, tmp_path) -> None:
    log = tmp_path / "demo.log"
    with socket.create_server(("127.0.0.1", int(env["CW_GATEWAY_PORT"]))):
        assert start(env, log, "--members", "30").wait(30) == 1
    assert log.read_text() == (
        f"cw: port {env['CW_GATEWAY_PORT']} is in use by another program: stop that one, or set CW_GATEWAY_PORT to a "
        "free port\n"
    )
    assert not Path(env["CW_HOME"]).exists()


def test_a_folder_that_is_not_the_demos_is_left_alone(env, tmp_path) -> None:
    mine = Path(env["CW_HOME"]) / "demo" / "letters.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("dear")
    log = tmp_path / "demo.log"
    assert start(env, log, "--members", "30").wait(30) == 1
    assert "is not a demo's folder" in log.read_text()
    assert mine.read_text() == "dear"
