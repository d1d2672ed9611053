"""Runs a worker as a process: logging, signals, exit code."""

import logging
import sys
from pathlib import Path
from typing import Any

import faust

from streams.agents.worker import Worker
from streams.config import Settings


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
