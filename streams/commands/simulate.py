"""`cw simulate`: playback clients of a made-up population."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from streams.errors import UsageError

_DESCRIPTION = """\
Makes up a population and what it watches: households of one to five profiles, a catalogue of series, weekly shows and
films, and every event that their players send, in order of arrival. The same members, days and seed give the same
events. At the end it prints figures measured from the events beside those of real viewing.

  -o FILE     writes the history: events to FILE, the catalogue to FILE's stem + .titles.jsonl, the members' slow facts
              to FILE's stem + .profiles.jsonl
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw simulate`."""
    parser = subparsers.add_parser(
        "simulate",
        help="playback clients of a made-up population",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--members", type=int, default=200, metavar="N", help="profiles that watch (default 200)")
    parser.add_argument("--days", type=float, default=60, metavar="D", help="days of history (default 60)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which population (default 1)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="write the history to FILE")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Makes the population, writes or sends its events, and prints what they look like."""
    if not 1 <= arguments.members <= 1_000_000:
        raise UsageError("--members must be from 1 to 1000000")
    if not 0 < arguments.days <= 3650:
        raise UsageError("--days must be above 0, at most 3650")
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from streams.clients.simulate import files, report
    from streams.clients.simulate.log import FILE_UNTIL_MS, Log
    from streams.clients.simulate.statistics import Statistics

    began = time.monotonic()
    console = Console(stderr=True)
    statistics = Statistics()
    events = TextColumn("{task.fields[events]:,} events")
    columns = (TextColumn("{task.description}"), BarColumn(), events, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"Making {arguments.members:,} members", total=None, events=0)
        log = Log(arguments.members, arguments.days, arguments.seed, FILE_UNTIL_MS)
        progress.update(task, description="Watching", total=log.until_ms - log.start_ms)
        paths = files.write(
            log, arguments.output, statistics,
            lambda to_ms: progress.update(task, completed=to_ms - log.start_ms, events=statistics.events),
        )  # fmt: skip
    report.show(statistics, arguments.days)
    seconds = time.monotonic() - began
    print(f"{statistics.events:,} events in {seconds:.1f} s: {', '.join(map(str, paths))}", file=sys.stdout)
    return 0
