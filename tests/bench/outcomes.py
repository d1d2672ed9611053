"""The outcomes service on a backlog: events and rows to outcomes, and what a member of its table takes up."""

import time

from bench import population
from bench import worker as measured
from bench.figures import Figure, Section
from bench.harness import folder_of, say
from conftest import Broker
from worker_process import WorkerProcess, records, wait_caught_up

from streams import topics
from streams.config import OUTCOMES_APP_ID
from streams.outcomes.stored import member_key

CHANGELOG = f"{OUTCOMES_APP_ID}-outcomes-changelog"
LOOK_EVERY_S = 0.1
LIMIT_S = 900.0


def measure(broker: Broker, members: int = 1_000, events: int = 400_000, trained_on: int = 150) -> Section:
    """One process from nothing on all events and the rows that a worker has served in them."""
    population.serve_trained_bundle(broker, trained_on, days=30)
    log = population.simulate(broker, "outcomes", members, events, seed=3)
    population.produce(broker, log, events)
    with WorkerProcess(broker, folder_of(broker, "worker") / "state") as worker:
        measured.wait_model(worker)
        say("the worker makes the rows ...")
        wait_caught_up(broker.bootstrap_servers, LIMIT_S)
        worker.stop()
    served = sum(1 for _ in records(broker.bootstrap_servers, topics.IMPRESSIONS))

    data = folder_of(broker, "outcomes") / "state"
    with WorkerProcess(broker, data, "outcomes") as service:
        began = None
        while (seen := measured.totals(service)).get("cw_outcomes_events_total", 0) < events or rows(seen) < served:
            if began is None and rows(seen) + seen.get("cw_outcomes_events_total", 0):
                began, first, cpu_s = time.monotonic(), seen, measured.cpu_seconds(service)
            if not service.alive() or (began is not None and time.monotonic() - began > LIMIT_S):
                raise RuntimeError(f"the service has read {seen} of {events} events and {served} rows")
            time.sleep(LOOK_EVERY_S)
        assert began is not None
        seconds, cpu_s = time.monotonic() - began, measured.cpu_seconds(service) - cpu_s
        rss_mib = measured.memory(service)[1]
        wait_caught_up(broker.bootstrap_servers, of=OUTCOMES_APP_ID)
        service.stop()
    done = seen["cw_outcomes_events_total"] - first.get("cw_outcomes_events_total", 0)
    done_rows = rows(seen) - rows(first)
    newest = {record.key: record.value for record in records(broker.bootstrap_servers, CHANGELOG)}
    states = [value for key, value in newest.items() if key.startswith(member_key(b"")) and value is not None]
    settled = sum(1 for _ in records(broker.bootstrap_servers, topics.OUTCOMES))
    found = [
        Figure.rate("outcomes_events_per_s", "events folded, with their rows", done / seconds, "events"),
        Figure.rate("outcomes_rows_per_s", "served rows joined in the same time", done_rows / seconds, "rows"),
        Figure.of("outcomes_cpu_us_an_event", "processor time an event, rows included", 1e6 * cpu_s / done, "µs"),
        Figure.of("outcomes_bytes_encoded", "a member, encoded", sum(map(len, states)) / len(states), "bytes",
                  digits=0),
        Figure.of("outcomes_rss_mib", "memory of the process, highest", rss_mib, "MiB", digits=0),
    ]  # fmt: skip
    notes = [
        f"{events:,} events of {len(states):,} simulated members, the {served:,} rows that were served in them, "
        f"{settled:,} outcomes; one process from nothing on all of it, from the first record joined to the last."
    ]
    return Section("Outcomes on a backlog", found, notes)


def rows(totals: dict[str, float]) -> float:
    """Records of cw.impressions read, whatever came of them."""
    return totals.get("cw_outcomes_rows_total", 0)
