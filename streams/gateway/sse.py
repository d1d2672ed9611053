"""`GET /v1/members/{id}/row/stream`: the row as it stands, then each newer one, as server-sent events."""

import asyncio

from aiohttp import web

from streams import metrics
from streams.gateway.auth import Authenticator
from streams.gateway.following import (
    STALLED_S,
    Following,
    check_room,
    count_push,
    expired,
    goodbye_ms,
    last_seen,
    quiet_s,
    retry_ms,
)
from streams.gateway.http import device_in_query, member_in_path
from streams.gateway.hub import Hub
from streams.gateway.store import Row, RowStore


class ServerSentRows:
    """The handler of one route. `id:` is the row's version, so a client that reconnects misses and repeats nothing."""

    def __init__(self, store: RowStore, hub: Hub, authenticator: Authenticator) -> None:
        self._store = store
        self._hub = hub
        self._authenticator = authenticator

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Streams until the client leaves, stops reading, its token expires, or the gateway stops."""
        member_id = member_in_path(request)
        caller = await self._authenticator.caller(request)
        caller.require(member_id)
        check_room(self._hub)
        following = Following(self._store, member_id, device_in_query(request), last_seen(request))
        stream = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        stream.content_type = "text/event-stream"
        stream.charset = "utf-8"
        await stream.prepare(request)
        reason = "client"
        with self._hub.listen(member_id) as listener, metrics.STREAMS_CONNECTED.labels("sse").track_inprogress():
            try:
                first, woken = True, True
                while not self._hub.stopping and not expired(caller):
                    row = following.next() if woken else None
                    if row is not None:
                        await _write(stream, _message(row, first))
                        count_push(row, "sse", first)
                        first = False
                    elif not woken:
                        await _write(stream, b":\n\n")
                    woken = await listener.wait(quiet_s(caller))
                reason = "stopping" if self._hub.stopping else "expired"
                if self._hub.stopping:
                    await _write(stream, b"retry: %d\n\n" % goodbye_ms(self._hub.count))
            except TimeoutError:
                reason = "slow"
                if request.transport is not None:
                    request.transport.abort()
            except ConnectionError:
                pass
            finally:
                metrics.STREAMS_CLOSED.labels(reason).inc()
        return stream


async def _write(stream: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(STALLED_S):
        await stream.write(data)


def _message(row: Row, first: bool) -> bytes:
    retry = b"retry: %d\n" % retry_ms() if first else b""
    return b"%sid: %s\ndata: %s\n\n" % (retry, str(row.version).encode(), row.body)
