"""A small simulated log, replayed once for all tests of learning, and a bundle trained on it."""

import shutil
from pathlib import Path

import pytest

from export import bundle as writer
from models import pipeline, training
from models.log import read_catalog
from models.placement import Costs, choose
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


@pytest.fixture(scope="session")
def written(replayed, tmp_path_factory):
    """(folder, models, how it compared) of a bundle written once; tests copy the folder before they break it."""
    folder = tmp_path_factory.mktemp("written") / "bundle"
    models = training.train(replayed.examples, replayed.plays)
    about = pipeline.About(30, 0, 1, len(replayed.examples), 10, {})
    _, parity = writer.write(folder, models, choose(Costs()), replayed.examples, about)
    return folder, models, parity


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written[0], tmp_path / "bundle"))
