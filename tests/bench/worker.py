"""`cw worker` while it is measured: its metrics, its memory, and a start from nothing."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from conftest import Broker
from worker_process import CHANGELOG, WorkerProcess, wait_until

from streams import topics
from streams.config import WORKER_APP_ID

SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{[^}]*\})? (?P<value>[-+.\deE]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a worker has counted since its start."""

    applied: int
    not_applied: int
    rows: int
    deferred: int

    @property
    def events(self) -> int:
        return self.applied + self.not_applied


def totals(service: WorkerProcess) -> dict[str, float]:
    """Reads a service's /metrics: by name, added up over labels."""
    found: dict[str, float] = {}
    for sample in SAMPLE.finditer(service.get("/metrics")[1]):
        found[sample["name"]] = found.get(sample["name"], 0.0) + float(sample["value"])
    return found


def counts(worker: WorkerProcess) -> Counts:
    """What a worker says of itself."""
    found = totals(worker)
    return Counts(
        int(found.get("cw_worker_events_applied_total", 0)),
        int(found.get("cw_worker_events_not_applied_total", 0)),
        int(found.get("cw_worker_rows_sent_total", 0)),
        int(found.get("cw_worker_rows_deferred_total", 0)),
    )


def wait_model(worker: WorkerProcess) -> None:
    """Waits until the worker is ready and serves a bundle."""
    worker.wait_ready(300)
    wait_until(lambda: '"model_version":"recency"' not in worker.get("/readyz")[1].replace(" ", ""), 60)


def memory(worker: WorkerProcess) -> tuple[float, float]:
    """Resident memory of the worker's process now and at its highest, in MiB."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    now, highest = (int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[index]
    return now, highest


def cpu_seconds(worker: WorkerProcess) -> float:
    """Processor time of all its threads since its start: what a figure of a busy machine can still be told by."""
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget(broker: Broker) -> None:
    """Takes away what workers have left in Kafka, apart from rows: the next one starts at the log's beginning."""
    forget_group(broker)
    with topics.admin(broker.bootstrap_servers) as admin:
        admin.delete_topics([CHANGELOG])
        wait_until(lambda: CHANGELOG not in admin.list_topics(), 30)


def forget_group(broker: Broker) -> None:
    """Removes the workers' group with its commits, once the broker has noticed that nobody is in it any more."""
    with topics.admin(broker.bootstrap_servers) as admin:
        done = ("OK", "GroupIdNotFoundError")
        wait_until(lambda: admin.delete_groups([WORKER_APP_ID])[WORKER_APP_ID] in done, 60, every_s=0.5)
