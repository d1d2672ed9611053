"""A million members of state: what they take up, and how long a worker needs until it has them.

The states are real ones, folded from a simulated log; the population is multiplied under other names, since a million
members' log would take hours to fold. They are written to the worker's changelog, from which everything else follows.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from statistics import fmean

import orjson
from aiokafka import AIOKafkaProducer
from bench import population, restore
from bench import worker as measured
from bench.figures import Figure, Section
from bench.harness import disk_bytes, folder_of, say
from bench.population import EventFile
from conftest import Broker
from worker_process import CHANGELOG, WorkerProcess

from streams import codec, topics
from streams.clients.sender import Sender
from streams.member import MemberState

DAYS = 30
BATCH_BYTES = 512 * 1024
READY_S = 1200.0
PASSING = (".deleted", ".cleaned", ".swap")


def measure(broker: Broker, members: int = 1_000_000, distinct: int = 2_000, events: int = 300_000) -> Section:
    """`distinct` simulated members, `members` in all; then a backlog of `events` events of any of them."""
    population.serve_trained_bundle(broker, members=200, days=40)
    log = population.simulate(broker, "state", distinct, 24 * distinct * DAYS, seed=5)
    states, rest = fold(log, distinct * 23 * (DAYS - 1))
    encoded = fmean(map(len, states.values()))
    say(f"{len(states):,} states of {encoded:,.0f} bytes on average, {members // len(states):,} times over")
    with WorkerProcess(broker, folder_of(broker, "first") / "state") as worker:
        worker.wait_ready(120)  # it makes the changelog topic
        worker.stop()
    copies = members // len(states)
    asyncio.run(write(broker, states, copies))
    count = copies * len(states)
    changelog = changelog_bytes(broker)

    data = folder_of(broker, "worker") / "state"
    with WorkerProcess(broker, data) as worker:
        from_changelog = ready_after(worker)
        say(f"ready from the changelog alone after {from_changelog:.1f} s")
        memory_restored = measured.memory(worker)[1]
        worker.stop()
    disk = disk_bytes(data)
    theirs, note = restore.kafka_streams(broker, folder_of(broker, "streams"))
    with WorkerProcess(broker, data) as worker:
        from_disk = ready_after(worker)
        say(f"ready with local state after {from_disk:.1f} s")
        asyncio.run(backlog(broker, rest, copies, events))
        rate = applied(worker, events)
        memory_worked = measured.memory(worker)[1]
        worker.stop()
    found = [
        Figure.of("state_bytes_encoded", "a member's state, encoded", encoded, "bytes", digits=0),
        Figure.of("state_bytes_disk", "a member on disk (RocksDB)", disk / count, "bytes", digits=0),
        Figure.of("state_bytes_changelog", "a member in the changelog", changelog / count, "bytes", digits=0),
        Figure.of("state_rss_restoring_mib", "memory of the worker, highest while it restores", memory_restored, "MiB",
                  "at most 1,024 MiB", digits=0),
        Figure.of("state_rss_mib", f"memory of the worker, highest while it applies {events:,} events", memory_worked,
                  "MiB", "at most 1,024 MiB", digits=0),
        Figure.rate("state_events_per_s", "events of members that are on disk, with their rows", rate, "events"),
        Figure.of("state_ready_local_s", "start to ready, with local state", from_disk, "s"),
        Figure.of("state_ready_changelog_s", "start to ready, from the changelog alone", from_changelog, "s"),
    ]  # fmt: skip
    notes = [
        f"{count:,} members: the states of {len(states):,} simulated members with {DAYS - 1} days of history, each "
        f"{copies:,} times under other names. Both wait for the same: their process started, in the group, every "
        "partition restored.",
        note,
    ]
    return Section("A million members of state" if count >= 990_000 else "State", [*found, *theirs], notes)


def fold(log: EventFile, events: int) -> tuple[dict[str, bytes], list[bytes]]:
    """Encoded states after the log's first `events` events, and the events that follow."""
    say(f"folding {events:,} events ...")
    states: dict[str, MemberState] = {}
    for line in log.lines(0, events):
        event = orjson.loads(line)
        states.setdefault(event["member_id"], MemberState()).apply(event)
    rest = [line for line in log.lines(events, 10**9) if orjson.loads(line)["member_id"] in states]
    return {member: codec.encode_state(state) for member, state in states.items()}, rest


def _name(member: str, copy: int) -> str:
    return f"c{copy:04d}-{member}"


async def write(broker: Broker, states: dict[str, bytes], copies: int) -> None:
    """Every state once for each copy, in the partition of its key."""
    partitions = broker.settings.partitions
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, max_batch_size=BATCH_BYTES)
    await producer.start()
    batches = [producer.create_batch() for _ in range(partitions)]
    waiting: list[asyncio.Future[object]] = []
    told = time.monotonic()
    for copy in range(copies):
        for member, state in states.items():
            key = _name(member, copy).encode()
            number = topics.partition_of(key, partitions)
            if batches[number].append(key=key, value=state, timestamp=None) is None:
                waiting.append(await producer.send_batch(batches[number], CHANGELOG, partition=number))
                batches[number] = producer.create_batch()
                batches[number].append(key=key, value=state, timestamp=None)
            if len(waiting) >= 2 * partitions:
                await asyncio.gather(*waiting)
                waiting.clear()
        if time.monotonic() - told > 10:
            told = time.monotonic()
            say(f"writing the changelog: {copy + 1} of {copies} times the population ...")
    for number, batch in enumerate(batches):
        waiting.append(await producer.send_batch(batch, CHANGELOG, partition=number))
    await asyncio.gather(*waiting)
    await producer.stop()


def changelog_bytes(broker: Broker) -> int:
    """What the changelog takes on disk, without the files that compaction is about to delete or has not finished."""
    files = [path for path in broker.home.rglob(f"{CHANGELOG}-[0-9]*/*") if path.suffix not in PASSING]
    return sum(path.stat().st_blocks * 512 for path in files)


def ready_after(worker: WorkerProcess) -> float:
    """Seconds from now, when the worker has just been started, until it is ready."""
    began = time.monotonic()
    while worker.alive() and worker.get("/readyz")[0] != 200:
        if time.monotonic() - began > READY_S:
            raise RuntimeError(f"the worker is not ready after {READY_S:.0f} s: {worker.log.read_text()[-500:]}")
        time.sleep(0.05)
    return time.monotonic() - began


async def backlog(broker: Broker, lines: list[bytes], copies: int, events: int) -> None:
    """Sends events that go on where the states end, each of any copy of its member."""
    noise = random.Random(1)
    async with Sender(broker.bootstrap_servers, broker.settings.partitions) as sender:
        for number, line in zip(range(events), _over_and_over(lines), strict=False):
            event = orjson.loads(line)
            event["member_id"] = _name(event["member_id"], noise.randrange(copies))
            event["event_id"] = f"{event['event_id']}-{number}"
            await sender.send(topics.EVENTS, event["member_id"], event)
        await sender.flush()


def _over_and_over(lines: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from lines


def applied(worker: WorkerProcess, events: int) -> float:
    """Events a second until all are applied, while they arrive and after."""
    began = time.monotonic()
    while (seen := measured.counts(worker)).events < events:
        if time.monotonic() - began > READY_S or not worker.alive():
            raise RuntimeError(f"the worker has applied {seen.events} of {events} events")
        time.sleep(0.1)
    return events / (time.monotonic() - began)
