"""`cw titles evaluate` and `cw titles train` on a made-up catalogue, end to end."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from models.titles import category_evaluation, scoring, simulate, table, training
from models.titles.category_evaluation import Evaluation
from models.titles.inputs import Texts
from models.titles.table import TitleRecord
from streams.cli import main
from streams.errors import CommandError


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(training, "STEPS", 60)
    monkeypatch.setattr(category_evaluation, "SEEDS", 1)
    monkeypatch.setattr(category_evaluation, "FOLDS", 2)
    monkeypatch.setattr(scoring, "FOLDS", 2)
    sets = {name: category_evaluation.INPUT_SETS[name] for name in ("description", "everything")}
    monkeypatch.setattr(category_evaluation, "INPUT_SETS", sets)


def test_tags_tell_categories_that_the_description_alone_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = simulate.make(titles=160, seed=2, countries=3)
    table.write(tmp_path / "titles.csv", made.titles)
    out = tmp_path / "figures.json"
    main(["titles", "evaluate", "--titles", str(tmp_path / "titles.csv"), "--text", "none", "--json", str(out)])
    report = orjson.loads(out.read_bytes())
    assert report["titles"] == 160
    sets = report["input_sets"]
    assert list(sets) == list(report["baseline_tfidf_logistic_regression"]) == list(category_evaluation.INPUT_SETS)
    for figures in [*sets.values(), *report["baseline_tfidf_logistic_regression"].values()]:
        assert all(0 < figures[key] <= 1 for key in ("micro_f1", "macro_f1", "macro_average_precision"))
    assert sets["everything"]["gain_over_description"]["micro_f1"]["low"] > 0
    assert "TF-IDF: everything" in capsys.readouterr().out


def test_titles_nobody_listed_are_left_out_and_too_few_are_refused() -> None:
    titles = [TitleRecord(str(n), "T", categories=("x",) if n % 2 else ()) for n in range(40)]
    with pytest.raises(CommandError, match="too little to judge: 20 titles list a category"):
        Evaluation(titles, Texts(None, np.zeros((40, 0), np.float32)), "none", lambda *_: None)


def test_an_input_set_that_adds_nothing_is_left_out() -> None:
    titles = [TitleRecord(str(n), "T", categories=("xy"[n % 2],), people=("Kim",)) for n in range(60)]
    evaluation = Evaluation(titles, Texts(None, np.zeros((60, 0), np.float32)), "none", lambda *_: None)
    assert evaluation.sets() == [("description", ()), ("everything", ("people",))]
