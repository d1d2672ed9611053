"""Gateway and worker together: what a client posts is in the row that it asks for next."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from gateways import event
from worker_process import WorkerProcess


@pytest.fixture(scope="module")
def worker(broker: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with WorkerProcess(broker, tmp_path_factory.mktemp("chain") / "worker") as worker:
        worker.wait_ready()
        yield worker


class Client:
    """A member's client: posts events, a second apart unless told, and asks for the row that covers them."""

    def __init__(self, session: Any) -> None:
        self.member = f"chain-{uuid.uuid4()}"
        self._session = session
        self._ts = int(time.time() * 1000) - 3_600_000

    async def post(self, kind: str, device: str, after_s: int = 1, **fields: Any) -> str:
        self._ts += 1000 * after_s
        sent = event(
            member_id=self.member, event_id=uuid.uuid4().hex, type=kind, ts=self._ts, device=device,
            session_id=f"s-{device}", **fields,
        )  # fmt: skip
        async with self._session.post("/v1/events", json=sent) as answer:
            assert answer.status == 202, await answer.text()
            return str((await answer.json())["after"][self.member])

    async def row(self, after: str, query: str = "") -> dict[str, Any]:
        path = f"/v1/members/{self.member}/row?after={after}&wait_ms=20000{query}"
        async with self._session.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())


@pytest.fixture
async def client(gateway: Any, worker: WorkerProcess) -> AsyncIterator[Client]:
    async with gateway(CW_WORKER_URLS=f"http://127.0.0.1:{worker.port}") as (session, _):
        yield Client(session)


PLACE = {"title_id": "t1", "show_id": "lights", "season": 1, "episode": 1, "position_s": 600, "duration_s": 2400}
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("session_start", {}),
    ("play", PLACE),
    ("progress", PLACE),
    ("seek", PLACE),
    ("pause", PLACE),
    ("stop", PLACE),
    ("complete", PLACE),
    ("rate", {"show_id": "lights", "value": 1}),
    ("add_to_list", {"show_id": "lights"}),
    ("remove_from_list", {"show_id": "lights"}),
    ("dismiss", {"show_id": "lights"}),
    ("undismiss", {"show_id": "lights"}),
    ("snooze", {"show_id": "lights", "value": 1}),
    ("row_viewed", {}),
    ("browse", {}),
    ("session_end", {}),
]


async def test_after_an_event_of_any_type_the_row_covers_it_and_is_not_stale(client: Client) -> None:
    stale = []
    for kind, fields in EVENTS:
        after = await client.post(kind, "tv", **fields)
        row = await asyncio.wait_for(client.row(after, "&wait_ms=3000"), 30)
        if row.get("stale"):
            stale.append(kind)
    assert stale == []


async def test_the_row_without_a_device_is_that_of_the_session_that_began_last(client: Client) -> None:
    await client.post("session_start", "tv")
    await client.post("play", "tv", **PLACE)
    row = await client.row(await client.post("session_start", "phone"))
    assert (row["device_id"], row["session_id"]) == ("phone", "s-phone")
    row = await client.row(await client.post("session_start", "tablet"))
    assert row["device_id"] == "tablet"
    tv = await client.row(f"0-{row['version'].split('-')[1]}", "&device_id=tv")
    assert tv["version"].split("-")[:2] == row["version"].split("-")[:2]


async def test_the_explained_row_has_the_features_of_each_item_from_the_worker(client: Client) -> None:
    await client.post("session_start", "tv")
    await client.post("play", "tv", **PLACE)
    after = await client.post("pause", "tv", after_s=90, **PLACE)
    row = await client.row(after, "&explain=1")
    (item,) = row["items"]
    assert item["show_id"] == "lights"
    assert item["features"]["progress"] == pytest.approx(0.25)
    assert row["scored_from"]["ts"] == row["scored_from_ts"]
