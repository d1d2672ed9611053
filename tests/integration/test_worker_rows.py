"""`cw worker` as a process on a real broker: rows and impressions of a session, their explanation, new bundles."""

import json
import time
from pathlib import Path

import orjson
import pytest
from eventlog import event, watch
from kafka import KafkaProducer
from worker_process import WorkerProcess, records, wait_caught_up, wait_until

from streams import features, topics
from streams.cli import main
from streams.row import parse_version

RUN = f"rows{time.time_ns()}"


@pytest.fixture
def member() -> str:
    return f"{RUN}/ada"


@pytest.fixture
def producer(broker):
    client = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")
    yield client
    client.close()


def send(broker, producer: KafkaProducer, member: str, events: list[dict]) -> list[int]:
    """Sends a member's events; their offsets."""
    key = member.encode()
    partition = topics.partition_of(key, broker.settings.partitions)
    sent = [
        producer.send(topics.EVENTS, orjson.dumps({**made, "member_id": member}), key=key, partition=partition)
        for made in events
    ]
    return [future.get(20).offset for future in sent]


def of_member(broker, topic: str, member: str) -> list[dict]:
    """What a topic holds of a member, in order."""
    found = [record for record in records(broker.bootstrap_servers, topic) if record.value is not None]
    return [value for value in (orjson.loads(record.value) for record in found) if value["member_id"] == member]


def test_a_session_makes_rows_impressions_and_an_explanation(broker, producer, member, tmp_path) -> None:
    """Rows name the last event in them, impressions hold the features; each device of the last day has its row."""
    began = time.time_ns() // 1_000_000 - 3_600_000
    tv = [event("session_start", began), *watch("show-1", began + 1000, 8, 2)]
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        offsets = send(broker, producer, member, tv)
        wait_caught_up(broker.bootstrap_servers)
        phone = [event("session_start", began + 900_000, session_id="s2", device="phone")]
        offsets += send(broker, producer, member, phone)
        wait_caught_up(broker.bootstrap_servers)

        rows = of_member(broker, topics.ROWS, member)
        newest = {row["device_id"]: row for row in rows}
        assert newest.keys() == {"tv", "phone"}
        for row in newest.values():
            assert parse_version(row["version"])[:2] == (0, offsets[-1])
            assert [(item["show_id"], item["episode"], item["reason"]) for item in row["items"]] == [
                ("show-1", 2, "resume")
            ]
            assert row["model_version"] == "recency"
            assert row["continuation_probability"] is None
            assert row["placement"] == {"position": 1, "method": "default"}
        versions = [parse_version(row["version"]) for row in rows if row["device_id"] == "tv"]
        assert versions == sorted(versions)

        impressions = of_member(broker, topics.IMPRESSIONS, member)
        assert [impression["id"] for impression in impressions] == [
            f"{member}|tv|s1|0|{offsets[0]}",
            f"{member}|phone|s2|0|{offsets[-1]}",
        ]
        assert impressions[1]["schema_hash"] == features.SCHEMA_HASH
        assert len(impressions[1]["items"][0]["features"]) == len(features.NAMES)

        path = f"/v1/members/{member.replace('/', '%2F')}/explain?device_id=phone"
        explained = json.loads(worker.get(path)[1])
        assert explained["items"][0]["features"]["plays"] == 1.0
        assert explained["scored_from"]["offset"] == offsets[-1]
        assert worker.get("/v1/members/nobody/explain")[0] == 404
        worker.stop()


def test_a_bundle_is_taken_over_while_running_and_a_bad_one_is_refused(
    broker, producer, member, tmp_path: Path
) -> None:
    """The next row is the new model's; then a bundle with a changed file is announced, and the row stays this one's."""
    log, bundle = tmp_path / "log.jsonl", tmp_path / "bundle"
    assert main(["simulate", "--members", "10", "--days", "20", "--seed", "5", "-o", str(log)]) == 0
    assert main(["train", "--events", str(log), "-o", str(bundle)]) == 0
    version = orjson.loads((bundle / "manifest.json").read_bytes())["version"]
    began = time.time_ns() // 1_000_000 - 1_800_000
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        send(broker, producer, member, [event("session_start", began, session_id="s3")])
        broker.cw("publish", str(bundle))
        serving = f'cw_model_info{{version="{version}"}} 1.0'
        wait_until(lambda: serving in worker.get("/metrics")[1], 30)

        ranker = bundle / "ranker.onnx"
        ranker.write_bytes(ranker.read_bytes()[:-1])
        bad = orjson.loads((bundle / "manifest.json").read_bytes()) | {"version": f"{version}-bad"}
        (bundle / "manifest.json").write_bytes(orjson.dumps(bad))
        announcement = {"version": bad["version"], "uri": bundle.as_uri(), "manifest_sha256": "0" * 64}
        producer.send(topics.MODELS, orjson.dumps(announcement), key=b"ranking").get(20)
        wait_until(lambda: 'cw_bundles_refused_total{reason="hash"} 1.0' in worker.get("/metrics")[1], 30)

        send(broker, producer, member, watch("show-1", began + 1000, 5, 3, session_id="s3"))
        wait_caught_up(broker.bootstrap_servers)
        row = of_member(broker, topics.ROWS, member)[-1]
        assert row["model_version"] == version
        assert 0.0 <= row["continuation_probability"] <= 1.0
        assert 0.0 <= row["items"][0]["play_probability"] <= 1.0
        worker.stop()
    producer.send(topics.MODELS, None, key=b"ranking").get(20)
