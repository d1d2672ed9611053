"""`cw invalid`: what could not be read, why, and sending it again after a fix."""

import argparse
import sys
from typing import Any

from streams import config

DESCRIPTION = """\
What can't be read as an event goes to the topic cw.invalid as it was, with the reason and where it stood.

  cw invalid list            a line each: place, time of arrival, reason, the beginning of what was sent
  cw invalid list --json     a JSON object each, with the whole value (value_base64 where it is not UTF-8 text)
  cw invalid replay          sends those that are valid now (after a fix of the rules, or where only the key was
                             missing or wrong) to playback.events, keyed by their member. The others stay.

A record is sent again once: what was sent is remembered in the topic cw.invalid.replayed. A replay that is cut off
repeats at most the 200 records that it was about; the worker recognises a repeat by its event_id.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `cw invalid list|replay`."""
    parser = subparsers.add_parser(
        "invalid",
        help="what could not be read, and sending it again after a fix",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="show what cw.invalid holds")
    listing.add_argument("--json", action="store_true", help="a JSON object a line, with the whole value")
    listing.set_defaults(run=_list)
    replaying = actions.add_parser("replay", help="send again what is valid now; each record once")
    replaying.set_defaults(run=_replay)


def _list(arguments: argparse.Namespace) -> None:
    import orjson

    from streams.invalid import refused

    count = replayed = 0
    for record in refused(config.load().bootstrap_servers):
        count, replayed = count + 1, replayed + record.replayed
        if arguments.json:
            print(orjson.dumps(record.as_json()).decode())
            continue
        place = f"{record.topic}/{record.partition}/{record.offset}"
        mark = "  (replayed)" if record.replayed else ""
        print(f"{place}  {_time(record.timestamp)}  {record.reason}{mark}\n    {record.preview()}")
    if not arguments.json:
        print(f"{count} record{'s' * (count != 1)} in cw.invalid, {replayed} replayed", file=sys.stderr)


def _replay(_: argparse.Namespace) -> None:
    from streams.commands.progress import saying
    from streams.invalid import replay

    settings = config.load()
    with saying() as say:
        say("Reading cw.invalid ...")
        done = replay(settings.bootstrap_servers, settings.partitions, lambda so_far: say(f"{so_far.sent} sent again"))
    print(f"{done.sent} sent again, {done.before} were sent before, {done.still_invalid} still invalid")


def _time(timestamp: str) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "time unknown"
