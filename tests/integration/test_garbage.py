"""Whatever stands on the topic of events, the worker goes on; what is no event is kept in cw.invalid, with a reason."""

import random
import time
import uuid

import orjson
import pytest
from gateways import gateway_at, until
from kafka import KafkaProducer
from worker_process import WorkerProcess, changelog_states, plain_fold, records, wait_caught_up

from streams import events, topics

NOW = int(time.time() * 1000)
NESTING = 5_000_000  # brackets each way: 10 MB


def event(member_id, number, **fields):
    """A valid event; with fields, most often not any more."""
    made = {
        "event_id": f"{member_id}-{number}", "type": "play", "member_id": member_id, "session_id": "s",
        "ts": NOW - 3_600_000 + number * 60_000, "device": "tv", "show_id": "show", "title_id": f"show.e{number}",
        "season": 1, "episode": number, "position_s": 300.0, "duration_s": 1800.0,
    }  # fmt: skip
    return {**made, **fields}


def without(member_id, name):
    made = event(member_id, 1)
    del made[name]
    return made


def garbage(member_id):
    """(key, value, part of the reason) of records that are no events."""
    key = member_id.encode()
    noise = random.Random(7)
    yield key, noise.randbytes(300), "not JSON"
    yield key, b"\xff\xfe\x00" + noise.randbytes(40), "not JSON"
    yield key, b"", "no value"
    yield key, None, "no value"
    yield key, b"{", "not JSON"
    yield key, b"[" * 30_000 + b"]" * 30_000, ""
    yield key, b'{"a":' * 9000 + b"1" + b"}" * 9000, ""
    yield key, b'"\\ud800"', "not JSON"
    yield key, orjson.dumps(event(member_id, 1)) + b"\x00", "not JSON"
    for value in ([], [1, 2], "text", 7, 1.5, True, None, {}, [event(member_id, 1)], {"type": {"type": "play"}}):
        yield key, orjson.dumps(value), ""
    for name in ("event_id", "type", "member_id", "session_id", "ts", "device", "title_id", "show_id", "position_s"):
        yield key, orjson.dumps(without(member_id, name)), name
    wrong = {
        "event_id": [7, "", None, "x" * 300, {"a": 1}], "type": ["walk", 7, None, ["play"]], "session_id": [1, [], ""],
        "ts": ["now", 1.5, -1, 0, True, 1_800_000_000, 10**30], "device": ["toaster", None, 3, []],
        "title_id": [5, {}, "a\x00b"], "show_id": [None, ["x"]], "position_s": ["12", -1, True, 1e9, {}],
        "duration_s": ["long", -5, []], "season": [1.5, "one", -1, 10**9], "episode": ["x", {}],
        "autoplay": ["yes", 1], "source": ["dream", 5], "tz": [7, ""], "country": [{}], "device_id": [5, ""],
    }  # fmt: skip
    for name, values in wrong.items():
        for value in values:
            if value == 10**30:
                yield (
                    key,
                    orjson.dumps(event(member_id, 1)).replace(
                        b'"ts":%d' % event(member_id, 1)["ts"], b'"ts":1' + b"0" * 30
                    ),
                    "ts",
                )
            else:
                yield key, orjson.dumps(event(member_id, 1, **{name: value})), name
    yield key, orjson.dumps(event(member_id, 1)).replace(b"300.0", b"NaN"), "not JSON"
    yield key, orjson.dumps(event(member_id, 1)).replace(b"300.0", b"1e999"), ""
    yield key, orjson.dumps(event(member_id, 1, type="rate", value=9)), "value"
    yield key, orjson.dumps(event(member_id, 1, type="snooze", value=-1)), "value"
    yield key, orjson.dumps(event(member_id, 1, padding="x" * 70_000)), "bytes"
    yield None, orjson.dumps(event(member_id, 1)), "key"
    yield b"somebody else", orjson.dumps(event(member_id, 1)), "key"
    yield b"\xff\xff", orjson.dumps(event(member_id, 1)), "key"
    yield noise.randbytes(20), noise.randbytes(200), "not JSON"


@pytest.fixture
def producer(broker):
    client = KafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, max_request_size=16 << 20
    )
    yield client
    client.close()


