"""A title is added to the vectors of a running worker: the rows made after that know what it is like."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
import pytest
from eventlog import MINUTE, event, watch
from kafka import KafkaProducer
from worker_process import WorkerProcess, wait_caught_up, wait_until

from models.titles.folder import TitleSpace
from models.titles.table import TitleRecord
from streams import topics
from streams.cli import main

MEMBER = "vectors/m"
OLD, LAST, NEW = "old-show", "last-show", "new-show"
VECTORS = {OLD: [1.0, 0.0], LAST: [0.6, 0.8], NEW: [0.0, 1.0]}


def folder_of(path: Path, *shows: str) -> str:
    """A folder of vectors of these shows."""
    view = np.array([VECTORS[show] for show in shows], np.float32)
    TitleSpace([TitleRecord(show, show) for show in shows], {"combined": view}).save(path)
    return str(path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle trained with vectors beside its log."""
    folder = tmp_path_factory.mktemp("vectors")
    log = str(folder / "log.jsonl")
    assert main(["simulate", "--members", "8", "--days", "12", "--seed", "5", "-o", log]) == 0
    space = folder_of(folder / "space", OLD, LAST)
    assert main(["titles", "bundle", space, "--npz", str(folder / "log.titles.npz")]) == 0
    assert main(["train", "--events", log, "-o", str(folder / "bundle")]) == 0
    return folder / "bundle"


def test_a_title_added_while_a_worker_runs_is_known_to_the_rows_after(
    broker: Any, bundle: Path, tmp_path: Path
) -> None:
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")

        def send(events: list[dict[str, Any]]) -> None:
            for made in events:
                producer.send(topics.EVENTS, orjson.dumps({**made, "member_id": MEMBER}), key=MEMBER.encode())
            producer.flush()

        def like_last() -> dict[str, float]:
            """What the member's row says, in a session of now."""
            send([event("session_start", time.time_ns() // 1_000_000, session_id=f"s{time.time_ns()}")])
            wait_caught_up(broker.bootstrap_servers)
            told = orjson.loads(worker.get(f"/v1/members/{quote(MEMBER, safe='')}/explain")[1])
            assert {item["show_id"] for item in told["items"]} == set(VECTORS)
            return {item["show_id"]: item["features"]["like_last"] for item in told["items"]}

        def publish() -> None:
            broker.cw("publish", str(bundle))
            version = orjson.loads((bundle / "manifest.json").read_bytes())["version"]
            wait_until(lambda: f'cw_model_info{{version="{version}"}} 1.0' in worker.get("/metrics")[1], 30)

        worker.wait_ready()
        began = time.time_ns() // 1_000_000 - 90 * MINUTE
        send([event("session_start", began, session_id="h")])
        for at, show in enumerate((NEW, OLD, LAST)):
            send(watch(show, began + at * 10 * MINUTE, 4, 2, session_id="h"))
        publish()
        assert like_last() == pytest.approx({LAST: 1.0, OLD: 0.6, NEW: 0.0}, abs=1e-3)

        assert main(["titles", "bundle", folder_of(tmp_path / "more", OLD, LAST, NEW), "--bundle", str(bundle)]) == 0
        publish()
        assert like_last() == pytest.approx({LAST: 1.0, OLD: 0.6, NEW: 0.8}, abs=1e-3)
        worker.stop()
