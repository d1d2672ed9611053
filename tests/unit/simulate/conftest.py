"""One simulated history for all tests here: 120 members over 60 days, about 130,000 events."""

import pytest

from streams.clients.simulate.emission import Arrival
from streams.clients.simulate.log import FILE_UNTIL_MS, Log


@pytest.fixture(scope="session")
def log() -> Log:
    return Log(120, 60, 1, FILE_UNTIL_MS)


@pytest.fixture(scope="session")
def arrivals(log: Log) -> list[Arrival]:
    return log.advance(log.until_ms)
