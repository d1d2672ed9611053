"""What SSE and WebSocket share: which row a stream sends next, when it gives up on a client, how it says goodbye."""

import random
import time
from typing import Final

from aiohttp import web

from streams import metrics
from streams.gateway.auth import Authenticator, Caller
from streams.gateway.http import device_in_query, member_in_path, try_later
from streams.gateway.hub import Hub
from streams.gateway.store import Row, RowStore
from streams.gateway.versions import parse_version
from streams.row import Version

KEEP_ALIVE_S: Final = 15.0
STALLED_S: Final = 30.0  # a client that took nothing for so long is let go
MAX_STREAMS: Final = 50_000
RETRY_MS: Final = (1_000, 5_000)
RECONNECTS_A_SECOND: Final = 500  # what a stopping gateway asks of those that take its streams over


class Following:
    """The newest row of a member that the client does not have yet; of two updates in between only the last is sent."""

    def __init__(self, store: RowStore, member_id: str, device_id: str | None, seen: Version | None) -> None:
        self.member_id = member_id
        self._store = store
        self._device_id = device_id
        self._seen = seen
        self._seen_device: str | None = None

    def next(self) -> Row | None:
        """The row to send now, or None where the client has it."""
        row = self._store.row(self.member_id, self._device_id)
        if row is None or (self._seen is not None and not self._is_news(row, self._seen)):
            return None
        self._seen, self._seen_device = row.version, row.device_id
        return row

    def _is_news(self, row: Row, seen: Version) -> bool:
        # One event makes the rows of several devices, maybe in one millisecond: a change of device is news by itself.
        moved = self._seen_device is not None and row.device_id != self._seen_device
        return row.version > seen or (moved and row.version >= seen)


class RowStream:
    """What the handlers of both routes have in common: the rows, who follows them, and who may."""

    def __init__(self, store: RowStore, hub: Hub, authenticator: Authenticator) -> None:
        self.hub = hub
        self._store = store
        self._authenticator = authenticator

    async def begin(self, request: web.Request) -> tuple[Caller, Following]:
        """Who asks, and what they are to be sent. Raises Problem where they may not follow, or there is no room."""
        member_id = member_in_path(request)
        caller = await self._authenticator.caller(request)
        caller.require(member_id)
        check_room(self.hub)
        return caller, Following(self._store, member_id, device_in_query(request), last_seen(request))


def last_seen(request: web.Request) -> Version | None:
    """The version that the client has: Last-Event-ID, or `last_event_id` in the query where no header can be set."""
    return parse_version(request.headers.get("Last-Event-ID") or request.query.get("last_event_id"))


def check_room(hub: Hub) -> None:
    """Raises Problem 503 where as many streams are open as this gateway takes."""
    if hub.count >= MAX_STREAMS:
        raise try_later(503, "this gateway has as many streams as it takes")


def quiet_s(caller: Caller) -> float:
    """How long to wait for news: until the next sign of life, or until the token expires if that is sooner."""
    left = KEEP_ALIVE_S if caller.expires is None else caller.expires - time.time()
    return min(KEEP_ALIVE_S, max(left, 0.0))


def expired(caller: Caller) -> bool:
    """Whether the caller's token has run out."""
    return caller.expires is not None and time.time() >= caller.expires


def retry_ms() -> int:
    """How long a client waits before it connects again after a fault, spread over RETRY_MS."""
    return random.randint(*RETRY_MS)


def goodbye_ms(streams: int) -> int:
    """How long a client waits where the gateway stops: spread so that its streams come back a few at a time."""
    return random.randint(RETRY_MS[0], max(RETRY_MS[1], streams * 1000 // RECONNECTS_A_SECOND))


def count_push(row: Row, transport: str, first: bool) -> None:
    """Counts a row written to a stream, and how old it was; a stream's first row says nothing of freshness."""
    metrics.ROWS_PUSHED.labels(transport).inc()
    if not first:
        metrics.PUSH_SECONDS.observe(max(0.0, time.time() - row.version.made_ms / 1000))
