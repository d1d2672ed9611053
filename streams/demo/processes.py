"""The `cw` commands that the demo runs, each a real process with a log of its own."""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from streams.errors import CommandError

STOP_S = 30.0
_LINE_LIMIT = 2**20
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _end_with_parent() -> None:
    """Asks Linux for SIGTERM when the demo dies, so that even its kill -9 leaves no process."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """One `cw` command: what it says goes to its log, and its last line is kept for the display."""

    def __init__(self, name: str, arguments: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.arguments = arguments
        self.log = log
        self.last_line = ""
        self.lines: list[str] = []
        self._env = env
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts it, apart from the terminal: ctrl-c is for the demo, which stops its processes in order."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streams.cli", *self.arguments,
            env=dict(self._env), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, start_new_session=True, limit=_LINE_LIMIT,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())

    async def finish(self) -> None:
        """Waits for its end. Raises CommandError with its own words where it failed."""
        assert self._process is not None
        assert self._reading is not None
        code = await self._process.wait()
        await self._reading
        if code != 0:
            raise CommandError(self._why(code))

    async def run(self) -> None:
        """Starts it and waits for its end."""
        await self.start()
        await self.finish()

    async def stop(self) -> None:
        """Ends it: SIGTERM, and after 30 seconds SIGKILL. Nothing where it has ended."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_S)
        if self._reading is not None:
            self._reading.cancel()

    def check(self) -> None:
        """Raises CommandError where a process that should run has ended."""
        if self._process is not None and self._process.returncode is not None:
            raise CommandError(self._why(self._process.returncode))

    def _why(self, code: int) -> str:
        words = self.last_line.removeprefix("cw: ") or f"exit code {code}"
        return f"{self.name}: {words} (log: {self.log})"

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self.log.open("wb") as log:
            while True:
                try:
                    line = await self._process.stdout.readline()
                except ValueError:  # a line beyond the limit: its text is of no use here
                    continue
                if not line:
                    return
                log.write(line)
                log.flush()
                text = _TERMINAL.sub("", line.decode(errors="replace")).strip()
                if text:
                    self.last_line = text
                    self.lines = [*self.lines[-199:], text]


_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(home: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """The environment of every process: the caller's, with the demo's home and ports."""
    env = dict(os.environ)
    env.update({name: str(port) for name, port in ports.items()})
    env["CW_HOME"] = str(home)
    env["CW_WORKER_URLS"] = f"http://127.0.0.1:{ports['CW_WORKER_PORT']}"
    env["PYTHONUNBUFFERED"] = "1"
    return env
