"""Runs an app as a process: logging, signals, exit code."""

import fcntl
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import faust
from aiokafka.errors import ProducerFenced

from streams import topics
from streams.config import Settings
from streams.errors import CommandError

SAME_COMPLAINT_S: Final = 30.0
FULL: Final = ("No space left on device", "Disk quota exceeded", "File too large")  # what a system calls it


class _Sparing(logging.Filter):
    """Lets a client's complaint through once in a while: while a broker is away, it repeats it ten times a second.

    Lets nothing through once the app has failed: what its parts say of being torn down hides the reason.
    """

    def __init__(self, app: faust.App) -> None:
        super().__init__()
        self._app = app
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if self._app.crashed:
            return False
        if record.name == "asyncio" and record.exc_info and isinstance(record.exc_info[1], ProducerFenced):
            return False  # aiokafka's own futures; the table has said it
        if not record.name.startswith("aiokafka"):
            return True
        kind, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._last.get(kind, -SAME_COMPLAINT_S) < SAME_COMPLAINT_S:
            return False
        self._last[kind] = now
        return True


class _Process(faust.Worker):  # type: ignore[misc]
    """Faust's process, which says in a line what it is doing instead of drawing."""

    def __init__(self, name: str, app: faust.App, port: int) -> None:
        super().__init__(app, loglevel="WARN", quiet=True, redirect_stdouts=False)
        self.spinner = None
        self._name, self._port = name, port

    async def on_startup_finished(self) -> None:
        partitions = sorted(tp.partition for tp in self.app.assignor.assigned_actives() if "changelog" in tp.topic)
        held = ", ".join(map(str, partitions)) or "none yet"
        _say(self._name, f"ready: partitions {held}; metrics on port {self._port}")

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        # Joining and leaving are what the group is for; aiokafka calls them warnings.
        logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.ERROR)
        for handler in logger.handlers:
            handler.addFilter(_Sparing(self.app))

    def on_worker_shutdown(self) -> None:
        _say(self._name, "stopping: making what changed durable ...")

    def _setproctitle(self, *arguments: Any, **options: Any) -> None:
        """Leaves the process its name."""


def serve(name: str, make: Callable[[], faust.App], settings: Settings, port: int, data: Path) -> int:
    """Runs `cw NAME` until SIGTERM or ctrl-c: 0 where everything was made durable, 1 where the app failed.

    `make` gives its app, `port` is where its metrics are, `data` the folder of its state, for this process alone.
    Raises CommandError where folder or port can't be had, or no broker answers.
    """
    with _own(data):
        _check_port(settings.service_host, port)
        topics.ensure(settings.bootstrap_servers, settings.partitions)
        _say(name, f"starting: {settings.bootstrap_servers}, state in {data} ...")
        return _run(name, make(), port, data)


def _run(name: str, app: faust.App, port: int, data: Path) -> int:
    complain = threading.excepthook
    threading.excepthook = lambda failure: None if app.crashed else complain(failure)
    try:
        _Process(name, app, port).execute_from_commandline()
    except SystemExit as ended:
        failed = ended.code not in (None, 0)
    else:
        failed = False
    _say(name, _failure(app.crash_reason, data) if failed else "stopped")
    return int(failed)


def _failure(reason: BaseException | None, data: Path) -> str:
    """Why the worker ended, and what to do, in one line."""
    text = topics.one_line(reason) if reason is not None else "see the error above"
    if any(full in text for full in FULL):
        advice = f"make room in {data}, or name another folder with --data"
    elif "Corruption" in text:
        advice = f"remove {data}, whose files are damaged: state is restored from the changelog"
    else:
        advice = "what was not made durable is read again"
    return f"failed: {text}; {advice}, and start it again"


def _say(name: str, text: str) -> None:
    print(f"cw {name}: {text}", file=sys.stderr, flush=True)


@contextmanager
def _own(data: Path) -> Iterator[None]:
    """Holds the folder for this process alone. Raises CommandError where another process has it."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise CommandError(f"{data} can't be used: {error.strerror}; name another folder with --data") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"another process keeps its state in {data}: give this one a folder of its own with --data"
            raise CommandError(message) from None
        yield


def _check_port(host: str, port: int) -> None:
    """Raises CommandError where something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"port {port} of {host} can't be used ({error.strerror}): name another with --port"
            raise CommandError(message) from None
