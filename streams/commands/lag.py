"""`cw lag`: how far behind every consumer is, now, for people."""

import argparse
import time
from typing import TYPE_CHECKING, Any, Final

from streams import config

if TYPE_CHECKING:
    from streams.monitor.lag import LagWatch, Snapshot

_DESCRIPTION = """\
Shows how far behind every consumer group is: records that wait, and the age of the oldest, read from the log.

  OK      keeps up, or works off a backlog        WARN   moves, but the lag does not fall
  REWIND  its commit went back                    STALL  is there, but commits nothing while records wait
  STOP    nobody is there

A consumer whose oldest record has waited for more than 5 seconds is watched for as long, to tell moving from stalled.
Exit code 1 where a group is STALL or STOP, or where the broker is away; 0 otherwise, and after --watch.
"""
_LOOK_AGAIN_S: Final = 1.0
_REFRESH_S: Final = 2.0


def add_parser(subparsers: Any) -> None:
    """Adds `cw lag`."""
    parser = subparsers.add_parser(
        "lag",
        help="how far behind every consumer is, and what to do about it",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--watch", action="store_true", help="refresh every 2 seconds until ctrl-c")
    parser.add_argument("--json", action="store_true", help="print JSON, with --watch one line a look")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from streams.monitor.kafka import Broker
    from streams.monitor.lag import LagWatch
    from streams.monitor.rules import Status
    from streams.monitor.screen import print_snapshot, to_json, watch

    settings = config.load()
    broker = Broker(settings.bootstrap_servers)
    try:
        measure = LagWatch(broker)
        if arguments.watch:
            watch(measure.round, _REFRESH_S, as_json=arguments.json)
            return 0
        snapshot = _look(measure)
        print(to_json(snapshot)) if arguments.json else print_snapshot(snapshot)
        return 1 if any(group.status >= Status.STALL for group in snapshot.groups) else 0
    finally:
        broker.close()


def _look(measure: "LagWatch") -> "Snapshot":
    """One snapshot, taken again for a few seconds where the first can't tell a slow consumer from a stalled one."""
    from streams.monitor.rules import STALL_AFTER_S

    first = latest = measure.round()
    while latest.at - first.at < STALL_AFTER_S and _undecided(first, latest, STALL_AFTER_S):
        time.sleep(_LOOK_AGAIN_S)
        latest = measure.round()
    return latest


def _undecided(first: "Snapshot", latest: "Snapshot", patience_s: float) -> bool:
    before = {(g.group, p.topic, p.partition): p.committed for g in first.groups for p in g.partitions}
    return any(
        group.members != 0
        and lag.lag
        and (lag.lag_s is None or lag.lag_s >= patience_s)
        and lag.committed == before.get((group.group, lag.topic, lag.partition))
        for group in latest.groups
        for lag in group.partitions
    )
