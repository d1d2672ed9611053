"""`cw worker`: applies playback events and makes rows."""

import argparse
from pathlib import Path
from typing import Any

from streams import config


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

    from streams import service_process
    from streams.agents.worker import Worker

    settings = config.load()
    if arguments.port is not None:
        settings = replace(settings, worker_port=arguments.port)
    data = Path(arguments.data).absolute() if arguments.data else settings.home / "worker"
    return service_process.serve("worker", lambda: Worker(settings, data).app, settings, settings.worker_port, data)
