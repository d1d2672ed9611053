"""A gateway whose broker is away: everything that does not need Kafka works, and what does says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateways import gateway_at
from ports import free_port


@pytest.fixture
def gateway(tmp_path: Path) -> Callable[..., Any]:
    """Starts a gateway with settings from an environment; gives a client of it and its parts."""

    def start(**environment: str) -> Any:
        return gateway_at(tmp_path, KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}", **environment)

    return start
