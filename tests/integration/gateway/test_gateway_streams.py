"""Rows from the real cw.rows to clients: by GET, by server-sent events, by WebSocket."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from gateways import row, until

from streams import metrics, topics
from streams.gateway import following


async def messages(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, str]]:
    """Server-sent messages as their fields; comments and messages without data are left out."""
    fields: dict[str, str] = {}
    async for line in answer.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            assert name not in fields, "one data: line a message"
            fields[name] = value
        elif "data" in fields:
            yield fields
            fields = {}
        else:
            fields = {}


@pytest.fixture
def member() -> str:
    return f"house/{uuid.uuid4()}"


def path(member: str, end: str = "") -> str:
    return f"/v1/members/{member.replace('/', '%2F')}/row{end}"


def url(client: Any, member: str, end: str = "") -> Any:
    from yarl import URL

    return URL(str(client._base_url).rstrip("/") + path(member, end), encoded=True)


async def held(parts: Any, member: str, offset: int, device: str | None = None) -> None:
    """Waits until the gateway holds a row of the member at that offset."""

    def there() -> bool:
        found = parts.store.row(member, device)
        return found is not None and found.version.offset >= offset

    await until(there)


async def test_rows_written_before_the_gateway_started_are_served_once_it_is_ready(
    gateway: Any, produce: Any, member: str
) -> None:
    await produce(row(member, "tv", 7), row(member, "phone", 9))
    async with gateway() as (client, _):
        async with client.get("/readyz") as answer:
            assert answer.status == 200
        async with client.get(url(client, member, "?device_id=tv")) as answer:
            body = await answer.json()
            assert body["version"].startswith("0-7-")
            assert set(body) == set(orjson.loads(row(member)[1]))
        async with client.get(url(client, member, "?device_id=tablet")) as answer:
            assert answer.status == 404


async def test_a_stream_sends_the_row_as_it_stands_and_then_each_update(
    gateway: Any, produce: Any, member: str
) -> None:
    await produce(row(member, "tv", 1))
    async with gateway() as (client, parts):
        await held(parts, member, 1)
        async with client.get(url(client, member, "/stream")) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            stream = messages(answer)
            first = await asyncio.wait_for(anext(stream), 5)
            assert first["id"].startswith("0-1-")
            assert orjson.loads(first["data"])["version"] == first["id"]
            await produce(row(member, "tv", 2))
            second = await asyncio.wait_for(anext(stream), 5)
            assert second["id"].startswith("0-2-")
            assert set(second) == {"id", "data"}


async def test_a_stream_for_a_member_without_a_row_stays_open_and_sends_the_first(
    gateway: Any, produce: Any, member: str
) -> None:
    async with gateway() as (client, _), client.get(url(client, member, "/stream")) as answer:
        assert answer.status == 200
        stream = messages(answer)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await produce(row(member, "tv", 4))
        assert (await asyncio.wait_for(waiting, 5))["id"].startswith("0-4-")


async def test_last_event_id_skips_what_the_client_has_and_gives_what_it_missed(
    gateway: Any, produce: Any, member: str
) -> None:
    await produce(row(member, "tv", 10, made_ms=1000))
    async with gateway() as (client, parts):
        await held(parts, member, 10)
        for seen, expected in (("0-9-5000", "0-10-1000"), ("nonsense", "0-10-1000"), ("0-10-1000", "0-11-1000")):
            headers = {"Last-Event-ID": seen}
            async with client.get(url(client, member, "/stream"), headers=headers) as answer:
                stream = messages(answer)
                if seen == "0-10-1000":
                    waiting = asyncio.ensure_future(anext(stream))
                    await asyncio.sleep(0.3)
                    assert not waiting.done()
                    await produce(row(member, "tv", 11, made_ms=1000))
                    assert (await asyncio.wait_for(waiting, 5))["id"] == expected
                else:
                    assert (await asyncio.wait_for(anext(stream), 5))["id"] == expected


async def test_versions_seen_by_a_client_never_go_backwards(gateway: Any, produce: Any, member: str) -> None:
    await produce(row(member, "tv", 10, made_ms=1))
    async with gateway() as (client, parts):
        await held(parts, member, 10)
        async with client.get(url(client, member, "/stream")) as answer:
            stream = messages(answer)
            await anext(stream)
            await produce(row(member, "tv", 9, made_ms=9), row(member, "tv", 2, made_ms=9))
            await produce(row(member, "tv", 100, made_ms=2))
            assert (await asyncio.wait_for(anext(stream), 5))["id"] == "0-100-2"


async def test_a_stream_of_one_device_does_not_hear_of_the_other(gateway: Any, produce: Any, member: str) -> None:
    async with gateway() as (client, parts), client.get(url(client, member, "/stream?device_id=phone")) as answer:
        stream = messages(answer)
        await produce(row(member, "tv", 1))
        await held(parts, member, 1)
        await produce(row(member, "phone", 2))
        assert orjson.loads((await asyncio.wait_for(anext(stream), 5))["data"])["device_id"] == "phone"


async def test_without_a_device_the_stream_follows_the_newest_session(gateway: Any, produce: Any, member: str) -> None:
    await produce(row(member, "tv", 1))
    async with gateway() as (client, parts):
        await held(parts, member, 1)
        async with client.get(url(client, member, "/stream")) as answer:
            stream = messages(answer)
            assert orjson.loads((await anext(stream))["data"])["device_id"] == "tv"
            await produce(row(member, "phone", 2, made_ms=7), row(member, "tv", 2, made_ms=7))
            assert orjson.loads((await asyncio.wait_for(anext(stream), 5))["data"])["device_id"] == "phone"


async def test_a_websocket_sends_the_same_rows_and_resumes_by_version(gateway: Any, produce: Any, member: str) -> None:
    await produce(row(member, "tv", 1, made_ms=5))
    async with gateway() as (client, parts):
        await held(parts, member, 1)
        async with client.ws_connect(url(client, member, "/ws")) as ws:
            assert (await ws.receive_json(timeout=5))["version"] == "0-1-5"
            await ws.send_str("what a client says is not asked for")
            await produce(row(member, "tv", 2, made_ms=5))
            assert (await ws.receive_json(timeout=5))["version"] == "0-2-5"
        async with client.ws_connect(url(client, member, "/ws?last_event_id=0-2-5")) as ws:
            with pytest.raises(asyncio.TimeoutError):
                await ws.receive(timeout=0.3)


async def test_a_websocket_client_that_sends_a_large_message_is_closed_with_1009(gateway: Any, member: str) -> None:
    async with gateway() as (client, _), client.ws_connect(url(client, member, "/ws")) as ws:
        await ws.send_str("x" * 100_000)
        await ws.receive(timeout=5)
        assert ws.close_code == 1009


async def test_a_get_with_after_waits_for_the_row_from_the_log(gateway: Any, produce: Any, member: str) -> None:
    await produce(row(member, "tv", 1))
    async with gateway() as (client, parts):
        await held(parts, member, 1)
        waiting = asyncio.ensure_future(client.get(url(client, member, "?after=0-2&wait_ms=10000")))
        await asyncio.sleep(0.2)
        await produce(row(member, "tv", 2))
        body = await (await asyncio.wait_for(waiting, 5)).json()
        assert body["version"].startswith("0-2-")
        assert "stale" not in body
        async with client.get(url(client, member, "?after=0-3&wait_ms=100")) as answer:
            assert (await answer.json())["stale"] is True


async def test_a_client_that_never_reads_holds_no_rows_slows_nobody_and_is_let_go(
    gateway: Any, produce: Any, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "STALLED_S", 1.0)
    monkeypatch.setattr("streams.gateway.sse.STALLED_S", 1.0)
    large = [{"show_id": f"show-{n}", "pad": "x" * 500} for n in range(200)]
    async with gateway() as (client, parts):
        stuck = socket.create_connection(("127.0.0.1", client._base_url.port))
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(f"GET {path(member, '/stream')} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
        before = metrics.STREAMS_CLOSED.labels("slow")._value.get()
        conflated = metrics.ROWS_CONFLATED._value.get()
        async with client.get(url(client, member, "/stream")) as answer:
            stream = messages(answer)
            last = 0
            for offset in range(1, 121):
                await produce(row(member, "tv", offset, items=large))
                if offset % 10 == 0:
                    while last < offset:
                        last = int((await asyncio.wait_for(anext(stream), 5))["id"].split("-")[1])
        await until(lambda: metrics.STREAMS_CLOSED.labels("slow")._value.get() > before)
        assert metrics.ROWS_CONFLATED._value.get() > conflated
        assert parts.hub.count <= 1
        stuck.close()


async def test_when_the_gateway_stops_clients_are_told_when_to_come_back(gateway: Any, member: str) -> None:
    async with gateway() as (client, parts):
        answer = await client.get(url(client, member, "/stream"))
        ws = await client.ws_connect(url(client, member, "/ws"))
        await until(lambda: parts.hub.count == 2)
        parts.hub.stop()
        rest = await asyncio.wait_for(answer.content.read(), 5)
        assert 1000 <= int(rest.decode().removeprefix("retry: ").strip()) <= 5000
        message = await ws.receive(timeout=5)
        assert (message.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 1012)
        assert message.extra.startswith("retry_ms=")
        await ws.close()


async def test_titles_are_grouped_by_show_with_their_episodes_in_order(gateway: Any, produce: Any) -> None:
    show = f"show-{uuid.uuid4()}"

    def title(number: int) -> tuple[bytes, bytes]:
        fields = {
            "title_id": f"{show}-{number}", "show_id": show, "name": "Northern Lights", "kind": "series", "season": 1,
            "episode": number, "runtime_s": 2700, "genres": ["drama"], "added_at": 5,
        }  # fmt: skip
        return f"{show}-{number}".encode(), orjson.dumps(fields)

    await produce(title(2), title(1), (b"broken", b"{"), topic=topics.CATALOG)
    async with gateway() as (client, _):
        async with client.get("/v1/titles") as answer:
            tag = answer.headers["ETag"]
            found = [entry for entry in (await answer.json())["titles"] if entry["show_id"] == show]
        assert [episode["episode"] for episode in found[0]["episodes"]] == [1, 2]
        assert found[0]["name"] == "Northern Lights"
        async with client.get("/v1/titles", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


async def test_the_members_seen_last_are_listed_first_with_their_devices(
    gateway: Any, produce: Any, member: str
) -> None:
    async with gateway() as (client, parts):
        await produce(row(member, "tv", 1), row(member, "phone", 2))
        await held(parts, member, 2, "phone")
        async with client.get("/v1/members") as answer:
            first = (await answer.json())["members"][0]
        assert first["member_id"] == member
        assert {device["device_id"] for device in first["devices"]} == {"tv", "phone"}


async def test_a_row_removed_from_the_topic_is_no_longer_served(gateway: Any, produce: Any, member: str) -> None:
    key, value = row(member, "tv", 1)
    async with gateway() as (client, parts):
        await produce((key, value))
        await held(parts, member, 1)
        await produce((key, None))
        await until(lambda: parts.store.row(member, "tv") is None)
        async with client.get(url(client, member)) as answer:
            assert answer.status == 404
