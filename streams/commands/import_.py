"""`cw import netflix`: viewing exports to events."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from streams.clients.netflix import Imported

_DESCRIPTION = """\
Reads viewing exports (ViewingActivity.csv, which an account's owner can ask for) into the events that the players would
have sent, so that a household sees its own rows, ranked by a model trained on its own viewing.

Column order, header, quoting, delimiter, encoding and language may be any. Each profile becomes a member,
PREFIX/PROFILE; sessions end when a member leaves a device alone for 30 minutes. Trailers are left out, exact repeats
dropped, and rows that can't be read are counted by reason. Reading the same export again makes the same events with
the same ids.

  -o FILE     writes the events to FILE, and the names of what was watched to FILE's stem + .titles.jsonl
  --produce   sends both to the broker: topics playback.events and catalog.titles
"""
_EPILOG = (
    "Example: cw import netflix ViewingActivity.csv --member-prefix home -o home.jsonl && cw train --events home.jsonl"
)


def add_parser(subparsers: Any) -> None:
    """Adds `cw import`."""
    importer = subparsers.add_parser("import", help="viewing exports of other services to events")
    services = importer.add_subparsers(title="services", metavar="SERVICE", required=True)
    parser = services.add_parser(
        "netflix",
        help="ViewingActivity.csv",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an export; several are read as one log")
    parser.add_argument(
        "--member-prefix",
        metavar="P",
        help="the household: every file's profiles become P/PROFILE (by default each file is a household of its own, "
        "named after it)",
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the events to FILE (JSON Lines)")
    target.add_argument("--produce", action="store_true", help="send the events to the broker")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Reads the exports, writes or sends their events, and prints what was read."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from streams.clients import netflix
    from streams.clients.delivery import produce, write

    prefix = arguments.member_prefix
    if prefix is not None and not (0 < len(prefix.strip()) <= 100):
        raise UsageError("--member-prefix must be 1 to 100 characters")
    missing = next((path for path in arguments.files if not path.is_file()), None)
    if missing is not None:
        raise UsageError(f"there is no file {missing}")
    began = time.monotonic()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} {task.fields[what]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading", total=None, what="rows")
        imported = netflix.read(arguments.files, prefix, lambda rows: progress.advance(task, rows))
        events, titles, count = imported.events(), imported.titles(), imported.event_count
        description = "Sending" if arguments.produce else "Writing"
        progress.update(task, description=description, what="events", completed=0, total=count)
        if arguments.produce:
            where = produce(events, titles, lambda more: progress.advance(task, more))
        else:
            where = write(events, titles, arguments.output, lambda more: progress.advance(task, more))
    output = Console()
    output.print(_summary(imported))
    for line in _rejections(imported):
        output.print(line, markup=False, highlight=False)
    seconds = time.monotonic() - began
    output.print(f"{count:,} events in {seconds:.1f} s: {where}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _summary(imported: "Imported") -> "Table":
    from collections import Counter

    from rich.table import Table

    files = imported.files
    views = list(imported.views)
    counted = sum(view.duration_s >= 60 for view in views)
    devices = Counter(view.device for view in views)
    days = "-"
    if views:
        days = f"{_day(min(view.start_ms for view in views))}, {_day(max(view.end_ms for view in views))}"
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("rows read", f"{sum(report.rows for report in files):,}"),
        ("  rejected", f"{sum(sum(report.rejected.values()) for report in files):,}"),
        ("  trailers and other extras, left out", f"{sum(report.trailers for report in files):,}"),
        ("  exact repeats, dropped", f"{sum(report.repeats for report in files):,}"),
        ("  views", f"{len(views):,}"),
        ("  of them plays (60 seconds or more)", f"{counted:,}"),
        ("households", f"{len({report.prefix for report in files}):,}"),
        ("members", f"{len(imported.members):,}"),
        ("sessions", f"{len(imported.sessions):,}"),
        ("shows and films", f"{len({view.title.show_id for view in views}):,}"),
        ("from, to", days),
        ("views by device", ", ".join(f"{kind} {count:,}" for kind, count in devices.most_common())),
    ):
        table.add_row(name, value)
    return table


def _rejections(imported: "Imported") -> list[str]:
    """One line for each file that could not be read at all, and for each reason of each other file."""
    lines = []
    for report in imported.files:
        if report.unreadable:
            lines.append(f"not read: {report.unreadable}")
        for reason, count in sorted(report.rejected.items(), key=lambda item: -item[1]):
            numbers = ", ".join(map(str, report.lines[reason]))
            more = ", …" if count > len(report.lines[reason]) else ""
            lines.append(f"rejected: {count:,} rows of {report.path}: {reason} (line {numbers}{more})")
    return lines


def _day(ms: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(ms / 1000))
