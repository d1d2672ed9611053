"""What integration tests share: a real broker of their own, on a free port, in a temporary home."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import free_port

from streams import config
from streams.broker import embedded
from streams.topics import admin


def pytest_configure() -> None:
    """What tests alone are run with: measurements, which use this file's broker, too, must not be."""
    # The tests start some fifty Java processes, most for a few seconds: too short for the second compiler.
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
    # Most of what training on a few titles takes is compiling: what one test has had compiled, others need not again.
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


@dataclass(frozen=True)
class Broker:
    """A real Kafka, run by `cw broker`. `env` is a whole environment for subprocesses that shall use it."""

    home: Path
    port: int
    env: dict[str, str]

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> config.Settings:
        return config.load(self.env)

    def start(self) -> None:
        """Starts it, or finds it running. The topics are made, too."""
        self.cw("broker", "start")

    def stop(self) -> None:
        """Stops it gracefully."""
        self.cw("broker", "stop")

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL), and returns when it is gone."""
        running = embedded.find(self.settings)
        assert running is not None, "the broker does not run"
        os.kill(running.pid, signal.SIGKILL)
        while embedded.find(self.settings):
            time.sleep(0.01)

    def cw(self, *arguments: str, **env: str) -> str:
        """Runs one `cw` command against it; its stdout. Fails the test where the command fails."""
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", *arguments],
            env={**self.env, **env}, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, f"cw {' '.join(arguments)}: {done.stderr}"
        return done.stdout


def make_broker(home: Path) -> Broker:
    """A broker's home and port; nothing runs yet."""
    port = free_port()
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CW_") and name != "KAFKA_BOOTSTRAP_SERVERS"
    }
    return Broker(home, port, {**env, "CW_HOME": str(home), "CW_BROKER_PORT": str(port)})


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for the tests of a file: what they leave in its topics is no other file's business.

    A test that stops or kills it must start it again.
    """
    broker = make_broker(tmp_path_factory.mktemp("cw"))
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker for one test, with a home of its own, not started yet."""
    broker = make_broker(tmp_path / "cw")
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def topics(broker: Broker) -> Iterator[Callable[..., str]]:
    """`topics(partitions=4, **settings)` makes a topic with a name of its own and returns the name.

    Settings are written with underscores: cleanup_policy="compact". The topics go when the test ends.
    """
    made: list[str] = []

    def make(partitions: int = 4, **settings: str) -> str:
        name = f"test-{uuid.uuid4().hex[:12]}"
        configs = {key.replace("_", "."): value for key, value in settings.items()}
        with admin(broker.bootstrap_servers) as client:
            client.create_topics({name: {"num_partitions": partitions, "configs": configs}}, wait_for_metadata=True)
        made.append(name)
        return name

    yield make
    if made:
        with admin(broker.bootstrap_servers) as client:
            client.delete_topics(made)
