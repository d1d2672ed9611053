"""`cw outcomes` on a real broker: killed and moved under load, what it says equals a plain join of both logs."""

import random
import time
import uuid
from pathlib import Path

import orjson
import pytest
from eventlog import DAY, HOUR, MINUTE, event, watch
from impressions import impression
from kafka import KafkaProducer
from worker_process import WorkerProcess, records, wait_caught_up, wait_until

from streams import events, topics
from streams.cli import main
from streams.config import OUTCOMES_APP_ID
from streams.outcomes.join import Member
from streams.outcomes.learning import Learning
from streams.outcomes.live import LASTING, SESSIONS, Live
from streams.outcomes.served import parse

MEMBERS = 150
ROUNDS = 6


def history(member_id, noise):
    """Sessions of one member on two devices: rows seen, glances, plays, some that end without any."""
    made = []
    begins = int(time.time() * 1000) - 20 * DAY
    for session in range(ROUNDS):
        at, fields = begins + session * DAY, {"session_id": f"{member_id}-{session}"}
        fields["device"] = noise.choice(["tv", "phone"])
        of_session = [event("session_start", at, **fields), event("row_viewed", at + 2000, **fields)]
        for _ in range(noise.randint(0, 2)):
            at += 10 * MINUTE
            of_session += watch(f"show-{noise.randint(1, 4)}", at, noise.choice([0.4, 3]), **fields)
        if noise.random() < 0.5:
            of_session.append(event("session_end", at + HOUR // 6, **fields))
        made.append([{**one, "member_id": member_id} for one in of_session])
    return made


def plain_join(servers, partitions):
    """Outcomes by id, without Faust, batches or tables: all events of a partition, then all its impressions."""
    members, found = {}, {}
    for record in records(servers, topics.EVENTS):
        made = events.decode(record.value, record.key)
        events.correct_clock(made, record.timestamp)
        member = members.setdefault(made["member_id"], Member())
        assert member.apply_event(made, 0, record.offset) == []
    for record in records(servers, topics.IMPRESSIONS):
        impression = orjson.loads(record.value)
        served, epoch = parse(impression)
        for outcome in members[impression["member_id"]].apply_impression(served, epoch, record.offset)[1]:
            found[outcome["id"]] = {"member_id": impression["member_id"], **outcome}
    return found


def test_killed_and_moved_under_load_outcomes_and_figures_equal_a_plain_join(broker, tmp_path: Path) -> None:
    """Two kills, a second process that joins, a third kill; a worker that is killed, too, and sends rows again."""
    run, noise = uuid.uuid4().hex[:6], random.Random(11)
    servers, partitions = broker.bootstrap_servers, broker.settings.partitions
    histories = {f"{run}-{number}": history(f"{run}-{number}", noise) for number in range(MEMBERS)}
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=5)
    first, second = (WorkerProcess(broker, tmp_path / name, "outcomes") for name in ("first", "second"))
    try:
        with WorkerProcess(broker, tmp_path / "worker") as worker:
            first.start()
            first.wait_ready()
            worker.wait_ready()
            for number in range(ROUNDS):
                # A row is served to whom has a session when it is made, so sessions come one after the other.
                for member_id, sessions in histories.items():
                    for made in sessions[number]:
                        producer.send(topics.EVENTS, orjson.dumps(made), key=member_id.encode())
                        time.sleep(0.0005)
                if number in (1, 2):
                    first.kill()
                    first.start()
                elif number == 3:
                    worker.kill()
                    worker.start()
                    second.start()
                    second.wait_ready()
                elif number == 4:
                    first.kill()
            producer.flush()
            wait_caught_up(servers)
            wait_caught_up(servers, of=OUTCOMES_APP_ID)
            worker.stop()

            sent: dict[str, dict] = {}
            for record in records(servers, topics.OUTCOMES):
                outcome = orjson.loads(record.value)
                assert record.partition == topics.partition_of(record.key, partitions)
                assert record.key == outcome["member_id"].encode()
                assert sent.setdefault(outcome["id"], outcome) == outcome, "sent again, it says the same"
            expected = plain_join(servers, partitions)
            assert sent == expected
            assert len([o for o in expected.values() if o["played"] is not None]) > MEMBERS
            assert len([o for o in expected.values() if o["played"] is None]) > MEMBERS / 4

            learning: dict[int, Learning] = {}
            for outcome in expected.values():
                partition = topics.partition_of(outcome["member_id"].encode(), partitions)
                learning.setdefault(partition, Learning(partitions)).outcome(outcome)
            total = sum(of.served["recency"].total.decisions for of in learning.values())

            def published() -> Live:
                live = Live()
                for record in records(servers, topics.LIVE):
                    live.update(record.value)
                return live

            wait_until(lambda: published().figures("served")["recency"].total.decisions == total, 60)
            figures = published().figures("served")["recency"].total
            plain = [of.served["recency"].total for of in learning.values()]
            for name in ("continued_row", "hits", "base_hits", "from_row"):
                assert getattr(figures, name) == sum(getattr(tally, name) for tally in plain)
            assert figures.hits == figures.base_hits  # without a bundle the row is in recency order
            assert "cw_outcomes_sent_total" in second.get("/metrics")[1]
            shown = broker.cw("live")
            assert "recency" in shown
            assert f"{figures.decisions:,}" in shown
            second.stop()
    finally:
        producer.close()
        first.end()
        second.end()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    log = folder / "log.jsonl"
    assert main(["simulate", "--members", "10", "--days", "20", "--seed", "5", "-o", str(log)]) == 0
    assert main(["train", "--events", str(log), "-o", str(folder / "bundle")]) == 0
    return folder / "bundle"


def test_a_recalibration_that_gains_is_applied_and_impressions_have_both_probabilities(
    broker, bundle: Path, tmp_path: Path
) -> None:
    """The record is such as cw outcomes writes: a shift of -2, and clearly better with it."""
    version = orjson.loads((bundle / "manifest.json").read_bytes())["version"]
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    member, began = f"{uuid.uuid4().hex}/ada", int(time.time() * 1000) - HOUR
    kind = {"slope": 1.0, "shift": -2.0, "learned": 900, "n": 900, "raw": 600.0, "recalibrated": 400.0,
            "gain_square": 100.0}  # fmt: skip
    record = {"partition": 0, "at": 0, "served": {}, "shadow": {}, "drift": {},
              "recalibration": {version: {"continuation": kind, "play": kind}}}  # fmt: skip
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        broker.cw("publish", str(bundle))
        wait_until(lambda: f'cw_model_info{{version="{version}"}} 1.0' in worker.get("/metrics")[1], 30)
        producer.send(topics.LIVE, orjson.dumps(record), key=b"0", partition=0).get(20)
        on = f'cw_model_recalibrated{{kind="play",version="{version}"}} 1.0'
        wait_until(lambda: on in worker.get("/metrics")[1], 30)
        for made in [event("session_start", began), *watch("show-1", began + 1000, 8, 2)]:
            producer.send(topics.EVENTS, orjson.dumps({**made, "member_id": member}), key=member.encode()).get(20)
        phone = event("session_start", began + 2 * 900_000, session_id="s2", device="phone", member_id=member)
        producer.send(topics.EVENTS, orjson.dumps(phone), key=member.encode()).get(20)
        wait_caught_up(broker.bootstrap_servers)
        found = [orjson.loads(record.value) for record in records(broker.bootstrap_servers, topics.IMPRESSIONS)]
        made = [impression for impression in found if impression["member_id"] == member][-1]
        assert made["model_version"] == version

        def lowered(p: float) -> float:
            odds = p / (1 - p) * 2.718281828 ** -2.0
            return odds / (1 + odds)

        given, raw = made["continuation_probability"], made["continuation_probability_raw"]
        assert given == pytest.approx(lowered(raw), abs=1e-4)
        item = made["items"][0]
        assert item["play_probability"] == pytest.approx(lowered(item["play_probability_raw"]), abs=1e-4)
        assert "Live recalibration of" in worker.log.read_text()
        worker.stop()
    producer.send(topics.MODELS, None, key=b"ranking").get(20)
    producer.close()


def test_a_bundle_worse_than_recency_on_live_outcomes_gets_a_verdict(broker, tmp_path: Path) -> None:
    """Its row has first what is never played; recency would be right. One announcement, once it has lasted."""
    run, began = uuid.uuid4().hex[:6], int(time.time() * 1000) - DAY
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, linger_ms=5)

    def sessions(first: int, last: int) -> None:
        """One session each of so many members: a row of two shows, of which the second is played."""
        for member_id in (f"{run}/{number}" for number in range(first, last)):
            log = [event("session_start", began), *watch("a", began + 1000, 2)]
            sent = [
                producer.send(topics.EVENTS, orjson.dumps({**made, "member_id": member_id}), key=member_id.encode())
                for made in log
            ]
            row = impression(sent[0].get(20).offset, "ba", member_id=member_id, model_version=f"bad-{run}")
            producer.send(topics.IMPRESSIONS, orjson.dumps(row), key=member_id.encode())
        producer.flush()

    def verdicts() -> list:
        key = f"verdict/bad-{run}".encode()
        return [record for record in records(broker.bootstrap_servers, topics.MODELS) if record.key == key]

    with WorkerProcess(broker, tmp_path / "outcomes", "outcomes") as service:
        service.wait_ready()
        sessions(0, SESSIONS + 50)
        wait_until(lambda: f'cw_live_decisions{{role="served",version="bad-{run}"}}' in service.get("/metrics")[1], 30)
        time.sleep(5)
        assert verdicts() == []
        sessions(SESSIONS + 50, SESSIONS + 100 + LASTING)
        wait_until(lambda: bool(verdicts()), 30)
        verdict = orjson.loads(verdicts()[0].value)
        assert verdict["version"] == f"bad-{run}"
        assert "right show first in 0.0 %" in verdict["reason"]
        time.sleep(5)
        assert len(verdicts()) == 1
        assert "cw_live_verdicts_total 1.0" in service.get("/metrics")[1]
        service.stop()
    producer.close()
