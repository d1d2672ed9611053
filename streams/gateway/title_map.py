"""`GET /v1/title-map...`: the similarity map for the page /titles, and the titles like a title."""

import asyncio
import gzip
import hashlib
import logging
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson
from aiohttp import web

from streams import title_audience, title_map
from streams.gateway.auth import Authenticator
from streams.gateway.http import Problem, json_answer
from streams.nearest import METRICS
from streams.title_audience import TitleAudience
from streams.title_map import TitleMap

log = logging.getLogger(__name__)

MOST_SIMILAR: Final = 100
NO_FOLDER: Final = (
    "no title vectors are shown here: make a folder with 'cw titles train' and 'cw titles map', set CW_TITLES_DIR "
    "to it and start the gateway again"
)


class TitleMaps:
    """Serves the map of a folder; read again when the tool has written it anew."""

    def __init__(self, authenticator: Authenticator, folder: Path | None) -> None:
        self._authenticator = authenticator
        self._folder = folder
        self._map: TitleMap | None = None
        self._audience: TitleAudience | None = None
        self._countries: dict[str, list[list[Any]]] = {}
        self._written = 0  # when map.json was written, ns since the epoch
        self._answer: tuple[bytes, str] = b"", ""
        self._reading = asyncio.Lock()
        self._problem = NO_FOLDER

    async def current(self) -> TitleMap | None:
        """The newest map that could be read; None where there is none, and `problem` says why."""
        if self._folder is None:
            return None
        async with self._reading:
            try:
                written = (self._folder / title_map.NAME).stat().st_mtime_ns
            except OSError:
                written = 0
            if self._map is None or written not in (0, self._written):
                self._written = written
                try:
                    read = await asyncio.to_thread(_read, self._folder)
                    self._map, self._answer, self._audience, self._countries = read
                except ValueError as error:
                    self._problem = str(error)
                    log.warning("%s", error)
        return self._map

    @property
    def problem(self) -> str:
        """Why there is no map, and what to do."""
        return self._problem

    async def about(self, request: web.Request) -> web.Response:
        """`{"titles": n, "views": [...], "audience": true where there are estimates}`.

        Where there is no map: `{"titles": 0, "problem": why, and what to do}`.
        """
        await self._authenticator.caller(request)
        found = await self.current()
        if found is None:
            return json_answer({"titles": 0, "views": [], "problem": self._problem})
        views, audience = list(found.views), self._audience is not None
        return json_answer({"titles": len(found.index), "views": views, "audience": audience})

    async def get(self, request: web.Request) -> web.Response:
        """The map in columns; 304 where the client has it."""
        await self._found(request)
        body, tag = self._answer
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return json_answer(gzip.decompress(body), headers=headers)
        return json_answer(body, headers={**headers, "Content-Encoding": "gzip"})

    async def title(self, request: web.Request) -> web.Response:
        """What is known of one title."""
        found, row = await self._title(request)
        kinds = {kind: lists.named(row) for kind, lists in found.facts.kinds.items()}
        return json_answer({**{name: column[row] for name, column in found.titles.items()}, "facts": kinds})

    async def similar(self, request: web.Request) -> web.Response:
        """The titles like one by each view, `metric` cosine or euclidean, `n` of them."""
        found, row = await self._title(request)
        metric = request.query.get("metric", "cosine")
        if metric not in METRICS:
            raise Problem(400, f"metric is one of {', '.join(METRICS)}")
        number = request.query.get("n", "10")
        if not number.isascii() or not number.isdecimal() or not 1 <= int(number[:9]) <= MOST_SIMILAR:
            raise Problem(400, f"n is a whole number from 1 to {MOST_SIMILAR}")

        def search() -> dict[str, Any]:
            return {view: found.similar(row, view, metric, int(number)) for view in found.views}

        return json_answer({"title_id": found.titles["id"][row], "views": await asyncio.to_thread(search)})

    async def audience(self, request: web.Request) -> web.Response:
        """How many will watch a title in each country, and the past titles that say so; 404 without audiences."""
        found, row = await self._title(request)
        if self._audience is None:
            raise Problem(404, "there are no audiences in this folder: train with --audience, then 'cw titles map'")
        return json_answer(self._audience.of(row, found.titles["id"]))

    async def countries(self, request: web.Request) -> web.Response:
        """`{"countries": {code: [[code, distance], ...]}}`: for each country those that watch alike, nearest first."""
        await self._found(request)
        return json_answer({"countries": self._countries})

    async def _found(self, request: web.Request) -> TitleMap:
        await self._authenticator.caller(request)
        found = await self.current()
        if found is None:
            raise Problem(404, self._problem)
        return found

    async def _title(self, request: web.Request) -> tuple[TitleMap, int]:
        found = await self._found(request)
        try:
            title_id = unquote_to_bytes(request.rel_url.raw_path.split("/")[4]).decode()
        except UnicodeDecodeError:
            raise Problem(400, "the title id in the path is not percent-encoded UTF-8") from None
        row = found.index.get(title_id)
        if row is None:
            raise Problem(404, "there is no such title on the map")
        return found, row


def _read(
    folder: Path,
) -> tuple[TitleMap, tuple[bytes, str], TitleAudience | None, dict[str, list[list[Any]]]]:
    found = title_map.load(folder)
    audience = title_audience.load(folder, len(found.index))
    columns = {name: found.titles[name] for name in ("id", "title", "kind", "year")}
    categories = found.facts.kinds.get("categories")
    body = orjson.dumps(
        {
            "titles": columns,
            "categories": {
                "names": categories.names if categories else [],
                "of": categories.of if categories else [[] for _ in columns["id"]],
            },
            "views": {
                view: {name: of[name] for name in ("x", "y", "of", "clusters")} for view, of in found.views.items()
            },
        }
    )
    answer = gzip.compress(body, 6), f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return found, answer, audience, title_audience.countries(folder)
