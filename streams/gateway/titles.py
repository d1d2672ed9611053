"""`GET /v1/titles`: the catalogue by show, for the wall of titles."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from streams.catalog import Catalog, InvalidTitle, Title, parse_title
from streams.gateway.auth import Authenticator
from streams.gateway.http import json_answer
from streams.gateway.log_reader import Record

log = logging.getLogger(__name__)


class Titles:
    """Holds catalog.titles; the encoded answer is made when it is asked for and kept until a title changes."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._catalog = Catalog()
        self._answer: tuple[bytes, str] | None = None

    def apply(self, records: Sequence[Record]) -> None:
        """Takes records of catalog.titles. Never raises."""
        for key, value, _ in records:
            try:
                if value is None:
                    self._catalog.remove((key or b"").decode())
                else:
                    self._catalog.put(parse_title(orjson.loads(value)))
            except (InvalidTitle, ValueError) as error:
                log.warning("a record of catalog.titles is left out: %s", error)
        self._answer = None

    async def get(self, request: web.Request) -> web.Response:
        """`{"titles": [show, ...]}`, each show with its episodes in order; 304 where the client has it."""
        await self._authenticator.caller(request)
        if self._answer is None:
            body = orjson.dumps({"titles": [self._show(show_id) for show_id in self._catalog.shows()]})
            self._answer = body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        body, tag = self._answer
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        answer = json_answer(body, headers=headers)
        answer.enable_compression()
        return answer

    def _show(self, show_id: str) -> dict[str, Any]:
        titles = self._catalog.of_show(show_id)
        first = titles[0]
        return {
            "show_id": show_id,
            "name": first.name,
            "kind": first.kind,
            "genres": first.genres,
            "tags": first.tags,
            "kids": first.kids,
            "added_at": min(title.added_at for title in titles),
            "episodes": [_episode(title) for title in titles],
        }


def _episode(title: Title) -> dict[str, Any]:
    return {
        "title_id": title.title_id,
        "name": title.name,
        "season": title.season,
        "episode": title.episode,
        "runtime_s": title.runtime_s,
        "credits_s": title.credits_s,
        "countries": sorted(title.countries),
        "added_at": title.added_at,
    }