def test_garbage_goes_to_cw_invalid_and_every_valid_event_around_it_counts(broker, producer, tmp_path):
    """In every partition: valid, garbage, valid, in turns. Nothing dropped, nothing stopped, nothing changed."""
    partitions = broker.settings.partitions
    sent = {}
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        for partition in range(partitions):
            member_id = member_in(partition, partitions)
            nested = [(member_id.encode(), b"[" * NESTING + b"]" * NESTING, "bytes")] if partition == 0 else []
            for number, (key, value, reason) in enumerate([*garbage(member_id), *nested], start=1):
                valid = orjson.dumps(event(member_id, number))
                producer.send(topics.EVENTS, key=member_id.encode(), value=valid, partition=partition)
                at = producer.send(topics.EVENTS, key=key, value=value, partition=partition)
                sent[partition, at] = (key, value, reason)
            producer.flush()
        wait_caught_up(broker.bootstrap_servers)
        assert worker.alive()
        worker.stop()
    sent = {(partition, at.get().offset): entry for (partition, at), entry in sent.items()}

    found = {}
    for record in records(broker.bootstrap_servers, topics.INVALID):
        headers = {name: value.decode() for name, value in record.headers}
        place = int(headers["partition"]), int(headers["offset"])
        if place in sent:
            assert place not in found, "an invalid record was written twice"
            assert headers["topic"] == topics.EVENTS
            assert int(headers["timestamp"]) > NOW - 60_000
            found[place] = (record.key, record.value or None, headers["reason"])
    assert found.keys() == sent.keys()
    for place, (key, value, reason) in sent.items():
        assert found[place][:2] == (key, value or None)
        assert reason in found[place][2]

    states = changelog_states(broker.bootstrap_servers)
    folded = plain_fold(broker.bootstrap_servers, partitions)
    for partition in range(partitions):
        member_id = member_in(partition, partitions)
        assert states[member_id] == folded[member_id]


RUN = uuid.uuid4().hex[:8]


def member_in(partition, partitions):
    """A member of this run whose events belong to that partition."""
    number = 0
    while topics.partition_of(f"{RUN}-{number}".encode(), partitions) != partition:
        number += 1
    return f"{RUN}-{number}"


def test_a_stray_event_is_moved_to_its_partition_once(broker, producer, tmp_path):
    """A client with another hash sends to the wrong partition: the event counts, in the one state of its member."""
    partitions = broker.settings.partitions
    member_id = f"stray-{RUN}"
    home = topics.partition_of(member_id.encode(), partitions)
    with WorkerProcess(broker, tmp_path / "worker") as worker:
        worker.wait_ready()
        value = orjson.dumps(event(member_id, 1))
        producer.send(topics.EVENTS, key=member_id.encode(), value=value, partition=(home + 1) % partitions)
        producer.flush()
        wait_caught_up(broker.bootstrap_servers)
        wait_caught_up(broker.bootstrap_servers)  # once more: the moved one came after
        worker.stop()
    moved = [r for r in records(broker.bootstrap_servers, topics.EVENTS) if r.key == member_id.encode()]
    assert [(r.partition, r.value) for r in moved if r.partition == home] == [(home, value)]
    assert (
        changelog_states(broker.bootstrap_servers)[member_id]
        == plain_fold(broker.bootstrap_servers, partitions)[member_id]
    )


async def test_garbage_over_http_is_a_4xx_and_does_not_reach_the_topic(broker, tmp_path):
    """The same records as bodies of POST /v1/events, alone and in an array; a valid event between them counts."""
    nested = (b"m", b"[" * NESTING + b"]" * NESTING, "bytes")
    bodies = [value or b"" for _, value, reason in [*garbage("m"), nested] if reason != "key"]
    before = {(record.partition, record.offset) for record in records(broker.bootstrap_servers, topics.EVENTS)}
    async with gateway_at(tmp_path, KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers) as (client, parts):
        await until(lambda: parts.writer.up)
        for number, body in enumerate(bodies, start=1):
            for sent in (body, b"[" + body + b"]"):
                if sent == b"[]" or (sent == body and body.startswith(b"[{")):
                    continue  # on the topic an array is no event; over HTTP it is one call with several, or none
                async with client.post("/v1/events", data=sent) as answer:
                    assert 400 <= answer.status < 500, sent[:200]
                    assert (await answer.json()).keys() & {"error", "rejected"}
            good = event(f"http-{RUN}", number)
            async with client.post("/v1/events", data=orjson.dumps(good)) as answer:
                assert answer.status == 202
    came = [r for r in records(broker.bootstrap_servers, topics.EVENTS) if (r.partition, r.offset) not in before]
    assert [orjson.loads(record.value)["episode"] for record in came] == list(range(1, len(bodies) + 1))


def test_the_same_garbage_is_refused_by_the_check_itself():
    """The reasons are those of `events.decode`: what it takes, the worker takes, and nothing that it refuses counts."""
    for key, value, _ in garbage("m"):
        with pytest.raises((events.InvalidEvent, RecursionError, ValueError)):
            events.decode(value, key)
