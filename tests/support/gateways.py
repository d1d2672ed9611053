"""A gateway in the test's own process, and the rows that tests write to cw.rows."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from ports import free_port

from streams import config
from streams.gateway.app import Parts
from streams.gateway.log_reader import Record
from streams.gateway.service import running

NOW = 1_763_000_000_000


@asynccontextmanager
async def gateway_at(home: Path, **environment: str) -> AsyncIterator[tuple[aiohttp.ClientSession, Parts]]:
    """Runs a gateway with settings from an environment; gives a client of it and its parts."""
    port = free_port()
    settings = config.load({"CW_HOME": str(home), "CW_GATEWAY_PORT": str(port), **environment})
    async with running(settings) as parts, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        yield client, parts


def event(**fields: Any) -> dict[str, Any]:
    """A valid event of the member ada, with other fields where they are named."""
    start = {"event_id": "e1", "type": "session_start", "member_id": "ada", "session_id": "s1", "ts": NOW}
    return {**start, "device": "tv", **fields}


def record(member: str, device: str = "tv", offset: int = 5, *, at: int = 0, **fields: Any) -> Record:
    """A record of cw.rows that stands at the offset `at` of its partition."""
    return Record(*row(member, device, offset, **fields), at)


def row(member: str, device: str = "tv", offset: int = 5, **fields: Any) -> tuple[bytes, bytes]:
    """Key and value of a record of cw.rows."""
    made = fields.pop("made_ms", int(time.time() * 1000))
    body = {
        "member_id": member,
        "device": "tv" if device == "tv" else "phone",
        "device_id": device,
        "session_id": "s1",
        "version": f"0-{offset}-{made}",
        "generated_at": made,
        "scored_from_ts": NOW,
        "model_version": "recency",
        "continuation_probability": None,
        "placement": {"position": 0, "method": "default"},
        "items": [],
    }
    return f"{member}|{device}".encode(), orjson.dumps({**body, **fields})


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns once the condition holds; fails the test where that takes longer."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0.01)
