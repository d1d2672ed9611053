"""`GET /v1/members/{id}/row`: the row as it stands, or once it covers an event, and why it is as it is."""

import asyncio
import time
from typing import Final

from aiohttp import web

from streams import metrics
from streams.gateway.auth import Authenticator
from streams.gateway.http import Problem, device_in_query, json_answer, member_in_path
from streams.gateway.hub import Hub
from streams.gateway.store import Row, RowStore
from streams.gateway.versions import covers, parse_place
from streams.gateway.workers import Workers

MAX_WAIT_MS: Final = 30_000
DEFAULT_WAIT_MS: Final = 1_000  # where `after` comes without wait_ms


class Rows:
    """The handler of one route."""

    def __init__(self, store: RowStore, hub: Hub, authenticator: Authenticator, workers: Workers) -> None:
        self._store = store
        self._hub = hub
        self._authenticator = authenticator
        self._workers = workers

    async def get(self, request: web.Request) -> web.Response:
        """The row; with `"stale": true` where `after` is not covered in time; 404 where there is none."""
        member_id = member_in_path(request)
        (await self._authenticator.caller(request)).require(member_id)
        device_id = device_in_query(request)
        after = _after(request)
        if after is None:
            row, stale = self._store.row(member_id, device_id), False
        else:
            row, stale = await self._fresh(member_id, device_id, after, _wait_s(request))
        if row is None:
            raise Problem(404, "there is no row for this member" + (" on this device" if device_id else ""))
        if request.query.get("explain") not in (None, "", "0", "false"):
            answer = await self._workers.explain(row)
            return json_answer({**answer, "stale": True} if stale else answer)
        return json_answer({**row.fields(), "stale": True} if stale else row.body)

    async def _fresh(
        self, member_id: str, device_id: str | None, after: tuple[int, int], wait_s: float
    ) -> tuple[Row | None, bool]:
        deadline = time.monotonic() + wait_s
        with self._hub.listen(member_id) as listener:
            while True:
                row = self._store.row(member_id, device_id)
                if row is not None and covers(row.version, after):
                    metrics.ROW_WAITS.labels("covered").inc()
                    return row, False
                left = deadline - time.monotonic()
                if left <= 0 or self._hub.stopping:
                    metrics.ROW_WAITS.labels("stale").inc()
                    return row, True
                await listener.wait(left)
                await asyncio.sleep(0)


def _after(request: web.Request) -> tuple[int, int] | None:
    text = request.query.get("after")
    if not text:
        return None
    place = parse_place(text)
    if place is None:
        raise Problem(400, "after must be EPOCH-OFFSET, as POST /v1/events answers it")
    return place


def _wait_s(request: web.Request) -> float:
    text = request.query.get("wait_ms")
    if text is None:
        return DEFAULT_WAIT_MS / 1000
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Problem(400, f"wait_ms must be whole milliseconds, 0 or more; at most {MAX_WAIT_MS} are waited")
    return min(int(text), MAX_WAIT_MS) / 1000
