"""The worker's HTTP: what every service answers, why a row is as it is, and the care of unreadable states."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import web

from streams import metrics
from streams.agents.states import StateProblem, States
from streams.service_web import ServiceWeb


class WorkerWeb(ServiceWeb):
    """Answers for one worker.

    `serving` is the version of the bundle in use; `explain(member_id, device_id)` gives the explained row, None where
    the member has none here.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ready: Callable[[], bool],
        serving: Callable[[], str],
        explain: Callable[[str, str | None], Awaitable[dict[str, Any] | None]],
        states: States,
    ) -> None:
        super().__init__(host, port, ready, metrics.WORKER)
        self._serving, self._explain, self._states = serving, explain, states

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/members/{id}/explain", self._explained),
            web.get("/v1/states/unreadable", self._unreadable),
            web.post("/v1/members/{id}/rebuild", self._rebuild),
            web.post("/v1/members/{id}/forget", self._forget),
        ]

    def status(self) -> dict[str, Any]:
        return {"model_version": self._serving()}

    async def _explained(self, request: web.Request) -> web.Response:
        member_id = request.match_info["id"]
        explained = await self._explain(member_id, request.query.get("device_id"))
        if explained is None:
            return web.json_response({"error": f"no row of {member_id!r} is kept here"}, status=404)
        return web.Response(body=orjson.dumps(explained), content_type="application/json")

    async def _unreadable(self, request: web.Request) -> web.StreamResponse:
        return await _lines(request, self._states.unreadable())

    async def _rebuild(self, request: web.Request) -> web.StreamResponse:
        """Takes {"from": "log"} or {"from": "empty"}, in JSON's content type: no web page may send that unasked."""
        try:
            source = (await request.json())["from"] if request.content_type == "application/json" else None
        except (ValueError, KeyError, TypeError):
            source = None
        if source not in ("log", "empty"):
            return web.json_response({"error": 'send {"from": "log"} or {"from": "empty"} as JSON'}, status=400)
        return await _lines(request, self._states.rebuild(request.match_info["id"], source == "log"))

    async def _forget(self, request: web.Request) -> web.StreamResponse:
        """Takes a body of JSON's content type, whatever it says: no web page may send that unasked."""
        if request.content_type != "application/json":
            return web.json_response({"error": "send the request as JSON"}, status=400)
        return await _lines(request, self._states.forget(request.match_info["id"]))


async def _lines(request: web.Request, answers: AsyncGenerator[dict[str, Any], None]) -> web.StreamResponse:
    """Sends answers as they come, a JSON object a line. A problem is the last of them, or the status where first."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    try:
        async with aclosing(answers):
            async for answer in answers:
                if not response.prepared:
                    await response.prepare(request)
                await response.write(orjson.dumps(answer) + b"\n")
    except StateProblem as problem:
        if not response.prepared:
            return web.json_response({"error": str(problem)}, status=problem.status)
        await response.write(orjson.dumps({"error": str(problem)}) + b"\n")
    await response.write_eof()
    return response
