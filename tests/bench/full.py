"""The whole job of one worker on a backlog: events to state, features, models, rows; and where its time goes."""

import statistics
import time
from dataclasses import dataclass

import orjson
from bench import clients, flame, latency, population
from bench import worker as measured
from bench.figures import Figure, Section
from bench.harness import ROOT, folder_of, say
from conftest import Broker
from worker_process import WorkerProcess, records, wait_caught_up

from streams import topics

PICTURE = ROOT / "docs/flame.svg"
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """One worker from the first event applied to the last."""

    seconds: float
    cpu_s: float
    events: int
    rows: int
    rss_mib: float

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.seconds


def measure(
    broker: Broker,
    members: int = 20_000,
    events: int = 1_000_000,
    rounds: int = 3,
    trained_on: int = 500,
    seconds: float = 15.0,
) -> list[Section]:
    """The median of some workers, each from nothing on the same backlog; one more with a profiler on it.

    That one stays: the log goes on, and the time from event to row is measured at shares of the rate found, `seconds`
    each. The bundle that serves has learned from `trained_on` other members.
    """
    population.serve_trained_bundle(broker, trained_on, days=40)
    log = population.simulate(broker, "full", members, 2 * events, seed=3)
    population.produce(broker, log, events)
    runs = []
    for number in range(1, rounds + 1):
        run = work_off(broker, events)
        say(f"full job, run {number} of {rounds}: {run.events_per_s:,.0f} events/s, {run.rows_per_s:,.0f} rows/s")
        runs.append(run)
        measured.forget(broker)
    items, most = items_of_rows(broker)
    rate = statistics.median(run.events_per_s for run in runs)
    with WorkerProcess(broker, folder_of(broker, "worker") / "state") as worker:
        stacks = work_off_profiled(worker, events)
        PICTURE.write_text(flame.draw(stacks, f"One worker on a backlog of {events:,} events"))
        wait_caught_up(broker.bootstrap_servers)
        after = [latency.measure(broker, log, events, rate, seconds), clients.measure(broker, log, events)]
        worker.stop()
    rows = statistics.median(run.rows_per_s for run in runs)
    found = [
        Figure.rate("full_events_per_s", "events applied", rate, "events", "at least 20,000"),
        Figure.rate("full_rows_per_s", "scored rows sent", rows, "rows", "at least 6,000"),
        Figure.of("full_items_a_row", f"items a row, mean (most: {most})", items, "items"),
        Figure.of("full_events_a_row", "events a row", rate / rows, "events", digits=2),
        Figure.of(
            "full_cpu_us_an_event",
            "processor time of the worker an event, all threads",
            statistics.median(1e6 * run.cpu_s / run.events for run in runs),
            "µs",
        ),
        Figure.of(
            "full_cpu_share",
            "processors in use by the worker",
            statistics.median(run.cpu_s / run.seconds for run in runs),
            "",
            digits=2,
        ),
        Figure.of("full_rss_mib", "memory of the worker, highest", max(run.rss_mib for run in runs), "MiB", digits=0),
    ]
    spread = ", ".join(f"{run.events_per_s:,.0f}" for run in runs)
    notes = [
        f"{events:,} events of {members:,} simulated members, one worker process from nothing on the whole backlog, a "
        f"trained bundle serving, from the first event applied to the last. Median of {rounds} runs ({spread} "
        "events/s). Events of a batch that concern the same member share its rows.",
        "",
        f"Where the time goes, by what a sampling profiler saw ([all of it](flame.svg)):\n\n{flame.table(stacks)}",
    ]
    return [Section("The full job", found, notes), *after]


def work_off(broker: Broker, events: int) -> Run:
    """Starts a worker on the backlog, and stops it when all of it is applied and committed."""
    data = folder_of(broker, "worker") / "state"
    with WorkerProcess(broker, data) as worker:
        run = follow(worker, events)
        wait_caught_up(broker.bootstrap_servers)
        worker.stop()
    return run


def follow(worker: WorkerProcess, events: int, seconds: float = 600) -> Run:
    """Looks at the worker's counters until it has seen so many events."""
    deadline = time.monotonic() + seconds
    began, first, cpu_s = None, None, 0.0
    while True:
        seen, now = measured.counts(worker), time.monotonic()
        if began is None and seen.events:
            began, first, cpu_s = now, seen, measured.cpu_seconds(worker)
        if seen.events >= events and began is not None and first is not None:
            done = seen.events - first.events, seen.rows - first.rows
            return Run(now - began, measured.cpu_seconds(worker) - cpu_s, *done, measured.memory(worker)[1])
        if now > deadline or not worker.alive():
            raise RuntimeError(f"the worker has applied {seen.events} of {events} events in {seconds:.0f} s")
        time.sleep(LOOK_EVERY_S)


def work_off_profiled(worker: WorkerProcess, events: int) -> flame.Stacks:
    """The same once more with the profiler on the worker, which stays."""
    while not measured.counts(worker).events:
        time.sleep(LOOK_EVERY_S)
    with flame.sampling(worker.process.pid) as sampled:
        follow(worker, events)
    return sampled.stacks()


def items_of_rows(broker: Broker, rows: int = 200_000) -> tuple[float, int]:
    """Mean and highest number of items in the rows sent."""
    found = []
    for record in records(broker.bootstrap_servers, topics.ROWS):
        found.append(len(orjson.loads(record.value)["items"]))
        if len(found) == rows:
            break
    return statistics.fmean(found), max(found)
