"""What the page and `cw row` say of a row is the row that is served, with what the worker knows of its items."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from gateways import record


class Worker:
    """A worker's HTTP as docs/architecture.md has it: its readiness, and explanations of its members' rows."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answer: dict[str, Any] | None = None
        self.ready: dict[str, Any] = {"ready": True, "model_version": "m1"}
        self.asked: list[tuple[str, str]] = []

    async def explain(self, request: web.Request) -> web.Response:
        self.asked.append((request.match_info["id"], request.query["device_id"]))
        return web.json_response(self.answer, status=200 if self.answer else 404)

    async def readyz(self, _: web.Request) -> web.Response:
        return web.json_response(self.ready, status=200 if self.ready["ready"] else 503)


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker(unused_port())
    app = web.Application()
    app.add_routes([web.get("/v1/members/{id}/explain", worker.explain), web.get("/readyz", worker.readyz)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(worker.url.rpartition(":")[2])).start()
    yield worker
    await runner.cleanup()


def explained(offset: int, made: int, *items: dict[str, Any]) -> dict[str, Any]:
    fields = orjson.loads(record("a/b", "tv|den", offset, made_ms=made).value or b"")
    return {**fields, "items": list(items), "scored_from": {"ts": 5}}


async def asked(client: Any) -> dict[str, Any]:
    async with client.get("/v1/members/a%2Fb/row?explain=1") as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def test_the_worker_that_owns_the_member_adds_features_to_the_served_row(gateway: Any, worker: Worker) -> None:
    worker.answer = explained(5, 900, {"show_id": "x", "score": 7.0, "features": {"progress": 0.5}})
    nobody = f"http://127.0.0.1:{unused_port()}"
    async with gateway(CW_WORKER_URLS=f"{nobody},{worker.url}") as (client, parts):
        parts.store.apply([record("a/b", "tv|den", 5, made_ms=100, items=[{"show_id": "x", "score": 1.0}])])
        row = await asked(client)
    assert worker.asked == [("a/b", "tv|den")]
    assert row["version"] == "0-5-100"
    assert row["items"] == [{"show_id": "x", "score": 1.0, "features": {"progress": 0.5}}]
    assert row["scored_from"] == {"ts": 5}


async def test_a_worker_that_is_ahead_of_the_served_row_explains_its_own(gateway: Any, worker: Worker) -> None:
    worker.answer = explained(6, 200, {"show_id": "y", "score": 2.0, "features": {}})
    async with gateway(CW_WORKER_URLS=worker.url) as (client, parts):
        parts.store.apply([record("a/b", "tv|den", 5, made_ms=100, items=[{"show_id": "x", "score": 1.0}])])
        row = await asked(client)
    assert row["version"] == "0-6-200"
    assert [item["show_id"] for item in row["items"]] == ["y"]


async def test_a_row_of_another_bundle_than_serves_now_is_explained_as_the_worker_would_make_it(
    gateway: Any, worker: Worker
) -> None:
    worker.answer = explained(5, 900, {"show_id": "x", "score": 7.0}) | {"model_version": "m2"}
    async with gateway(CW_WORKER_URLS=worker.url) as (client, parts):
        parts.store.apply([record("a/b", "tv|den", 5, made_ms=100, items=[{"show_id": "x", "score": 1.0}])])
        row = await asked(client)
    assert (row["model_version"], row["items"]) == ("m2", [{"show_id": "x", "score": 7.0}])


@pytest.mark.parametrize(
    ("ready", "waits"),
    [
        ({"ready": True, "model_version": "m1"}, True),
        ({"ready": False, "model_version": "m2"}, True),
        ({"ready": True, "model_version": "m2"}, False),
    ],
)
async def test_readiness_waits_for_a_ready_worker_with_the_required_model(
    gateway: Any, worker: Worker, ready: dict[str, Any], waits: bool
) -> None:
    worker.ready = ready
    async with (
        gateway(CW_WORKER_URLS=worker.url, CW_REQUIRE_MODEL_VERSION="m2") as (client, _),
        client.get("/readyz") as answer,
    ):
        waiting = (await answer.json())["waiting_for"]
    assert any("m2" in reason for reason in waiting) is waits
