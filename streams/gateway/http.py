"""What every handler shares: JSON answers, one-line errors, the member in the path, and the count of answers."""

import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson
from aiohttp import web

from streams import metrics

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RETRY_AFTER_S: Final = (1, 5)  # clients told to come back are spread over these seconds


class Problem(Exception):
    """Ends a call with `status` and the JSON object `{"error": message}`."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def try_later(status: int, message: str) -> Problem:
    """A 429 or 503 with Retry-After, spread so that clients do not all come back at once."""
    return Problem(status, message, {"Retry-After": str(random.randint(*RETRY_AFTER_S))})


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """An answer of already encoded JSON bytes, or of anything that orjson encodes."""
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    return web.Response(
        body=payload,
        status=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type="application/json",
    )


def member_in_path(request: web.Request) -> str:
    """The `{id}` of `/v1/members/{id}/...`, decoded from the raw path so that `%2F` stays inside the id.

    Raises Problem 400 where it is not percent-encoded UTF-8 of 1 to 256 characters.
    """
    segment = request.rel_url.raw_path.split("/")[3]
    try:
        member_id = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise Problem(400, "the member id in the path is not percent-encoded UTF-8") from None
    if not 0 < len(member_id) <= 256 or "\0" in member_id:
        raise Problem(400, "the member id in the path must have 1 to 256 characters, no NUL")
    return member_id


def device_in_query(request: web.Request) -> str | None:
    """`device_id` of the query, or None where no device is named."""
    return request.query.get("device_id") or None


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever a handler raises into one line of JSON, and counts every answer by route and status."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    began = time.monotonic()
    try:
        answer = await handler(request)
    except Problem as problem:
        answer = json_answer({"error": str(problem)}, problem.status, problem.headers)
    except web.HTTPException as error:
        kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Location")}
        answer = json_answer({"error": error.reason.lower()}, error.status, kept)
    except ConnectionError:
        raise  # the client left; there is nobody to answer
    except Exception:
        log.exception("%s %s failed", request.method, route)
        answer = json_answer({"error": "the gateway failed on this call; its log says why"}, 500)
    metrics.HTTP_REQUESTS.labels(route, str(answer.status)).inc()
    if isinstance(answer, web.Response):
        metrics.HTTP_SECONDS.labels(route).observe(time.monotonic() - began)
    return answer
