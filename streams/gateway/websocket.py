"""`GET /v1/members/{id}/row/ws`: the same rows over WebSocket, one text message each.

| close code | why | what the client does |
| --- | --- | --- |
| 1000, 1001 | the client closed | nothing |
| 1009 | the client sent a large message; it need not send any | nothing: a fault of the client |
| 1012 | the gateway stops | connects again after the `retry_ms=N` in the close reason |
| 4401 | the token expired | gets a new token, then connects again |
| 4408 | the client took nothing for 30 seconds | connects again when it can read |

A client that reconnects names the version that it has as `last_event_id` in the query (or in a Last-Event-ID header).
"""

import asyncio
import contextlib
from typing import Final

from aiohttp import WSCloseCode, web

from streams import metrics
from streams.gateway.following import (
    KEEP_ALIVE_S,
    STALLED_S,
    RowStream,
    count_push,
    expired,
    goodbye_ms,
    quiet_s,
)
from streams.gateway.hub import Listener

TOKEN_EXPIRED: Final = 4401
TOO_SLOW: Final = 4408
MAX_MESSAGE_BYTES: Final = 4096
CLOSE_S: Final = 2.0


class WebSocketRows(RowStream):
    """The handler of one route."""

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Sends rows until the client leaves, stops reading, its token expires, or the gateway stops."""
        caller, following = await self.begin(request)
        socket = web.WebSocketResponse(heartbeat=KEEP_ALIVE_S, max_msg_size=MAX_MESSAGE_BYTES, timeout=CLOSE_S)
        await socket.prepare(request)
        reason = "client"
        with (
            self.hub.listen(following.member_id) as listener,
            metrics.STREAMS_CONNECTED.labels("ws").track_inprogress(),
        ):
            reader = asyncio.create_task(_read(socket, listener))
            try:
                first = True
                while not socket.closed and not reader.done() and not self.hub.stopping and not expired(caller):
                    row = following.next()
                    if row is not None:
                        async with asyncio.timeout(STALLED_S):
                            await socket.send_str(row.body.decode())
                        count_push(row, "ws", first)
                        first = False
                    await listener.wait(quiet_s(caller))
                if self.hub.stopping:
                    reason = "stopping"
                    goodbye = f"retry_ms={goodbye_ms(self.hub.count)}".encode()
                    await _close(socket, WSCloseCode.SERVICE_RESTART, goodbye)
                elif expired(caller):
                    reason = "expired"
                    await _close(socket, TOKEN_EXPIRED, b"token expired")
            except TimeoutError:
                reason = "slow"
                await _close(socket, TOO_SLOW, b"too slow")
                if request.transport is not None:
                    request.transport.abort()
            except ConnectionError:
                pass
            finally:
                reader.cancel()
                metrics.STREAMS_CLOSED.labels(reason).inc()
        return socket


async def _read(socket: web.WebSocketResponse, listener: Listener) -> None:
    """Answers pings and closes; what a client sends is not asked for, and left unread."""
    async for _ in socket:
        pass
    listener.tell()


async def _close(socket: web.WebSocketResponse, code: int, message: bytes) -> None:
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSE_S):
            await socket.close(code=code, message=message)
