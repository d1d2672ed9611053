"""`cw demo`: all of it at once, on one machine."""

import argparse
import asyncio
import math
from pathlib import Path
from typing import Any

from streams.errors import UsageError

MEMBERS = 100
DESCRIPTION = """\
Starts a Kafka, makes a history, trains on it, starts worker, gateway and monitor, and lets simulated members go on
while you look at the page: every part a process of its own, run by the command that you would use. The page's address
is printed once a worker serves the bundle that was trained in this very run. Everything ends with ctrl-c, or after
--duration seconds, and figures measured from the topics are printed.

With --history the history is yours: viewing exports (ViewingActivity.csv). The page then shows your own profiles' rows,
ranked by a model trained on them.

What a run makes is in CW_HOME/demo (default .cw/demo): logs, the bundle and its report, the broker's data. The next run
empties that folder. Ports as everywhere: CW_GATEWAY_PORT (8080), CW_WORKER_PORT (8081), CW_MONITOR_PORT (8082),
CW_BROKER_PORT (9092). With KAFKA_BOOTSTRAP_SERVERS the demo uses that cluster, with all that its topics hold.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="a broker, a trained model, a worker, a gateway and a page, on this machine",
        description=DESCRIPTION,
        epilog="Beside it, in another terminal: cw row MEMBER --explain, cw lag --watch, cw invalid list.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--members", type=int, metavar="N", help=f"simulated profiles (default {MEMBERS}; none with --history)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which simulated population (default 1)")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="end so long after it is ready")
    parser.add_argument("--history", type=Path, nargs="+", default=[], metavar="FILE", help="viewing exports to use")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the demo; 0 where it came to its end, 130 where it was stopped before it was ready."""
    from streams import config
    from streams.demo.run import Demo, Plan

    members = arguments.members
    if members is None:
        members = 0 if arguments.history else MEMBERS
    if not (0 if arguments.history else 1) <= members <= 100_000:
        raise UsageError("--members must be from 1 to 100000")
    duration = arguments.duration
    if duration is not None and not (math.isfinite(duration) and duration > 0):
        raise UsageError("--duration must be a number of seconds above 0")
    missing = next((path for path in arguments.history if not path.is_file()), None)
    if missing is not None:
        raise UsageError(f"there is no file {missing}")
    plan = Plan(members, arguments.seed, duration, tuple(path.absolute() for path in arguments.history))

    async def demo() -> int:
        return await Demo(config.load(), plan).run()

    return asyncio.run(demo())
