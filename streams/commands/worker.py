"""`cw worker`: applies playback events and makes rows."""

import argparse
import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streams import config
from streams.errors import CommandError


def add_parser(subparsers: Any) -> None:
    """Adds the command to `cw`."""
    parser = subparsers.add_parser(
        "worker",
        help="apply playback events to member state and make rows",
        description="Reads playback.events, keeps each member's state, scores and places the row of each of their "
        "devices, and writes cw.rows and cw.impressions. Run as many as the load needs: they share the partitions.",
        epilog="Reads KAFKA_BOOTSTRAP_SERVERS (or the embedded broker, see 'cw broker'), CW_HOME, CW_WORKER_PORT, "
        "CW_PARTITIONS and CW_EPOCH. /healthz, /readyz and /metrics answer on the port. Ends on SIGTERM or ctrl-c: "
        "what was changed is made durable first.",
    )
    parser.add_argument("--port", type=int, metavar="PORT", help="of /metrics (default: CW_WORKER_PORT, else 8081)")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="folder of its state, not shared with another worker (default: CW_HOME/worker)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs until told to stop; 0 where it ended cleanly."""
    from dataclasses import replace

    from streams import topics
    from streams.agents.run import run_worker

    settings = config.load()
    if arguments.port is not None:
        settings = replace(settings, worker_port=arguments.port)
    data = Path(arguments.data).absolute() if arguments.data else settings.home / "worker"
    with _own(data):
        _check_port(settings.service_host, settings.worker_port)
        topics.ensure(settings.bootstrap_servers, settings.partitions)
        return run_worker(settings, data)


@contextmanager
def _own(data: Path) -> Iterator[None]:
    """Holds the folder for this process alone. Raises CommandError where another worker has it."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise CommandError(f"{data} can't be used: {error.strerror}; name another folder with --data") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"another worker keeps its state in {data}: give this one a folder of its own with --data"
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
