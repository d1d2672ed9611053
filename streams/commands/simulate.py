"""`cw simulate`: playback clients of a made-up population."""

import argparse
import asyncio
import gc
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import CommandError, UsageError

if TYPE_CHECKING:
    from streams.clients.simulate.report import Progress
    from streams.clients.simulate.statistics import Statistics

_GRACE_S = 5.0  # from the wish to stop until the last events must be acknowledged
_DESCRIPTION = """\
Makes up a population and what it watches: households of one to five profiles, a catalogue of series, weekly shows and
films, and every event that their players send, in order of arrival. At the end it prints figures measured from the
events beside those of real viewing.

  cw simulate -o FILE             writes the history: events to FILE, the catalogue to FILE's stem + .titles.jsonl, the
                                  members' slow facts to FILE's stem + .profiles.jsonl. The same members, days and seed
                                  give the same bytes; the history ends on 2026-11-01
  cw simulate --produce           sends catalogue, members and history to Kafka, as fast as they are acknowledged; the
                                  history ends now
  cw simulate --produce --speed X sends the history, then lets the same members go on until it is stopped (ctrl-c or
                                  SIGTERM), at first X times as fast as the clock. The history then ends
                                  (X - 1) x 30 minutes ago; event time comes nearer to the present without passing it,
                                  and slows down on the way: to about X / 3 after half an hour, X / 8 after an hour.
                                  --speed 1 goes on in the present. --days 0 goes on without a history

Events a second in live mode are about members x speed / 4600: 200 members at --speed 600 send about 26.
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
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the history to FILE (JSON Lines)")
    target.add_argument("--produce", action="store_true", help="send it to Kafka")
    parser.add_argument(
        "--habits-change-at",
        type=float,
        metavar="DAY",
        help="from this day on, counted from the beginning, everybody watches on other devices and at other hours, "
        "takes turns among their shows, and looks for something new more often (may lie in the live part)",
    )
    parser.add_argument("--speed", type=float, metavar="X", help="with --produce: go on live, X times the clock")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Makes the population, writes or sends its events, and prints what they look like."""
    if not 1 <= arguments.members <= 1_000_000:
        raise UsageError("--members must be from 1 to 1000000")
    if not 0 <= arguments.days <= 3650:
        raise UsageError("--days must be from 0 to 3650")
    if arguments.speed is not None and not arguments.produce:
        raise UsageError("--speed needs --produce: a file holds the history alone")
    if arguments.speed is not None and not 1 <= arguments.speed <= 100_000:
        raise UsageError("--speed must be from 1 to 100000")
    if arguments.days == 0 and arguments.speed is None:
        raise UsageError("--days 0 leaves no history: give days, or --produce --speed X")
    if arguments.habits_change_at is not None and not 0 <= arguments.habits_change_at <= 36500:
        raise UsageError("--habits-change-at must be from 0 to 36500")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return asyncio.run(_produce(arguments)) if arguments.produce else _write(arguments)


def _write(arguments: argparse.Namespace) -> int:
    from streams.clients.simulate import files
    from streams.clients.simulate.log import FILE_UNTIL_MS, Log
    from streams.clients.simulate.report import Progress, show
    from streams.clients.simulate.statistics import Statistics

    began, statistics = time.monotonic(), Statistics()
    with Progress(statistics, f"Making {arguments.members:,} members") as progress:
        log = Log(arguments.members, arguments.days, arguments.seed, FILE_UNTIL_MS, arguments.habits_change_at)
        gc.freeze()  # the population lives to the end; walking it again and again takes half of the time
        progress.history(log.start_ms, log.until_ms)
        paths = files.write(log, arguments.output, statistics, progress)
    show(statistics, arguments.days)
    print(f"{statistics.events:,} events in {time.monotonic() - began:.1f} s: {', '.join(map(str, paths))}")
    return 0


async def _produce(arguments: argparse.Namespace) -> int:
    from streams.clients.simulate.report import Progress, show
    from streams.clients.simulate.statistics import Statistics

    statistics, stop = Statistics(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Progress(statistics, f"Making {arguments.members:,} members") as progress:
        sending = asyncio.ensure_future(_send(arguments, statistics, progress, stop))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({sending}, timeout=_GRACE_S)
        if not sending.done():
            sending.cancel()
            await asyncio.wait({sending})
            raise CommandError("stopped, but Kafka has not acknowledged the last events: see 'cw broker status'")
        stopping.cancel()
        await sending
    show(statistics, arguments.days)
    return 0


async def _send(
    arguments: argparse.Namespace, statistics: "Statistics", progress: "Progress", stop: asyncio.Event
) -> None:
    from streams import config
    from streams.clients.sender import Sender
    from streams.clients.simulate import live
    from streams.clients.simulate.log import Log

    settings = config.load()
    async with Sender(settings.bootstrap_servers, settings.partitions) as sender:
        until_ms = live.history_end(int(time.time() * 1000), arguments.speed)
        log = Log(arguments.members, arguments.days, arguments.seed, until_ms, arguments.habits_change_at)
        gc.freeze()
        await live.send_side_inputs(sender, log)
        progress.history(log.start_ms, log.until_ms)
        began = time.monotonic()
        await live.send_history(sender, log, statistics, progress, stop)
        print(f"history: {statistics.events:,} events in {time.monotonic() - began:.1f} s", flush=True)
        if arguments.speed is not None and not stop.is_set():
            progress.live()
            await live.send_live(sender, log, statistics, progress, stop)
            print(f"with the live part: {statistics.events:,} events", flush=True)
