"""`cw outcomes`: joins served rows with what their sessions did, and learns from it live."""

import argparse
from pathlib import Path
from typing import Any

from streams import config

_DESCRIPTION = """\
Reads cw.impressions and playback.events, and writes cw.outcomes: for each served row, what its session played first,
and where that stood. From the outcomes it keeps live figures by bundle, beside recency on the same rows; finds drift
(ADWIN) of outcomes and features; and learns a recalibration of the probabilities, which workers apply while it beats
the bundle's own. 'cw live' shows all of it. Run as many as the load needs: they share the partitions.
"""


def add_parser(subparsers: Any) -> None:
    """Adds the command to `cw`."""
    parser = subparsers.add_parser(
        "outcomes",
        help="join served rows with what sessions played; live figures, drift, recalibration",
        description=_DESCRIPTION,
        epilog="Reads KAFKA_BOOTSTRAP_SERVERS (or the embedded broker, see 'cw broker'), CW_HOME, CW_OUTCOMES_PORT, "
        "CW_PARTITIONS and CW_EPOCH. /healthz, /readyz and /metrics answer on the port. Ends on SIGTERM or ctrl-c: "
        "what was changed is made durable first.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, metavar="PORT", help="of /metrics (default: CW_OUTCOMES_PORT, else 8083)")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="folder of its state, not shared with another process (default: CW_HOME/outcomes)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs until told to stop; 0 where it ended cleanly."""
    from dataclasses import replace

    from streams import service_process
    from streams.outcomes.service import Outcomes

    settings = config.load()
    if arguments.port is not None:
        settings = replace(settings, outcomes_port=arguments.port)
    data = Path(arguments.data).absolute() if arguments.data else settings.home / "outcomes"
    return service_process.serve(
        "outcomes", lambda: Outcomes(settings, data).app, settings, settings.outcomes_port, data
    )
