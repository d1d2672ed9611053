"""The gateway as one aiohttp application: which call goes to which handler."""

from dataclasses import dataclass

from aiohttp import web

from streams.gateway.auth import Authenticator
from streams.gateway.health import Health
from streams.gateway.http import answer_errors
from streams.gateway.hub import Hub
from streams.gateway.ingestion import MAX_BODY_BYTES, Ingestion
from streams.gateway.log_reader import LogReader
from streams.gateway.members import Members
from streams.gateway.page import Page
from streams.gateway.rows import Rows
from streams.gateway.sse import ServerSentRows
from streams.gateway.store import RowStore
from streams.gateway.title_map import TitleMaps
from streams.gateway.titles import Titles
from streams.gateway.websocket import WebSocketRows
from streams.gateway.workers import Workers
from streams.gateway.writer import EventWriter


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers share."""

    store: RowStore
    hub: Hub
    authenticator: Authenticator
    writer: EventWriter
    workers: Workers
    titles: Titles
    title_maps: TitleMaps
    rows_reader: LogReader
    titles_reader: LogReader
    epoch: int
    required_version: str | None


def build_app(parts: Parts) -> web.Application:
    """The application over these parts. Their tasks are started and stopped by the caller."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[answer_errors])
    ingestion = Ingestion(parts.writer, parts.authenticator, parts.epoch)
    rows = Rows(parts.store, parts.hub, parts.authenticator, parts.workers)
    sse = ServerSentRows(parts.store, parts.hub, parts.authenticator)
    websocket = WebSocketRows(parts.store, parts.hub, parts.authenticator)
    members = Members(parts.store, parts.authenticator)
    health = Health(parts.rows_reader, parts.titles_reader, parts.writer, parts.workers, parts.required_version)
    page = Page()
    app.add_routes(
        [
            web.post("/v1/events", ingestion.post),
            web.get("/v1/members", members.get),
            # [^/]+ instead of aiohttp's default, which takes no braces.
            web.get("/v1/members/{id:[^/]+}/row", rows.get),
            web.get("/v1/members/{id:[^/]+}/row/stream", sse.get, allow_head=False),
            web.get("/v1/members/{id:[^/]+}/row/ws", websocket.get, allow_head=False),
            web.get("/v1/titles", parts.titles.get),
            web.get("/v1/title-map", parts.title_maps.get),
            web.get("/v1/title-map/about", parts.title_maps.about),
            web.get("/v1/title-map/titles/{id:[^/]+}", parts.title_maps.title),
            web.get("/v1/title-map/titles/{id:[^/]+}/similar", parts.title_maps.similar),
            web.get("/v1/title-map/titles/{id:[^/]+}/audience", parts.title_maps.audience),
            web.get("/v1/title-map/countries", parts.title_maps.countries),
            web.get("/healthz", health.healthz),
            web.get("/readyz", health.readyz),
            web.get("/metrics", health.metrics),
            web.get("/", page.index),
            web.get("/titles", page.titles),
            web.get("/static/{name}", page.part),
        ]
    )

    async def say_goodbye(_: web.Application) -> None:
        parts.hub.stop()

    app.on_shutdown.append(say_goodbye)
    return app
