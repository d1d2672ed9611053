"""The canary: events of members that nobody is, sent as a client sends them, and timed until their row is pushed.

A canary member adds a show to its list and removes it again. That makes a row, like any event of its kind, but nothing
is ever played: its row is empty, and neither training nor popularity can learn from it. There is one canary member for
each partition, so that a single partition that hangs is found, named `canary/N`.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import aiohttp
import jwt

from streams.config import Settings
from streams.errors import CommandError
from streams.row import parse_version
from streams.topics import partition_of

PREFIX: Final = "canary/"  # reserved: no real member's id begins with it
DEVICE_ID: Final = "canary"
PATIENCE_S: Final = 10.0  # a row that takes longer counts as none


@dataclass(frozen=True, slots=True)
class Probe:
    """One event. Seconds from its POST to the answer, and to its row on the stream; None where none came in time."""

    partition: int
    accepted_s: float
    row_s: float | None


def members(partitions: int) -> list[str]:
    """A canary member for each partition, in order of the partitions."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < partitions:
        found.setdefault(partition_of(f"{PREFIX}{number}".encode(), partitions), f"{PREFIX}{number}")
        number += 1
    return [found[partition] for partition in range(partitions)]


async def probe(settings: Settings, count: int, progress: Callable[[Probe], None]) -> list[Probe]:
    """Sends `count` events, one after the other, over all partitions in turn; `progress` hears of each.

    Raises CommandError where the gateway can't be reached or does not take events.
    """
    host = settings.gateway_host if settings.gateway_host not in ("0.0.0.0", "::") else "127.0.0.1"
    address = f"http://{host}:{settings.gateway_port}"
    names = members(settings.partitions)
    try:
        async with AsyncExitStack() as stack:
            timeout = aiohttp.ClientTimeout(total=None, connect=5.0)
            session = await stack.enter_async_context(aiohttp.ClientSession(address, timeout=timeout))
            streams = [await stack.enter_async_context(_Stream(session, settings, name)) for name in names[:count]]
            probes = []
            for number in range(count):
                partition = number % len(streams)
                probes.append(await _one(session, settings, names[partition], partition, streams[partition], number))
                progress(probes[-1])
            return probes
    except (aiohttp.ClientError, TimeoutError) as error:
        reason = "" if isinstance(error, aiohttp.ClientConnectorError) else f" ({str(error) or type(error).__name__})"
        raise CommandError(
            f"no gateway answers at {address}{reason}: start it with 'cw gateway', "
            "or set CW_GATEWAY_HOST and CW_GATEWAY_PORT"
        ) from None


def report(probes: Sequence[Probe]) -> dict[str, float | int | None]:
    """Median and worst, seconds, of what came; how many did not, and in which partitions."""
    rows = sorted(probe.row_s for probe in probes if probe.row_s is not None)
    accepted = sorted(probe.accepted_s for probe in probes)
    return {
        "events": len(probes),
        "rows": len(rows),
        "accepted_median_s": accepted[len(accepted) // 2],
        "row_median_s": rows[len(rows) // 2] if rows else None,
        "row_worst_s": rows[-1] if rows else None,
    }


class _Stream:
    """The rows of one member as a client gets them. `newest` is the (epoch, offset) of the last one."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings, member_id: str) -> None:
        self._session, self._settings, self._member_id = session, settings, member_id
        self._changed = asyncio.Condition()
        self._newest: tuple[int, int] = (-1, -1)

    async def __aenter__(self) -> "_Stream":
        path = f"/v1/members/{quote(self._member_id, safe='')}/row/stream?device_id={DEVICE_ID}"
        self._answer = await self._session.get(path, headers=_authorization(self._settings, self._member_id))
        if self._answer.status != 200:
            raise CommandError(f"the gateway answers {self._answer.status} to the canary: {await _error(self._answer)}")
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._answer.close()

    async def _read(self) -> None:
        async for line in self._answer.content:
            if line.startswith(b"id: "):
                epoch, offset, _ = parse_version(line[4:].strip().decode())
                async with self._changed:
                    self._newest = max(self._newest, (epoch, offset))
                    self._changed.notify_all()

    async def wait_for(self, after: tuple[int, int], seconds: float) -> bool:
        """Whether a row that covers the event at `after` came in time."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._newest >= after)
        except TimeoutError:
            return False
        return True


async def _one(
    session: aiohttp.ClientSession, settings: Settings, member_id: str, partition: int, stream: _Stream, number: int
) -> Probe:
    event = {
        "event_id": f"canary-{uuid.uuid4().hex}",
        "type": "remove_from_list" if number // settings.partitions % 2 else "add_to_list",
        "member_id": member_id,
        "session_id": DEVICE_ID,
        "ts": time.time_ns() // 1_000_000,
        "device": "other",
        "device_id": DEVICE_ID,
        "show_id": DEVICE_ID,
    }
    started = time.monotonic()
    async with session.post("/v1/events", json=event, headers=_authorization(settings, member_id)) as answer:
        if answer.status != 202:
            raise CommandError(f"the gateway answers {answer.status} to the canary: {await _error(answer)}")
        epoch, offset = (await answer.json())["after"][member_id].split("-")
    accepted = time.monotonic() - started
    came = await stream.wait_for((int(epoch), int(offset)), PATIENCE_S)
    return Probe(partition, accepted, time.monotonic() - started if came else None)


async def _error(answer: aiohttp.ClientResponse) -> str:
    try:
        return str((await answer.json(content_type=None))["error"])
    except (ValueError, KeyError, TypeError):
        return answer.reason or "no reason given"


def _authorization(settings: Settings, member_id: str) -> dict[str, str]:
    if settings.jwt_secret:
        token = jwt.encode({"sub": member_id, "exp": int(time.time()) + 300}, settings.jwt_secret, "HS256")
        return {"Authorization": f"Bearer {token}"}
    if settings.jwks_url:
        raise CommandError("the canary signs its own tokens, so it needs CW_JWT_SECRET beside CW_JWKS_URL")
    return {}
