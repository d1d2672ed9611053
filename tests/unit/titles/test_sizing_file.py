"""The audience model that is kept beside vectors: the same answers without learning, and never an old one."""

from pathlib import Path

import numpy as np
import pytest

from models.titles import simulate, sizing_file
from models.titles.audience import AudienceTable, gather
from models.titles.bags import Bags
from models.titles.sizing import Sizing
from models.titles.sizing_features import Described

Asked = tuple[Described, AudienceTable]


@pytest.fixture(scope="module")
def asked() -> Asked:
    made = simulate.make(120, 5, 3)
    bags = Bags.learn(made.titles).vectors(made.titles)
    views = {"fields": bags["fields"], "category": np.random.default_rng(1).normal(size=(120, 8)).astype(np.float32)}
    table, _ = gather(made.audience, {title.title_id: row for row, title in enumerate(made.titles)})
    return Described(made.titles, views), table.select(table.title < 110)


@pytest.fixture
def learnings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that a model is learned."""
    counted: list[int] = []
    learn = Sizing.learn

    def counting(described: Described, table: AudienceTable, tick: object = None) -> Sizing:
        counted.append(1)
        return learn(described, table)

    monkeypatch.setattr(Sizing, "learn", counting)
    return counted


def _counter(stage: str, total: int):
    return lambda more=1: None


def _told(sizing: Sizing, described: Described) -> np.ndarray:
    rows = np.arange(100, 120)  # ten past titles, and ten that were never launched
    at, country = np.repeat(np.arange(20), 3), np.tile(np.arange(3), 20)
    estimate = sizing.estimate(described.rows(rows), rows, at, country)
    return np.stack([estimate.low, estimate.middle, estimate.high])


def test_a_kept_model_says_exactly_what_the_learned_one_says(
    tmp_path: Path, asked: Asked, learnings: list[int]
) -> None:
    learned = _told(sizing_file.fitted(tmp_path, *asked, _counter), asked[0])
    kept = _told(sizing_file.fitted(tmp_path, *asked, _counter), asked[0])
    assert len(learnings) == 1
    assert np.array_equal(learned, kept)


@pytest.mark.parametrize("changed", ["audience", "vectors", "title"])
def test_a_model_of_other_titles_audiences_or_vectors_is_not_used(
    tmp_path: Path, asked: Asked, learnings: list[int], changed: str
) -> None:
    described, table = asked
    sizing_file.fitted(tmp_path, described, table, _counter)
    if changed == "audience":
        table = table.select(np.arange(len(table.title)) != 7)
    elif changed == "vectors":
        described = Described(described.titles, {**described.views, "category": -described.views["category"]})
    else:
        described = Described([*described.titles[1:], described.titles[0]], described.views)
    sizing_file.fitted(tmp_path, described, table, _counter)
    assert len(learnings) == 2


def test_a_damaged_file_is_learned_anew_and_mended(tmp_path: Path, asked: Asked, learnings: list[int]) -> None:
    sizing_file.fitted(tmp_path, *asked, _counter)
    path = tmp_path / sizing_file.NAME
    path.write_bytes(path.read_bytes()[:5000])
    for _ in range(2):
        sizing_file.fitted(tmp_path, *asked, _counter)
    assert len(learnings) == 2


def test_where_the_model_cannot_be_kept_the_answer_comes_all_the_same(
    tmp_path: Path, asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / sizing_file.NAME).mkdir()
    assert sizing_file.fitted(tmp_path, *asked, _counter).features.codes == asked[1].codes
    assert "can't be written" in capsys.readouterr().out
