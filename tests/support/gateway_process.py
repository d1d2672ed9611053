"""`cw gateway` as a process of its own."""

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import orjson
from worker_process import wait_until


class GatewayProcess:
    """One `cw gateway`; start and stop it as often as a test likes."""

    def __init__(self, env: dict[str, str]) -> None:
        self.port = int(env["CW_GATEWAY_PORT"])
        self.env = env
        self.history: Path | None = None  # what it was given at first
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return orjson.loads(answer.read())
        except OSError:
            return None

    def post(self, events: bytes) -> None:
        """Sends events as a client does; every one must be taken."""
        with urllib.request.urlopen(self.url + "v1/events", events, timeout=30) as answer:
            assert orjson.loads(answer.read())["rejected"] == []

    def start(self, with_rows: bool = True) -> None:
        """Waits until rows are served, or, for pages that need none, until anything is."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "gateway"], env=self.env, stdout=subprocess.DEVNULL
        )
        wait_until(lambda: (self.get("readyz") or {}).get("ready") is True if with_rows else self.get("healthz"), 60)

    def stop(self) -> None:
        """As an operator would: SIGTERM, and it must end cleanly."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(20) == 0
            self._process = None
