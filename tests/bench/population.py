"""The made-up log that the worker is measured on: made by `cw simulate`, sent to Kafka in its order."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson
from bench.harness import cw, folder_of, say
from conftest import Broker

from streams import topics
from streams.clients.sender import Sender

EVENTS_A_MEMBER_AND_DAY = 23  # of the simulated population, about; what is missing is made by more days
STEP = 5_000


@dataclass(frozen=True, slots=True)
class EventFile:
    """A simulated log: `path` has one event a line, `titles` the catalogue."""

    path: Path
    titles: Path

    def lines(self, start: int, count: int) -> Iterator[bytes]:
        """Events `start` to `start + count` of the log, as they stand in it."""
        with self.path.open("rb") as file:
            yield from islice(file, start, start + count)


def simulate(broker: Broker, name: str, members: int, events: int, seed: int) -> EventFile:
    """A log of at least so many events."""
    path = folder_of(broker, f"log-{name}") / f"{name}.jsonl"
    days = 1.25 * events / members / EVENTS_A_MEMBER_AND_DAY
    while True:
        say(f"simulating {members:,} members over {days:.1f} days ...")
        cw(broker, "simulate", "--members", members, "--days", round(days, 2), "--seed", seed, "-o", path)
        with path.open("rb") as file:
            made = sum(1 for _ in file)
        if made >= events:
            return EventFile(path, path.with_name(f"{name}.titles.jsonl"))
        days *= 1.1 * events / made


def serve_trained_bundle(broker: Broker, members: int, days: int) -> None:
    """Trains on another population than the one measured, and publishes the bundle."""
    folder = folder_of(broker, "training")
    events, bundle = folder / "history.jsonl", folder / "bundle"
    say(f"training a bundle on {members:,} other members over {days} days ...")
    cw(broker, "simulate", "--members", members, "--days", days, "--seed", 2, "-o", events)
    cw(broker, "train", "--events", events, "-o", bundle)
    cw(broker, "publish", bundle)


def produce(broker: Broker, log: EventFile, count: int) -> None:
    """Sends the catalogue and the log's first `count` events to Kafka."""
    say(f"sending {count:,} events ...")
    asyncio.run(_produce(broker, log, count))


async def _produce(broker: Broker, log: EventFile, count: int) -> None:
    async with Sender(broker.bootstrap_servers, broker.settings.partitions) as sender:
        for line in log.titles.read_bytes().splitlines():
            title = orjson.loads(line)
            await sender.send(topics.CATALOG, title["title_id"], title)
        lines = log.lines(0, count)
        while some := list(islice(lines, STEP)):
            for line in some:
                event = orjson.loads(line)
                await sender.send(topics.EVENTS, event["member_id"], event)
            await asyncio.sleep(0)
        await sender.flush()
