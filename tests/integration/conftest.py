"""A bundle that tests announce to real workers, trained once."""

from pathlib import Path

import pytest

from streams.cli import main


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle trained on a small simulated log; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("trained")
    log = str(folder / "log.jsonl")
    assert main(["simulate", "--members", "10", "--days", "20", "--seed", "5", "-o", log]) == 0
    assert main(["train", "--events", log, "-o", str(folder / "bundle")]) == 0
    return folder / "bundle"
