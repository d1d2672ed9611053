"""`cw canary`: how long an event takes to become a row on a client, measured from outside."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any

from streams import config
from streams.errors import UsageError

if TYPE_CHECKING:
    from streams.monitor.canary import Probe

_DESCRIPTION = """\
Sends events of members that nobody is, as a client sends them: POST to the gateway, through Kafka and the worker, and
back as a row by server-sent events. One member for each partition, so that one that hangs is found. Prints the median
and the worst time. Nothing is played, so rows, models and statistics of real members stay as they are.

Exit code 1 where the gateway is away, or a row did not come within 10 seconds.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw canary`."""
    parser = subparsers.add_parser(
        "canary",
        help="time events from POST to the pushed row, end to end",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--events", type=int, default=20, metavar="N", help="how many to send (20)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from streams.monitor.canary import PATIENCE_S, probe, report

    if arguments.events < 1:
        raise UsageError(f"--events is {arguments.events}: send at least 1")
    done = 0

    def progress(_: "Probe") -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\r{done} of {arguments.events} events", end="", file=sys.stderr, flush=True)

    probes = asyncio.run(probe(config.load(), arguments.events, progress))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    found = report(probes)
    print(f"{found['events']} events, {found['rows']} rows")
    print(f"POST answered   median {_ms(found['accepted_median_s'])}")
    print(f"row on client   median {_ms(found['row_median_s'])}, worst {_ms(found['row_worst_s'])}")
    silent = sorted({p.partition for p in probes if p.row_s is None})
    if silent:
        named = ", ".join(map(str, silent))
        print(f"no row within {PATIENCE_S:.0f} s in partitions {named}: see 'cw lag'")
    return 1 if silent else 0


def _ms(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds * 1000:.1f} ms"
