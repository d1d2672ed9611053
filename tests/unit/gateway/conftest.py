"""A gateway whose broker is away: everything that does not need Kafka works, and what does says so."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from streams import config
from streams.gateway.app import Parts
from streams.gateway.service import running

Gateway = Callable[..., AbstractAsyncContextManager[tuple[aiohttp.ClientSession, Parts]]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """Starts a gateway with settings from an environment; gives a client of it and its parts."""

    @asynccontextmanager
    async def start(**environment: str) -> AsyncIterator[tuple[aiohttp.ClientSession, Parts]]:
        port = free_port()
        settings = config.load(
            {
                "CW_HOME": str(tmp_path),
                "CW_GATEWAY_PORT": str(port),
                "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
                **environment,
            }
        )
        async with (
            running(settings) as parts,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            yield client, parts

    return start
