"""`/healthz`, `/readyz` and `/metrics`: what an operator's tools ask."""

from aiohttp import web

from streams import metrics
from streams.gateway.http import json_answer
from streams.gateway.log_reader import LogReader
from streams.gateway.workers import Workers
from streams.gateway.writer import EventWriter


class Health:
    """The handlers of three routes."""

    def __init__(
        self, rows: LogReader, titles: LogReader, writer: EventWriter, workers: Workers, required_version: str | None
    ) -> None:
        self._rows = rows
        self._titles = titles
        self._writer = writer
        self._workers = workers
        self._required_version = required_version

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while the process answers at all."""
        return json_answer({"alive": True})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 once all rows are read and, where a model version is required, a worker serves it; else 503 with why.

        An outage of the broker later does not take it back: rows are still served, and POST says 503 by itself.
        """
        waiting = []
        if not self._rows.caught_up.is_set():
            waiting.append(f"reading cw.rows, {self._rows.applied} records so far")
        if not self._titles.caught_up.is_set():
            waiting.append(f"reading catalog.titles, {self._titles.applied} records so far")
        required = self._required_version
        if required is not None and required not in await self._workers.model_versions():
            waiting.append(f"no worker serves model {required} yet")
        body = {"ready": not waiting, "waiting_for": waiting, "broker_up": self._writer.up}
        return json_answer(body, 503 if waiting else 200)

    async def metrics(self, request: web.Request) -> web.Response:
        """All metrics of the gateway in Prometheus' text format."""
        return web.Response(body=metrics.GATEWAY.expose(), headers={"Content-Type": metrics.CONTENT_TYPE})
