"""The HTTP that every service with a Faust app has: liveness, readiness, metrics."""

from collections.abc import Callable
from typing import Any

from aiohttp import web
from mode import Service

from streams import metrics


class ServiceWeb(Service):  # type: ignore[misc]
    """Answers on host and port while the service runs; `ready` says whether it does its work.

    A service with more to answer adds it in `routes` and `status`.
    """

    def __init__(
        self, host: str, port: int, ready: Callable[[], bool], section: metrics.Section, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._host, self._port, self._ready, self._section = host, port, ready, section
        self._runner: web.AppRunner | None = None

    def routes(self) -> list[web.RouteDef]:
        """What else is answered."""
        return []

    def status(self) -> dict[str, Any]:
        """What /readyz says beside whether the service is ready."""
        return {}

    async def on_start(self) -> None:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def on_stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, request: web.Request) -> web.Response:
        ready = self._ready()
        return web.json_response({"ready": ready, **self.status()}, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._section.expose(), headers={"Content-Type": metrics.CONTENT_TYPE})
