"""What measurements share: a broker of their own, `cw` commands that take as long as they take, words of progress."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import Broker, make_broker

ROOT = Path(__file__).parents[2]


def say(text: str) -> None:
    """One line of progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


@contextmanager
def running_broker() -> Iterator[Broker]:
    """A real Kafka, run by `cw broker` in a folder of its own that goes with it; free disk space is what it needs."""
    folder = Path(tempfile.mkdtemp(prefix="cw-bench-"))
    broker = make_broker(folder / "home")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def folder_of(broker: Broker, name: str) -> Path:
    """A new empty folder that goes with the broker."""
    folder = broker.home.parent / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def cw(broker: Broker, *arguments: object) -> str:
    """Runs one `cw` command, however long it takes; its stdout. Raises RuntimeError where it fails."""
    words = [str(argument) for argument in arguments]
    done = subprocess.run([sys.executable, "-m", "streams.cli", *words], env=broker.env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"cw {' '.join(words)} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def job(script: str, *arguments: object, **env: object) -> str:
    """Runs a script of this folder as a process of its own; its stdout. Raises RuntimeError where it fails."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
    environment = {**os.environ, **{name: str(value) for name, value in env.items()}}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def disk_bytes(*folders: Path) -> int:
    """What files take on the disk, in bytes; a file that is mostly a hole takes what is written of it."""
    return sum(path.stat().st_blocks * 512 for folder in folders for path in folder.rglob("*") if path.is_file())
