"""`POST /v1/events`: checks what clients send, event by event, and answers once Kafka has it."""

import asyncio
from typing import Any, Final

import orjson
from aiohttp import web

from streams import metrics
from streams.events import MAX_EVENT_BYTES, InvalidEvent, validate
from streams.gateway.auth import Authenticator, Caller
from streams.gateway.http import Problem, json_answer, try_later
from streams.gateway.writer import BrokerAway, EventWriter, Overloaded

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_EVENTS: Final = 500
BODY_S: Final = 30.0  # a client that sends its body slower than this is let go

_OTHER_MEMBER: Final = "member_id is not the member of the token"


class Ingestion:
    """The handler of one route."""

    def __init__(self, writer: EventWriter, authenticator: Authenticator, epoch: int) -> None:
        self._writer = writer
        self._authenticator = authenticator
        self._epoch = epoch

    async def post(self, request: web.Request) -> web.Response:
        """202 with `accepted`, `rejected` and `after` once Kafka has the events; 400, 413, 429 or 503 otherwise."""
        caller = await self._authenticator.caller(request)
        events = _events(await _body(request))
        records, member_ids, rejected = _sort(events, caller)
        offsets: list[int] = []
        if records:
            try:
                offsets = await self._writer.write(records)
            except Overloaded:
                metrics.EVENTS_REJECTED.labels("overload").inc(len(records))
                raise try_later(
                    429, "too many events are on their way to Kafka; send again after Retry-After"
                ) from None
            except BrokerAway:
                metrics.EVENTS_REJECTED.labels("unavailable").inc(len(records))
                raise try_later(
                    503, "Kafka did not take the events; send all of them again after Retry-After"
                ) from None
        metrics.EVENTS_ACCEPTED.inc(len(records))
        after: dict[str, int] = {}
        for member_id, offset in zip(member_ids, offsets, strict=True):
            if offset >= 0:
                after[member_id] = max(offset, after.get(member_id, 0))
        body = {
            "accepted": len(records),
            "rejected": rejected,
            "after": {member_id: f"{self._epoch}-{offset}" for member_id, offset in after.items()},
        }
        if records or not rejected:
            return json_answer(body, 202)
        return json_answer(body, 403 if any(entry["error"] == _OTHER_MEMBER for entry in rejected) else 400)


async def _body(request: web.Request) -> bytes:
    too_large = Problem(413, f"a call has at most {MAX_BODY_BYTES} bytes; send fewer events at once")
    if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
        raise too_large
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except TimeoutError:
        raise Problem(408, "the body did not arrive in time") from None
    except (web.RequestPayloadError, ValueError) as error:
        raise Problem(400, f"the body can't be read: {error}") from None


def _events(body: bytes) -> list[Any]:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"not JSON: {error}") from None
    if type(decoded) is dict:
        return [decoded]
    if type(decoded) is not list:
        raise Problem(400, "the body is one event, a JSON object, or an array of them")
    if len(decoded) > MAX_EVENTS:
        raise Problem(413, f"a call has at most {MAX_EVENTS} events; this one has {len(decoded)}")
    return decoded


def _sort(events: list[Any], caller: Caller) -> tuple[list[tuple[bytes, bytes]], list[str], list[dict[str, Any]]]:
    """Splits into records (key, value), the member of each, and what is rejected."""
    records: list[tuple[bytes, bytes]] = []
    member_ids: list[str] = []
    rejected: list[dict[str, Any]] = []
    for index, event in enumerate(events):
        try:
            validate(event)
            value = orjson.dumps(event)
            if len(value) > MAX_EVENT_BYTES:
                raise InvalidEvent(f"the event has {len(value)} bytes; at most {MAX_EVENT_BYTES} are read")
        except InvalidEvent as error:
            metrics.EVENTS_REJECTED.labels("invalid").inc()
            rejected.append({"index": index, "error": str(error)})
            continue
        member_id = event["member_id"]
        if not caller.may_see(member_id):
            metrics.EVENTS_REJECTED.labels("member").inc()
            rejected.append({"index": index, "error": _OTHER_MEMBER})
            continue
        records.append((member_id.encode(), value))
        member_ids.append(member_id)
    return records, member_ids, rejected
