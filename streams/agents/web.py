"""The worker's HTTP: liveness, readiness, metrics, why a row is as it is, and the care of unreadable states."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import orjson
from aiohttp import web
from mode import Service

from streams import metrics
from streams.agents.states import StateProblem, States


class WorkerWeb(Service):  # type: ignore[misc]
    """Answers on host and port while the worker runs.

    `ready` says whether events are being applied; `serving` is the version of the bundle in use;
    `explain(member_id, device_id)` gives the explained row, None where the member has none here.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ready: Callable[[], bool],
        serving: Callable[[], str],
        explain: Callable[[str, str | None], Awaitable[dict[str, Any] | None]],
        states: States,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._host, self._port = host, port
        self._ready, self._serving, self._explain, self._states = ready, serving, explain, states
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v1/members/{id}/explain", self._explained)
        app.router.add_get("/v1/states/unreadable", self._unreadable)
        app.router.add_post("/v1/members/{id}/rebuild", self._rebuild)
        app.router.add_post("/v1/members/{id}/forget", self._forget)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def on_stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.json_response({"status": "alive"})

    async def _readyz(self, request: web.Request) -> web.Response:
        ready = self._ready()
        return web.json_response({"ready": ready, "model_version": self._serving()}, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=metrics.WORKER.expose(), headers={"Content-Type": metrics.CONTENT_TYPE})

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
