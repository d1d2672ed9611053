"""`GET /v1/members/{id}/row/stream`: the row as it stands, then each newer one, as server-sent events."""

import asyncio

from aiohttp import web

from streams import metrics
from streams.gateway.following import (
    STALLED_S,
    RowStream,
    count_push,
    expired,
    goodbye_ms,
    quiet_s,
    retry_ms,
)
from streams.gateway.store import Row


class ServerSentRows(RowStream):
    """The handler of one route. `id:` is the row's version, so a client that reconnects misses and repeats nothing."""

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Streams until the client leaves, stops reading, its token expires, or the gateway stops."""
        caller, following = await self.begin(request)
        stream = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        stream.content_type = "text/event-stream"
        stream.charset = "utf-8"
        await stream.prepare(request)
        reason = "client"
        with (
            self.hub.listen(following.member_id) as listener,
            metrics.STREAMS_CONNECTED.labels("sse").track_inprogress(),
        ):
            try:
                first, woken = True, True
                while not self.hub.stopping and not expired(caller):
                    row = following.next() if woken else None
                    if row is not None:
                        await _write(stream, _message(row, first))
                        count_push(row, "sse", first)
                        first = False
                    elif not woken:
                        await _write(stream, b":\n\n")
                    woken = await listener.wait(quiet_s(caller))
                reason = "stopping" if self.hub.stopping else "expired"
                if self.hub.stopping:
                    await _write(stream, b"retry: %d\n\n" % goodbye_ms(self.hub.count))
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
