"""The worker's HTTP: liveness, readiness, metrics, and why a row is as it is."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web
from mode import Service

from streams import metrics


class WorkerWeb(Service):  # type: ignore[misc]
    """Answers on host and port while the worker runs.

    `ready` says whether events are being applied; `serving` is the version of the bundle in use;
    `explain(member_id, device_id)` returns the explained row, None where the member has none here.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ready: Callable[[], bool],
        serving: Callable[[], str],
        explain: Callable[[str, str | None], dict[str, Any] | None],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._host, self._port = host, port
        self._ready, self._serving, self._explain = ready, serving, explain
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v1/members/{id}/explain", self._explained)
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
        explained = self._explain(member_id, request.query.get("device_id"))
        if explained is None:
            return web.json_response({"error": f"no row of {member_id!r} is kept here"}, status=404)
        return web.Response(body=orjson.dumps(explained), content_type="application/json")
