"""`/` and `/titles`: the pages, served as they lie in `static/`; they need nothing from anywhere else."""

from pathlib import Path
from typing import Final

from aiohttp import web

from streams.gateway.http import Problem

STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address may carry a token
}


class Page:
    """The handlers of three routes. The files are read once: they change only with the version."""

    def __init__(self) -> None:
        self._files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}

    async def index(self, request: web.Request) -> web.Response:
        """The page itself."""
        return self._file("index.html")

    async def titles(self, request: web.Request) -> web.Response:
        """The page of the similarity map."""
        return self._file("titles.html")

    async def part(self, request: web.Request) -> web.Response:
        """One of its modules or styles; 404 for any other name."""
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        content = self._files.get(name)
        if content is None:
            raise Problem(404, "not found")
        return web.Response(body=content, content_type=_TYPES[Path(name).suffix], charset="utf-8", headers=_HEADERS)
