"""cw.invalid by its commands, on a real broker: everything is told, what is valid now is sent again once."""

import json
import subprocess
import sys
import time

import orjson
from kafka import KafkaProducer

from streams import topics
from streams.reading import records

NEVER = b"\x00\xff not an event \x1b[31m"


def event(member: str, number: int) -> dict[str, object]:
    return {
        "event_id": f"{member}-{number}", "type": "session_start", "member_id": member, "session_id": "s",
        "ts": 1_800_000_000_000, "device": "tv",
    }  # fmt: skip


def headers(reason: str, offset: int) -> list[tuple[str, bytes]]:
    origin = {"topic": topics.EVENTS, "partition": "3", "offset": str(offset), "timestamp": "1800000000123"}
    return [("reason", reason.encode()), *((name, value.encode()) for name, value in origin.items())]


def test_what_is_valid_now_is_sent_again_once_and_the_rest_stays(broker) -> None:
    broker.start()
    no_key, wrong_key = orjson.dumps(event("müller", 1)), orjson.dumps(event("b", 2))
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    producer.send(topics.INVALID, no_key, headers=headers("the record has no key", 7)).get(20)
    producer.send(topics.INVALID, wrong_key, key=b"x", headers=headers("wrong key", 8)).get(20)
    producer.send(topics.INVALID, NEVER, key=b"\xff", headers=headers("not JSON", 9)).get(20)
    producer.flush()

    listed = [json.loads(line) for line in broker.cw("invalid", "list", "--json").splitlines()]
    ours = {record["offset"]: record for record in listed if record["timestamp"] == 1_800_000_000_123}
    assert ours[7] == {
        "reason": "the record has no key", "topic": topics.EVENTS, "partition": 3, "offset": 7,
        "timestamp": 1_800_000_000_123, "replayed": False, "key": None, "value": no_key.decode(),
    }  # fmt: skip
    assert set(ours[9]) >= {"key_base64", "value_base64"}
    text = broker.cw("invalid", "list")
    assert "playback.events/3/9  2027-01-15 08:00:00 UTC  not JSON" in text
    assert "\\xff not an event \\x1b[31m" in text, "nothing that a terminal would obey"
    assert "\x1b" not in text

    before = {r.partition: r.offset + 1 for r in records(broker.bootstrap_servers, topics.EVENTS)}
    assert "2 sent again, 0 were sent before" in broker.cw("invalid", "replay")
    assert "0 sent again, 2 were sent before" in broker.cw("invalid", "replay")
    arrived = {r.key: r for r in records(broker.bootstrap_servers, topics.EVENTS, start=before)}
    assert {key: r.value for key, r in arrived.items()} == {"müller".encode(): no_key, b"b": wrong_key}
    for key, record in arrived.items():
        assert record.partition == topics.partition_of(key, 4)
    producer.send(topics.INVALID, orjson.dumps(event("c", 3)), headers=headers("no key", 10)).get(20)
    producer.close()
    assert "1 sent again, 2 were sent before" in broker.cw("invalid", "replay")
    replayed = [json.loads(line) for line in broker.cw("invalid", "list", "--json").splitlines()]
    assert {r["offset"]: r["replayed"] for r in replayed if r["timestamp"] == 1_800_000_000_123} == {
        7: True, 8: True, 9: False, 10: True
    }  # fmt: skip


def test_without_a_broker_it_says_how_to_start_one(tmp_path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "invalid", "list"],
        env={"PATH": "/usr/bin:/bin", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("cw: no Kafka answers at 127.0.0.1:1 ")
    assert "'cw broker start'" in done.stderr
    assert time.monotonic() - began < 30
