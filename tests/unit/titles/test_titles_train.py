"""`cw titles train` end to end on a made-up catalogue: what it writes, and what it refuses."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from models.titles import encoder_files, simulate, table, targets, text, texts, training, views
from models.titles.folder import TitleSpace
from models.titles.inputs import Texts
from models.titles.table import AudienceRow, TitleRecord
from streams.cli import main
from streams.errors import CommandError, UsageError

NO_TEXTS = Texts(None, np.zeros((120, 0), np.float32))


def test_training_writes_every_view_and_encoders_that_give_its_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(training, "STEPS", 10)
    made = simulate.make(titles=120, seed=4, countries=3)
    table.write(tmp_path / "titles.csv", made.titles)
    table.write_audience(tmp_path / "audience.csv", made.audience)
    out = tmp_path / "space"
    arguments = ["--titles", str(tmp_path / "titles.csv"), "--audience", str(tmp_path / "audience.csv")]
    assert main(["titles", "train", *arguments, "--text", "none", "-o", str(out)]) == 0
    space = TitleSpace.load(out)
    assert list(space.views) == ["category", "audience", "graph", "combined"]
    assert space.titles == made.titles
    assert space.views["combined"].shape == (
        120,
        sum(space.views[v].shape[1] for v in ("category", "audience", "graph")),
    )
    assert space.countries is not None
    assert space.countries[0] == ["AU", "GB", "US"]
    for view in ("category", "audience"):
        inputs, encoder = encoder_files.load_encoder(out, view)
        again = training.vectors(encoder, inputs.table(made.titles, NO_TEXTS))
        assert np.allclose(again, space.views[view], atol=1e-5)
    assert not np.allclose(space.views["category"], space.views["audience"])


def test_together_one_encoder_learns_both_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(training, "STEPS", 3)
    made = simulate.make(titles=60, seed=4, countries=2)
    learned = views.supervised(made.titles, made.audience, "none", True, lambda *_: None)
    assert learned.trained["category"] is learned.trained["audience"]
    assert set(learned.trained["category"].heads) == {"category", "audience"}
    assert np.array_equal(learned.space.views["category"], learned.space.views["audience"])


def test_combined_views_weigh_the_same_and_a_missing_vector_stays_zeros() -> None:
    both = views.combined([np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[10.0], [-2.0]])])
    assert np.allclose(both, [[0.6, 0.8, 1.0], [0.0, 0.0, -1.0]])


def test_categories_are_counted_and_the_first_listed_is_the_main_one() -> None:
    titles = [
        TitleRecord("a", "A", categories=("drama", "crime")),
        TitleRecord("b", "B", categories=("crime",)),
        TitleRecord("c", "C", categories=("noir", "drama")),
        TitleRecord("d", "D"),
    ]
    found = targets.categories(titles, least=2)
    assert found.names == ["crime", "drama"]
    assert found.labels[:3].tolist() == [[1, 1], [1, 0], [0, 1]]
    assert np.isnan(found.labels[3]).all()
    assert found.main.tolist() == [1, 0, -1, -1]


def test_audiences_are_told_by_how_they_differ_from_the_usual_one_of_their_country() -> None:
    titles = [TitleRecord("a", "A"), TitleRecord("b", "B")]
    rows = [AudienceRow("a", "FR", np.e - 1), AudienceRow("b", "FR", np.e**3 - 1), AudienceRow("a", "US", 0.0)]
    found = targets.audiences(titles, [*rows, AudienceRow("elsewhere", "DE", 5.0)])
    assert found is not None
    assert found.countries == ["FR", "US"]
    assert np.allclose(found.means, [2.0, 0.0])
    assert np.allclose(found.scaled * found.scale, [[-1, 0], [1, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give --titles FILE"),
        (["--titles", "t.csv", "--json", "x"], "--json measures a graph alone"),
        (["--triples", "t.tsv", "--together"], "go with --titles"),
        (["--titles", "t.csv", "--text", "minilm,none"], "give minilm, use, both"),
        (["--titles", "t.csv", "--text", "no-such-folder"], "is neither minilm, use, none nor a folder"),
    ],
)
def test_a_wrong_call_is_refused_with_what_to_do(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["titles", "train", *arguments, "-o", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err


def test_the_text_models_that_may_be_named() -> None:
    assert texts.parse("none") == (None, False)
    assert texts.parse("use") == (None, True)
    assert texts.parse("minilm,use") == ("minilm", True)
    with pytest.raises(UsageError):
        texts.parse("")


def test_where_no_text_model_is_installed_training_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(text, "PACKAGES", {"minilm": "no_such_package", "use": "nor_this_one"})
    assert texts.chosen(None) == "none"
    assert "Text model minilm and use not installed; going on with none" in capsys.readouterr().out
    with pytest.raises(CommandError, match="the text model MiniLM is not installed"):
        texts.read("minilm", ["A story."], lambda *_: None)


def test_a_text_model_of_a_folder_reads_as_the_same_one_of_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CW_HOME", str(tmp_path))
    folder = tmp_path / "another"
    shutil.copytree(text.minilm_folder(), folder)
    stages = []
    read = texts.read(f"{folder},use", ["A story.", ""], lambda *stage: stages.append(stage))
    assert read.sentences.shape == (2, 384 + 512)
    assert np.allclose(np.linalg.norm(read.sentences[0]), np.sqrt(2), atol=1e-5)
    assert not read.sentences[1].any()
    assert read.words is not None
    assert read.words.offsets.tolist() == [0, 5, 5]
    assert stages == [("Reading summaries (words)", 2, 2), ("Reading summaries (use)", 1, 1)]
