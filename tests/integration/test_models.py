"""Bundles on a running worker: on trial, promoted, taken back, set aside; and taken over while it is killed."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from bundles import copy_as, nan_at_zero
from eventlog import MINUTE, event, watch
from kafka import KafkaProducer
from traffic import Load
from worker_process import WorkerProcess, changelog_states, plain_fold, records, wait_caught_up, wait_until

from streams import topics
from streams.config import OUTCOMES_APP_ID
from streams.scoring.announcements import CANDIDATE, LIVE, VERDICT, Verdict, encode_verdict
from streams.scoring.candidate import in_share


@pytest.fixture
def running(broker: Any, tmp_path: Path) -> Iterator["Running"]:
    """A worker that nothing has been announced to, and members of its own."""
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        found = Running(broker, worker)
        found.forget()
        worker.wait_ready()
        yield found
        worker.stop()
        found.forget()


class Running:
    """A worker, and members that open sessions on it."""

    def __init__(self, broker: Any, worker: WorkerProcess) -> None:
        self.broker, self.worker = broker, worker
        self.producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")
        run = uuid.uuid4().hex[:6]
        self.members = [f"{run}-{number}/p" for number in range(32)]
        self._session = 0
        began = time.time_ns() // 1_000_000 - 90 * MINUTE
        for member in self.members:
            history = [event("session_start", began, session_id="h")]
            for at, show in enumerate(("show-1", "show-2", "show-3")):
                history += watch(show, began + at * 10 * MINUTE, 4, 2, session_id="h")
            self.send(member, history)

    def forget(self) -> None:
        """Takes back whatever is announced."""
        for name in (LIVE, CANDIDATE, f"{VERDICT}one"):
            self.producer.send(topics.MODELS, None, key=name.encode()).get(20)

    def send(self, member: str, events: list[dict]) -> None:
        for made in events:
            self.producer.send(topics.EVENTS, orjson.dumps({**made, "member_id": member}), key=member.encode())

    def models(self, *arguments: str) -> str:
        return self.broker.cw("models", *arguments, CW_WORKER_URLS=f"http://127.0.0.1:{self.worker.port}")

    def metrics_have(self, line: str) -> Callable[[], bool]:
        return lambda: line in self.worker.get("/metrics")[1]

    def open_sessions(self) -> dict[str, dict]:
        """Every member opens a session; the impressions that it makes, by member."""
        self._session += 1
        session, began = f"s{self._session}", time.time_ns() // 1_000_000 - 40 * MINUTE + self._session * 1000
        for member in self.members:
            self.send(member, [event("session_start", began, session_id=session)])
        self.producer.flush()
        wait_caught_up(self.broker.bootstrap_servers)
        found = [orjson.loads(r.value) for r in records(self.broker.bootstrap_servers, topics.IMPRESSIONS)]
        mine = set(self.members)
        impressions = {of["member_id"]: of for of in found if of["session_id"] == session and of["member_id"] in mine}
        assert set(impressions) == mine
        return impressions


def test_a_bundle_is_tried_in_the_shadow_then_on_some_members_then_serves_and_is_taken_back(
    running: Running, trained: Path, tmp_path: Path
) -> None:
    one, two = (copy_as(trained, tmp_path / name, name) for name in ("one", "two"))
    running.broker.cw("publish", str(one))
    wait_until(running.metrics_have('cw_model_info{version="one"} 1.0'), 30)
    made = running.open_sessions()
    assert {(of["model_version"], "shadow" in of) for of in made.values()} == {("one", False)}
    for member, of in made.items():
        told = orjson.loads(running.worker.get(f"/v1/members/{quote(member, safe='')}/explain")[1])
        assert [item["show_id"] for item in told["items"]] == [item["show_id"] for item in of["items"]]
        for explained, served in zip(told["items"], of["items"], strict=True):
            total = told["scored_from"]["base"] + sum(explained["contributions"].values())
            assert total == pytest.approx(served["score"], abs=1e-4)
            assert list(explained["features"].values()) == pytest.approx(served["features"])

    running.broker.cw("publish", str(two), "--shadow")
    wait_until(running.metrics_have('cw_model_candidate{mode="shadow",version="two"} 1.0'), 30)
    for of in running.open_sessions().values():
        assert (of["model_version"], of["shadow"]["model_version"]) == ("one", "two")
        # The same models under another name: what the shadow says must be what was served.
        assert of["shadow"]["shows"] == [item["show_id"] for item in of["items"]]
        assert of["shadow"]["continuation_probability"] == of["continuation_probability"]

    running.broker.cw("publish", str(two), "--split", "0.5")
    wait_until(running.metrics_have('cw_model_candidate{mode="split",version="two"} 1.0'), 30)
    by = {member: of["model_version"] for member, of in running.open_sessions().items()}
    assert by == {member: "two" if in_share(member, "two", 0.5) else "one" for member in running.members}
    assert set(by.values()) == {"one", "two"}

    running.models("promote")
    wait_until(running.metrics_have('cw_model_info{version="two"} 1.0'), 30)
    assert {of["model_version"] for of in running.open_sessions().values()} == {"two"}
    listed = running.models("list").splitlines()
    assert listed[0].startswith("serves      two  since")
    assert listed[1].startswith("served      one  from")
    assert listed[2:] == ["workers     two (1)"], "the trial is over"

    for file in one.iterdir():
        file.unlink()  # the folder is gone: workers have their copies, under the same home here
    assert running.models("rollback") == "Announced one again; two is taken back\n"
    wait_until(running.metrics_have('cw_model_info{version="one"} 1.0'), 30)
    assert {of["model_version"] for of in running.open_sessions().values()} == {"one"}
    assert "taken back  two" in running.models("list")


def test_a_trial_is_compared_on_what_its_sessions_played(running: Running, trained: Path, tmp_path: Path) -> None:
    """The same models under two names: every session is judged twice, and no difference is seen."""
    one, two = (copy_as(trained, tmp_path / name, name) for name in ("one", "two"))
    running.broker.cw("publish", str(one))
    running.broker.cw("publish", str(two), "--shadow")
    wait_until(running.metrics_have('cw_model_candidate{mode="shadow",version="two"} 1.0'), 30)
    with WorkerProcess(running.broker, tmp_path / "outcomes", "outcomes") as outcomes:
        outcomes.wait_ready()
        made = running.open_sessions()
        for member, of in made.items():
            session, began = of["session_id"], of["scored_from_ts"] + MINUTE
            running.send(member, watch("show-2", began, 3, 3, session_id=session))
        running.producer.flush()
        wait_caught_up(running.broker.bootstrap_servers)
        wait_caught_up(running.broker.bootstrap_servers, of=OUTCOMES_APP_ID)
        outcomes.stop()
    hits = sum(of["items"][0]["show_id"] == "show-2" for of in made.values())
    told = running.models("compare").splitlines()
    assert told[0] == "two beside one, on the same sessions"
    figure, members = told[2].split(), str(len(running.members))
    assert figure[:2] == ["precision", "at"]
    share = f"{hits / len(running.members):.4f}"
    assert figure[3:] == [share, share, "+0.0000", "+0.0000", "to", "+0.0000", f"{members},", members]
    assert told[3].strip() == "no difference seen (higher is better)"
    running.models("withdraw")
    assert running.models("compare").splitlines()[0] == "one beside recency, on the same sessions"


def test_a_bundle_that_fails_is_set_aside_for_recency_until_another_comes(
    running: Running, trained: Path, tmp_path: Path
) -> None:
    good = copy_as(trained, tmp_path / "good", "good")
    broken = nan_at_zero(copy_as(trained, tmp_path / "broken", "broken"))
    running.broker.cw("publish", str(good))
    wait_until(running.metrics_have('cw_model_info{version="good"} 1.0'), 30)
    running.broker.cw("publish", str(broken))
    wait_until(running.metrics_have('cw_model_info{version="broken"} 1.0'), 30)
    seen: set[str] = set()
    for _ in range(3):  # nobody has rated anything: it fails on every batch
        seen |= {of["model_version"] for of in running.open_sessions().values()}
    assert seen == {"recency"}
    wait_until(running.metrics_have('cw_model_set_aside{reason="not_finite",version="broken"} 1.0'), 30)
    assert running.worker.get("/readyz")[1].count("recency") == 1
    assert {of["model_version"] for of in running.open_sessions().values()} == {"recency"}
    assert "Bundle broken is set aside" in running.worker.log.read_text()
    running.models("rollback")
    wait_until(running.metrics_have('cw_model_info{version="good"} 1.0'), 30)
    assert {of["model_version"] for of in running.open_sessions().values()} == {"good"}


def test_a_bundle_that_outcomes_speak_against_waits_in_the_shadow_until_a_person_lets_it_serve_again(
    running: Running, trained: Path, tmp_path: Path
) -> None:
    one = copy_as(trained, tmp_path / "one", "one")
    running.broker.cw("publish", str(one))
    wait_until(running.metrics_have('cw_model_info{version="one"} 1.0'), 30)
    spoken = encode_verdict(Verdict("one", time.time_ns() // 1_000_000, "worse on 500 sessions"))
    running.producer.send(topics.MODELS, spoken, key=f"{VERDICT}one".encode()).get(20)
    wait_until(running.metrics_have('cw_model_set_aside{reason="outcomes",version="one"} 1.0'), 30)
    for of in running.open_sessions().values():
        assert (of["model_version"], of["shadow"]["model_version"]) == ("recency", "one")
    assert "worse on 500 sessions; 'cw models resume' tries it again" in running.models("list")
    running.worker.kill()
    running.worker.start()
    running.worker.wait_ready()
    assert {of["model_version"] for of in running.open_sessions().values()} == {"recency"}, "restarts don't forget it"
    running.models("resume")
    wait_until(running.metrics_have('cw_model_info{version="one"} 1.0'), 30)
    assert {of["model_version"] for of in running.open_sessions().values()} == {"one"}


def test_killed_while_it_takes_bundles_over_a_worker_loses_no_event_and_serves_the_newest(
    running: Running, trained: Path, tmp_path: Path
) -> None:
    """Three bundles under load, kill -9 between 0 and 0.6 s after each is announced."""
    noise = random.Random(11)
    servers, partitions = running.broker.bootstrap_servers, running.broker.settings.partitions
    load = Load(servers, "killed", members=40, rate=300, seed=11)
    load.start()
    versions = [f"take-{number}" for number in range(3)]
    for version in versions:
        running.broker.cw("publish", str(copy_as(trained, tmp_path / version, version)))
        time.sleep(noise.uniform(0.0, 0.6))
        running.worker.kill()
        running.worker.start()
        running.worker.wait_ready()
    wait_until(running.metrics_have('cw_model_info{version="take-2"} 1.0'), 30)
    load.stop()
    load.join()
    wait_caught_up(servers)
    assert load.failed == 0
    assert load.sent > 500
    assert changelog_states(servers) == plain_fold(servers, partitions)
    rows = (orjson.loads(r.value) for r in records(servers, topics.ROWS) if r.key.startswith(b"killed-"))
    by = {row["model_version"] for row in rows}
    assert by <= {"recency", *versions}
    assert "take-2" in by
