"""Runs a worker as a process: logging, signals, exit code."""

import logging
import sys
import time
from pathlib import Path
from typing import Any, Final

import faust

from streams.agents.worker import Worker
from streams.config import Settings

SAME_COMPLAINT_S: Final = 30.0


class _Sparing(logging.Filter):
    """Lets a client's complaint through once in a while: while a broker is away, it repeats it ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        kind, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._last.get(kind, -SAME_COMPLAINT_S) < SAME_COMPLAINT_S:
            return False
        self._last[kind] = now
        return True


class _Process(faust.Worker):  # type: ignore[misc]
    """Faust's process, which says in a line what it is doing instead of drawing."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker.app, loglevel="WARN", quiet=True, redirect_stdouts=False)
        self.spinner = None
        self._port = worker.settings.worker_port

    async def on_startup_finished(self) -> None:
        partitions = sorted(tp.partition for tp in self.app.assignor.assigned_actives() if "changelog" in tp.topic)
        _say(f"ready: partitions {', '.join(map(str, partitions)) or 'none yet'}; metrics on port {self._port}")

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        # Joining and leaving are what the group is for; aiokafka calls them warnings.
        logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.ERROR)
        for handler in logger.handlers:
            handler.addFilter(_Sparing())

    def on_worker_shutdown(self) -> None:
        _say("stopping: making what changed durable ...")

    def _setproctitle(self, *arguments: Any, **options: Any) -> None:
        """Leaves the process its name."""


def run_worker(settings: Settings, data: Path) -> int:
    """Runs until SIGTERM or ctrl-c. Returns 0 where everything was made durable, 1 where the worker failed."""
    _say(f"starting: {settings.bootstrap_servers}, state in {data} ...")
    try:
        _Process(Worker(settings, data)).execute_from_commandline()
    except SystemExit as ended:
        failed = ended.code not in (None, 0)
    else:
        failed = False
    _say("failed: see the error above" if failed else "stopped")
    return int(failed)


def _say(text: str) -> None:
    print(f"cw worker: {text}", file=sys.stderr, flush=True)
