"""The gateway as a running service: its tasks around the application, from the first record to a clean stop."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from streams import topics
from streams.config import Settings
from streams.errors import CommandError
from streams.gateway.app import Parts, build_app
from streams.gateway.auth import Authenticator, check_bind
from streams.gateway.hub import Hub
from streams.gateway.log_reader import LogReader
from streams.gateway.store import RowStore
from streams.gateway.title_map import TitleMaps
from streams.gateway.titles import Titles
from streams.gateway.workers import Workers
from streams.gateway.writer import EventWriter

log = logging.getLogger(__name__)

STOP_S: Final = 5.0  # open calls are given so long to end
LINGER_S: Final = 2.0  # how long a body that was refused unread is still taken, so that the client sees the answer


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Parts]:
    """Serves for the time of the `async with` block. Raises CommandError where the port can't be had."""
    check_bind(settings)
    hub = Hub()
    store = RowStore(settings.home / f"gateway-{settings.gateway_port}")
    authenticator = Authenticator(settings.jwt_secret, settings.jwks_url)
    titles = Titles(authenticator)
    workers = Workers(settings.worker_urls)
    parts = Parts(
        store=store,
        hub=hub,
        authenticator=authenticator,
        writer=EventWriter(settings.bootstrap_servers, topics.EVENTS),
        workers=workers,
        titles=titles,
        title_maps=TitleMaps(authenticator, settings.titles_dir),
        rows_reader=LogReader(
            settings.bootstrap_servers, topics.ROWS, lambda records: hub.publish(store.apply(records))
        ),
        titles_reader=LogReader(settings.bootstrap_servers, topics.CATALOG, titles.apply),
        epoch=settings.epoch,
        required_version=settings.require_model_version,
    )
    runner = web.AppRunner(build_app(parts), access_log=None, shutdown_timeout=STOP_S, lingering_time=LINGER_S)
    tasks: list[asyncio.Task[None]] = []
    try:
        await runner.setup()
        site = web.TCPSite(runner, settings.gateway_host, settings.gateway_port)
        try:
            await site.start()
        except OSError as error:
            raise CommandError(
                f"can't listen on {settings.gateway_host}:{settings.gateway_port} ({error.strerror or error}); "
                "stop what uses the port, or set CW_GATEWAY_PORT"
            ) from None
        tasks += [
            asyncio.create_task(parts.writer.run(), name="writer"),
            asyncio.create_task(parts.rows_reader.run(), name="rows"),
            asyncio.create_task(parts.titles_reader.run(), name="titles"),
        ]
        yield parts
    finally:
        await runner.cleanup()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await workers.close()
        store.close()


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or ctrl-c."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as parts:
        print(f"cw gateway: http://{settings.gateway_host}:{settings.gateway_port}", flush=True)
        if settings.titles_dir is not None and await parts.title_maps.current() is None:
            print(f"cw gateway: no similarity map at /titles: {parts.title_maps.problem}", flush=True)
        await _report_until(stop, parts)


async def _report_until(stop: asyncio.Event, parts: Parts) -> None:
    """Says how far the rows are read every two seconds, then that it is ready; returns once `stop` is set."""
    ready = asyncio.ensure_future(_caught_up(parts))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while not stopped.done() and not ready.done():
            await asyncio.wait([ready, stopped], timeout=2.0, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done() and not stopped.done():
                print(f"cw gateway: {parts.rows_reader.applied} records of cw.rows read ...", flush=True)
        if ready.done():
            print(f"cw gateway: ready, {parts.store.count} rows", flush=True)
        await stopped
    finally:
        ready.cancel()
        stopped.cancel()


async def _caught_up(parts: Parts) -> None:
    await parts.rows_reader.caught_up.wait()
    await parts.titles_reader.caught_up.wait()
