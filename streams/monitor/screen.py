"""Lag as people read it: a table, ages in human units, and what to do; or as JSON."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

import orjson
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.config import WORKER_APP_ID
from streams.errors import CommandError
from streams.monitor.lag import GroupLag, PartitionLag, Snapshot
from streams.monitor.rules import Status

_STYLES: Final = {
    Status.OK: "green",
    Status.WARN: "yellow",
    Status.REWIND: "yellow",
    Status.STALL: "bold red",
    Status.STOP: "bold red",
}
_ROWS: Final = 32  # more partitions than this in a group: only those that wait are listed


def age(seconds: float | None) -> str:
    """Seconds as people say them: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min, 3 d 4 h; "unknown" for None."""
    if seconds is None:
        return "unknown"
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds else "0 s"
    whole = round(seconds)
    for size, unit, below, smaller in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def advice(group: GroupLag) -> str | None:
    """What to do about a group, in one line; None where nothing needs doing."""
    ours = group.group == WORKER_APP_ID
    if group.status is Status.STOP and group.members == 0:
        start = "start one with 'cw worker'" if ours else "start its consumers"
        return f"{group.group}: nobody is reading. Nothing is lost while the log keeps the records: {start}."
    if group.status is Status.STOP:
        return f"{group.group}: a partition has no reader. Restart the members, so that they share it out again."
    if group.status is Status.STALL:
        where = "the worker's log and its /readyz (is it recovering?)" if ours else "its log"
        return f"{group.group}: there, but not moving. Read {where}; if stuck, restart it: it goes on from its commit."
    if group.status is Status.REWIND:
        return f"{group.group}: {group.reason}. If nobody set it back on purpose, look for what resets its offsets."
    if group.status is Status.WARN:
        more = "start another worker (up to one for each partition)" if ours else "give it more members"
        return f"{group.group}: {group.reason}. If it stays so, {more}."
    return None


def render(snapshot: Snapshot) -> RenderableType:
    """The table of all groups, and under it one line for each group that needs somebody."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("GROUP, PARTITION", no_wrap=True)
    for name in ("WAITING", "BEHIND", "COMMITTED", "END"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("STATUS", no_wrap=True)
    table.add_column("WHY", overflow="fold")
    for group in snapshot.groups:
        _add_group(table, group)
    lines = [Text(line, style=_STYLES[group.status]) for group in snapshot.groups if (line := advice(group))]
    return Group(table, Text(), *lines) if lines else table


def _add_group(table: Table, group: GroupLag) -> None:
    members = "members unknown" if group.members is None else f"members: {group.members}"
    listed = group.partitions if len(group.partitions) <= _ROWS else [lag for lag in group.partitions if _matters(lag)]
    status = Text(group.status.name, style=_STYLES[group.status])
    why = f"{group.reason}; {members}"
    table.add_row(Text(group.group, style="bold"), f"{group.lag:,}", age(group.lag_s), "", "", status, why)
    for lag in listed:
        table.add_row(
            f"  {lag.topic}/{lag.partition}",
            f"{lag.lag:,}",
            age(lag.lag_s),
            "never" if lag.committed is None else f"{lag.committed:,}",
            f"{lag.end:,}",
            Text(lag.status.name, style=_STYLES[lag.status]),
            lag.reason,
        )
    if hidden := len(group.partitions) - len(listed):
        table.add_row(f"  and {hidden} more with nothing waiting", *[""] * 6)


def _matters(lag: PartitionLag) -> bool:
    return bool(lag.lag) or lag.status is not Status.OK


def print_snapshot(snapshot: Snapshot) -> None:
    """Prints one snapshot to stdout."""
    Console(highlight=False).print(render(snapshot))


def to_json(snapshot: Snapshot) -> str:
    """One line of JSON: {"at", "groups": [{..., "partitions": [...]}]}, statuses by name, times in seconds."""
    document: dict[str, Any] = asdict(snapshot)
    for group in document["groups"]:
        for lag in (group, *group["partitions"]):
            lag["status"] = lag["status"].name
    return orjson.dumps(document).decode()


def watch(measure: Callable[[], Snapshot], refresh_s: float, *, as_json: bool) -> None:
    """Shows a new snapshot every `refresh_s` seconds until ctrl-c, also through times when the broker is away."""
    try:
        if as_json:
            while True:
                print(to_json(measure()), flush=True)
                time.sleep(refresh_s)
        with Live(console=Console(highlight=False), auto_refresh=False, screen=False) as live:
            while True:
                try:
                    shown: RenderableType = render(measure())
                except CommandError as error:
                    shown = Text(str(error), style="bold red")
                live.update(Group(shown, Text(f"{time.strftime('%H:%M:%S')}  ctrl-c ends", style="dim")), refresh=True)
                time.sleep(refresh_s)
    except KeyboardInterrupt:
        return
