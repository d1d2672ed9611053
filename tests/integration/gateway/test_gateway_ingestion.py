"""Events over HTTP into the real log: acknowledged, in the member's partition, at the place that `after` names."""

import asyncio
import time
import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from gateways import event, gateway_at, until
from ports import free_port

from streams import topics
from streams.gateway import writer


async def record_at(broker: Any, partition: int, offset: int) -> Any:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
    await consumer.start()
    try:
        place = TopicPartition(topics.EVENTS, partition)
        consumer.assign([place])
        consumer.seek(place, offset)
        return await asyncio.wait_for(consumer.getone(), 10)
    finally:
        await consumer.stop()


async def test_accepted_events_are_in_the_partition_of_their_member_at_the_place_that_after_names(
    gateway: Any, broker: Any
) -> None:
    member = f"maison/é-{uuid.uuid4()}"
    async with (
        gateway(CW_EPOCH="3") as (client, _),
        client.post("/v1/events", json=[event(member_id=member, event_id=f"e{n}") for n in range(3)]) as answer,
    ):
        assert answer.status == 202
        body = await answer.json()
    assert body["accepted"] == 3
    assert body["rejected"] == []
    epoch, offset = body["after"][member].split("-")
    assert epoch == "3"
    record = await record_at(broker, topics.partition_of(member.encode(), 4), int(offset))
    assert record.key == member.encode()
    assert orjson.loads(record.value) == event(member_id=member, event_id="e2")


async def test_one_bad_event_does_not_stop_those_around_it(gateway: Any) -> None:
    events = [event(), event(ts="now"), event(member_id="bob"), None]
    async with gateway() as (client, _), client.post("/v1/events", json=events) as answer:
        assert answer.status == 202
        body = await answer.json()
    assert body["accepted"] == 2
    assert [entry["index"] for entry in body["rejected"]] == [1, 3]
    assert set(body["after"]) == {"ada", "bob"}


async def test_one_event_alone_and_unknown_fields_are_taken(gateway: Any) -> None:
    async with gateway() as (client, _), client.post("/v1/events", json=event(novel={"deep": [1]})) as answer:
        assert answer.status == 202
        assert (await answer.json())["accepted"] == 1


async def test_an_event_larger_than_the_worker_reads_is_rejected_by_its_index(gateway: Any) -> None:
    events = [event(), event(note="x" * 70_000)]
    async with gateway() as (client, _), client.post("/v1/events", json=events) as answer:
        assert answer.status == 202
        assert [entry["index"] for entry in (await answer.json())["rejected"]] == [1]


async def test_above_the_bound_in_flight_the_answer_is_429_with_retry_after(
    gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_IN_FLIGHT_EVENTS", 2)
    async with gateway() as (client, _):
        async with client.post("/v1/events", json=[event(), event(), event()]) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) >= 1
        async with client.post("/v1/events", json=event()) as answer:
            assert answer.status == 202


async def test_many_clients_at_once_are_all_acknowledged(gateway: Any) -> None:
    async with gateway() as (client, _):

        async def post(number: int) -> int:
            batch = [event(member_id=f"m{number}", event_id=f"{number}-{n}") for n in range(10)]
            async with client.post("/v1/events", json=batch) as answer:
                return int((await answer.json())["accepted"]) if answer.status == 202 else 0

        assert sum(await asyncio.gather(*(post(number) for number in range(200)))) == 2000


async def test_while_the_broker_is_gone_clients_hear_503_in_time_and_are_served_again_after_its_return(
    own_broker: Any, tmp_path: Path
) -> None:
    await asyncio.to_thread(own_broker.start)
    async with gateway_at(tmp_path, KAFKA_BOOTSTRAP_SERVERS=own_broker.bootstrap_servers) as (client, parts):
        await until(lambda: parts.writer.up)

        async def post() -> tuple[int, float]:
            began = time.monotonic()
            async with client.post("/v1/events", json=event(event_id=uuid.uuid4().hex)) as answer:
                assert answer.status == 202 or "Retry-After" in answer.headers
                return answer.status, time.monotonic() - began

        assert (await post())[0] == 202
        own_broker.kill()
        status, seconds = await post()
        assert status == 503
        assert seconds < writer.ACK_TIMEOUT_S + 1
        status, seconds = await post()
        assert status == 503
        assert seconds < 0.5
        async with client.get("/healthz") as answer:
            assert answer.status == 200
        await asyncio.to_thread(own_broker.start)
        for _ in range(150):
            if (await post())[0] == 202:
                break
            await asyncio.sleep(0.2)
        else:
            pytest.fail("no event was taken within 30 s of the broker's return")


async def test_a_gateway_started_before_its_broker_takes_events_once_it_is_there(
    own_broker: Any, tmp_path: Path
) -> None:
    async with gateway_at(tmp_path, KAFKA_BOOTSTRAP_SERVERS=own_broker.bootstrap_servers) as (client, _):
        async with client.post("/v1/events", json=event()) as answer:
            assert answer.status == 503
        await asyncio.to_thread(own_broker.start)
        async with asyncio.timeout(30):
            while True:
                async with client.get("/readyz") as ready, client.post("/v1/events", json=event()) as answer:
                    if (ready.status, answer.status) == (200, 202):
                        break
                await asyncio.sleep(0.1)


async def test_a_port_in_use_is_one_line_that_says_what_to_do(broker: Any, tmp_path: Path) -> None:
    import socket

    from streams.errors import CommandError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(CommandError, match="CW_GATEWAY_PORT"):
            async with gateway_at(tmp_path, CW_GATEWAY_PORT=port, KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}"):
                pass
