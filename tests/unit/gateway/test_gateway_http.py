"""What the gateway does with calls, good and bad, while no broker answers."""

import asyncio
import os
import time
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from gateways import event, record
from yarl import URL

from streams.gateway.ingestion import MAX_BODY_BYTES, MAX_EVENTS


async def test_events_are_refused_with_retry_after_and_at_once_while_the_broker_is_away(gateway: Any) -> None:
    async with gateway() as (client, _):
        began = time.monotonic()
        async with client.post("/v1/events", json=event()) as answer:
            assert answer.status == 503
            assert 1 <= int(answer.headers["Retry-After"]) <= 5
            assert "again" in (await answer.json())["error"]
        assert time.monotonic() - began < 2


async def test_readiness_waits_for_the_rows_and_liveness_does_not(gateway: Any) -> None:
    async with gateway() as (client, _):
        async with client.get("/healthz") as answer:
            assert answer.status == 200
        async with client.get("/readyz") as answer:
            assert answer.status == 503
            body = await answer.json()
            assert body["ready"] is False
            assert "cw.rows" in body["waiting_for"][0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"\xff\xfe\x00", 400),
        (b'"text"', 400),
        (b"7", 400),
        (b"null", 400),
        (b"{}", 400),
        (b"[7, null, []]", 400),
        (b"[" * 900_000, 400),
        (b'{"a":' * 150_000, 400),
        (orjson.dumps([event()] * (MAX_EVENTS + 1)), 413),
        (b" " * (MAX_BODY_BYTES + 1), 413),
        (b"[" * 10_000_000, 413),
    ],
)
async def test_an_unreadable_or_oversized_body_is_refused_in_well_under_a_second(
    gateway: Any, body: bytes, status: int
) -> None:
    async with gateway() as (client, _):
        began = time.monotonic()
        async with client.post("/v1/events", data=body) as answer:
            assert answer.status == status
        assert time.monotonic() - began < 1


async def test_a_body_without_a_length_is_refused_at_the_limit_and_its_sender_cut_off(gateway: Any) -> None:
    async with gateway() as (client, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", client._base_url.port)
        writer.write(b"POST /v1/events HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n")

        async def send_for_ever() -> None:
            while True:
                writer.write(b"186a0\r\n" + b"[" * 100_000 + b"\r\n")
                await writer.drain()

        sending = asyncio.create_task(send_for_ever())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n"), 2)
        assert head == b"HTTP/1.1 413 Request Entity Too Large\r\n"
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(sending, 10)
        async with client.get("/healthz") as answer:
            assert answer.status == 200


async def test_every_rejected_event_is_named_by_its_index_with_the_reason(gateway: Any) -> None:
    async with (
        gateway() as (client, _),
        client.post(
            "/v1/events", json=[event(ts="now"), event(type="play"), 7, event(type="rate", show_id="x", value=9)]
        ) as answer,
    ):
        assert answer.status == 400
        body = await answer.json()
        assert body["accepted"] == 0
        assert body["after"] == {}
        assert [entry["index"] for entry in body["rejected"]] == [0, 1, 2, 3]
        assert body["rejected"][0]["error"].startswith("ts is 'now'")
        assert "title_id" in body["rejected"][1]["error"]


@pytest.mark.parametrize(
    "member", ["a/b", "a%2Fb", "ünï/cödé", "a b+c", "{curly}", "..", ".", "a?b#c", "100%", "%", "日本/語", "a|b"]
)
async def test_a_member_id_with_any_characters_is_reached_percent_encoded(gateway: Any, member: str) -> None:
    async with gateway() as (client, parts):
        parts.store.apply([record(member)])
        url = URL(f"{client._base_url}/v1/members/{quote(member, safe='')}/row", encoded=True)
        async with client.get(url) as answer:
            assert answer.status == 200
            assert (await answer.json())["member_id"] == member


async def test_a_member_id_that_is_not_utf8_is_refused(gateway: Any) -> None:
    async with (
        gateway() as (client, _),
        client.get(URL(f"{client._base_url}/v1/members/%FF%FE/row", encoded=True)) as answer,
    ):
        assert answer.status == 400


async def test_a_member_without_a_row_is_404_and_so_is_another_path(gateway: Any) -> None:
    async with gateway() as (client, _):
        for path in (
            "/v1/members/nobody/row",
            "/v1/members/nobody/row?device_id=tv",
            "/v2",
            "/static/../app.py",
            "/static/x",
        ):
            async with client.get(path) as answer:
                assert answer.status == 404
                assert "error" in await answer.json()
        async with client.delete("/v1/events") as answer:
            assert answer.status == 405


@pytest.mark.parametrize(
    "query", ["after=5", "after=a-b", "after=1-2-3", "after=0-5&wait_ms=-1", "after=0-5&wait_ms=soon"]
)
async def test_a_question_that_makes_no_sense_is_400(gateway: Any, query: str) -> None:
    async with gateway() as (client, parts):
        parts.store.apply([record("ada")])
        async with client.get(f"/v1/members/ada/row?{query}") as answer:
            assert answer.status == 400


async def test_a_row_that_covers_the_event_is_answered_at_once_and_not_stale(gateway: Any) -> None:
    async with gateway() as (client, parts):
        parts.store.apply([record("ada")])
        async with client.get("/v1/members/ada/row?after=0-5&wait_ms=20000") as answer:
            assert "stale" not in await answer.json()


async def test_waiting_ends_when_the_row_covers_the_event(gateway: Any) -> None:
    async with gateway() as (client, parts):
        parts.store.apply([record("ada")])
        waiting = asyncio.create_task(client.get("/v1/members/ada/row?after=0-6&wait_ms=20000"))
        await asyncio.sleep(0.2)
        parts.hub.publish(parts.store.apply([record("ada", offset=6)]))
        answer = await asyncio.wait_for(waiting, 2)
        body = await answer.json()
        assert body["version"].startswith("0-6-")
        assert "stale" not in body


async def test_too_late_the_row_is_what_there_is_marked_as_stale(gateway: Any) -> None:
    async with gateway() as (client, parts):
        parts.store.apply([record("ada")])
        async with client.get("/v1/members/ada/row?after=0-6&wait_ms=50") as answer:
            assert answer.status == 200
            body = await answer.json()
            assert body["stale"] is True
            assert body["version"].startswith("0-5-")


async def test_random_bytes_on_the_socket_never_stop_the_gateway(gateway: Any) -> None:
    async with gateway() as (client, _):
        port = client._base_url.port
        for size in (1, 10, 1_000, 100_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(os.urandom(size) + b"\r\n\r\n")
                await writer.drain()
                reply = await asyncio.wait_for(reader.read(100), 5)
                assert reply == b"" or (reply.startswith(b"HTTP/1.") and b" 400 " in reply)
            except ConnectionError:
                pass
            finally:
                writer.close()
        async with client.get("/healthz") as answer:
            assert answer.status == 200


async def test_explaining_without_a_worker_is_503_with_retry_after(gateway: Any) -> None:
    async with gateway(CW_WORKER_URLS="http://127.0.0.1:9") as (client, parts):
        parts.store.apply([record("ada")])
        async with client.get("/v1/members/ada/row?explain=1") as answer:
            assert answer.status == 503
            assert "Retry-After" in answer.headers


async def test_the_metrics_show_what_was_rejected(gateway: Any) -> None:
    async with gateway() as (client, _):
        async with client.post("/v1/events", json=event(ts=1)):
            pass
        async with client.get("/metrics") as answer:
            text = await answer.text()
    assert 'cw_gateway_events_rejected_total{reason="invalid"}' in text
