"""A small simulated log, replayed once for all tests of learning."""

from pathlib import Path

import pytest

from models.log import read_catalog
from models.replay import Replayed, replay
from streams.cli import main


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An event file of 40 made-up members over 30 days, its titles beside it."""
    path = tmp_path_factory.mktemp("log") / "history.jsonl"
    assert main(["simulate", "--members", "40", "--days", "30", "--seed", "3", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def replayed(log: Path) -> Replayed:
    """What the replay makes of that log, candidates of 30 days."""
    return replay([str(log)], read_catalog([str(log)]), 30, processes=1)
