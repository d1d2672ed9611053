"""The HTTP of `cw outcomes`: liveness, readiness, metrics."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from mode import Service

from streams import metrics


class OutcomesWeb(Service):  # type: ignore[misc]
    """Answers on host and port while the service runs; `ready` says whether outcomes are being joined."""

    def __init__(self, host: str, port: int, ready: Callable[[], bool], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._host, self._port, self._ready = host, port, ready
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def on_stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, request: web.Request) -> web.Response:
        ready = self._ready()
        return web.json_response({"ready": ready}, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=metrics.OUTCOMES.expose(), headers={"Content-Type": metrics.CONTENT_TYPE})
