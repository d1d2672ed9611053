"""`cw monitor` as a service: rounds of measurements in a thread, and what they say under /metrics."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from streams import metrics
from streams.errors import CommandError
from streams.monitor.kafka import Broker
from streams.monitor.lag import LagWatch, Snapshot

ROUND_S: Final = 2.0  # from the start of one round to the start of the next


class Monitor:
    """Takes a round every ROUND_S seconds, and keeps the metrics true: no figure outlives the broker it came from."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._broker: Broker | None = None
        self._watch: LagWatch | None = None
        self._statuses: dict[str, str] = {}
        self.trouble = "the first round is not done"  # why the figures can't be trusted; empty where they can

    async def run(self) -> None:
        """Measures until cancelled."""
        try:
            while True:
                started = time.monotonic()
                await self._round()
                await asyncio.sleep(max(0.0, ROUND_S - (time.monotonic() - started)))
        finally:
            self._disconnect()

    async def _round(self) -> None:
        try:
            with metrics.MONITOR_ROUND_SECONDS.time():
                snapshot = await asyncio.to_thread(self._measure)
        except CommandError as error:
            self._disconnect()
            _clear()
            if self.trouble != str(error):
                _say(str(error))
            self.trouble = str(error)
            return
        _publish(snapshot)
        if self.trouble:
            names = ", ".join(group.group for group in snapshot.groups)
            _say(f"watching {names} at {self._servers}")
        self.trouble = ""
        self._say_changes(snapshot)

    def _measure(self) -> Snapshot:
        if self._broker is None or self._watch is None:
            self._broker = Broker(self._servers)
            self._watch = LagWatch(self._broker)
        return self._watch.round()

    def _disconnect(self) -> None:
        broker, self._broker, self._watch = self._broker, None, None
        if broker is not None:
            broker.close()

    def _say_changes(self, snapshot: Snapshot) -> None:
        statuses = {group.group: group.status.name for group in snapshot.groups}
        for group in snapshot.groups:
            before = self._statuses.get(group.group)
            if before != group.status.name and not (before is None and group.status == 0):
                _say(f"{group.group}: {before or 'new'} -> {group.status.name}: {group.reason}")
        self._statuses = statuses


def _clear() -> None:
    metrics.MONITOR_BROKER_UP.set(0)
    for gauge in (
        metrics.LAG_SECONDS,
        metrics.LAG_RECORDS,
        metrics.COMMITTED_OFFSET,
        metrics.LOG_END_OFFSET,
        metrics.GROUP_STATUS,
        metrics.GROUP_MEMBERS,
    ):
        gauge.clear()


def _publish(snapshot: Snapshot) -> None:
    """Lays a snapshot into the gauges. Runs on the event loop, as /metrics does, so no scrape sees half of it."""
    _clear()
    metrics.MONITOR_BROKER_UP.set(1)
    for group in snapshot.groups:
        metrics.GROUP_STATUS.labels(group.group).set(group.status)
        if group.members is not None:
            metrics.GROUP_MEMBERS.labels(group.group).set(group.members)
        for lag in group.partitions:
            labels = (group.group, lag.topic, str(lag.partition))
            metrics.LAG_RECORDS.labels(*labels).set(lag.lag)
            if lag.lag_s is not None:
                metrics.LAG_SECONDS.labels(*labels).set(lag.lag_s)
            metrics.COMMITTED_OFFSET.labels(*labels).set(-1 if lag.committed is None else lag.committed)
            metrics.LOG_END_OFFSET.labels(lag.topic, str(lag.partition)).set(lag.end)


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} monitor: {line}", file=sys.stderr, flush=True)


def application(monitor: Monitor) -> web.Application:
    """The HTTP side: /healthz (the process), /readyz (the figures are fresh; 503 with the reason), /metrics."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        if monitor.trouble:
            return web.json_response({"status": "not ready", "reason": monitor.trouble}, status=503)
        return web.json_response({"status": "ready"})

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=metrics.MONITOR.expose(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def rounds(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(monitor.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", exposition)
    app.cleanup_ctx.append(rounds)
    return app


def serve(bootstrap_servers: str, host: str, port: int) -> None:
    """Serves until SIGTERM or ctrl-c. Raises CommandError where the port is taken."""
    _say(f"http://{host}:{port}/metrics")
    app = application(Monitor(bootstrap_servers))
    try:
        web.run_app(app, host=host, port=port, print=None, access_log=None, shutdown_timeout=2)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise CommandError(
            f"the monitor can't listen on {host}:{port} ({reason}): stop what does, or set CW_MONITOR_PORT"
        ) from None
