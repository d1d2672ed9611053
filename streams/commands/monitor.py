"""`cw monitor`: the service that watches every consumer from outside."""

import argparse
from typing import Any

from streams import config

_DESCRIPTION = """\
Watches every consumer group of the broker from outside, so that a consumer that idles, stalls or dies is seen as such:
lag in records, and in seconds read from the log; a status for each group (OK, WARN, REWIND, STALL, STOP).

Serves /metrics for Prometheus, /healthz and /readyz on CW_MONITOR_PORT (8082). Says on stderr when a status changes.
Keeps running while the broker is away, and says so. Stops on ctrl-c or SIGTERM. To look once, use 'cw lag'.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw monitor`."""
    parser = subparsers.add_parser(
        "monitor",
        help="the service that watches the lag of every consumer",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, metavar="PORT", help="listen here instead of CW_MONITOR_PORT")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from streams.monitor.service import serve

    settings = config.load()
    serve(settings.bootstrap_servers, settings.service_host, arguments.port or settings.monitor_port)
