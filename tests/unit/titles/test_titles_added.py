"""Titles added after a training lie where the same titles would have lain in it, and move no other."""

from dataclasses import replace

import numpy as np
import pytest

from models.titles import adding, table, training
from models.titles.folder import TitleSpace
from models.titles.simulate import make
from models.titles.table import TitleRecord
from streams.cli import main


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of vectors of 60 titles, with its encoder for categories."""
    folder = tmp_path_factory.mktemp("added")
    table.write(folder / "titles.csv", make(60, seed=4).titles)
    titles = ["--titles", str(folder / "titles.csv")]
    assert main(["titles", "train", *titles, "--text", "none", "-o", str(folder / "space")]) == 0
    return folder / "space"


def test_the_same_title_under_another_id_gets_the_same_vectors_and_no_other_moves(trained, tmp_path, capsys):
    before = TitleSpace.load(trained)
    views = {name: np.array(vectors) for name, vectors in before.views.items()}
    twin = replace(before.titles[7], title_id="twin")
    table.write(tmp_path / "new.csv", [before.titles[3], twin, TitleRecord("bare", "Nothing known")])
    assert main(["titles", "add", str(tmp_path / "new.csv"), "--dir", str(trained)]) == 0
    assert "2 titles added" in capsys.readouterr().out
    after = TitleSpace.load(trained)
    assert [title.title_id for title in after.titles[60:]] == ["twin", "bare"]
    assert np.allclose(after.views["category"][60], views["category"][7], atol=1e-4)
    assert np.isfinite(after.views["category"][61]).all()
    for name, vectors in after.views.items():
        assert np.array_equal(vectors[:60], views[name])
    assert main(["titles", "add", str(tmp_path / "new.csv"), "--dir", str(trained)]) == 0
    assert "0 titles added" in capsys.readouterr().out


def test_a_title_without_a_vector_in_one_view_is_shown_by_the_others(tmp_path, capsys):
    """As one that came after the training, which no graph knows."""
    views = {"category": np.eye(3, dtype=np.float32), "graph": np.array([[1], [1], [0]], np.float32)}
    TitleSpace([TitleRecord("a", "Alpha"), TitleRecord("b", "Beta"), TitleRecord("c", "New")], views).save(tmp_path)
    assert main(["titles", "similar", "New", "--dir", str(tmp_path), "--view", "all"]) == 0
    shown = capsys.readouterr().out
    assert "Alpha" in shown
    assert "New has no vector in the view graph" in shown
    assert main(["titles", "similar", "New", "--dir", str(tmp_path), "--view", "graph"]) == 2
    assert capsys.readouterr().err.endswith("New has no vector in the view graph; try --view all\n")


def test_a_folder_without_encoders_is_told(tmp_path, capsys):
    TitleSpace([TitleRecord("a", "A")], {"graph": np.ones((1, 2), np.float32)}).save(tmp_path / "space")
    table.write(tmp_path / "new.csv", [TitleRecord("b", "B")])
    assert main(["titles", "add", str(tmp_path / "new.csv"), "--dir", str(tmp_path / "space")]) == 1
    assert "train it with --titles" in capsys.readouterr().err


def test_titles_are_added_where_one_encoder_learned_both_tasks(tmp_path, monkeypatch):
    """Then `combined` has that encoder's vectors once; the graph's part is what the nearest titles have there."""
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(training, "STEPS", 3)
    made = make(60, seed=4, countries=2)
    table.write(tmp_path / "titles.csv", made.titles)
    table.write_audience(tmp_path / "audience.csv", made.audience)
    files = ["--titles", str(tmp_path / "titles.csv"), "--audience", str(tmp_path / "audience.csv")]
    space = tmp_path / "space"
    assert main(["titles", "train", *files, "--text", "none", "--together", "-o", str(space)]) == 0
    table.write(tmp_path / "new.csv", [replace(made.titles[7], title_id="twin")])
    assert main(["titles", "add", str(tmp_path / "new.csv"), "--dir", str(space)]) == 0
    after = TitleSpace.load(space)
    half = after.views["category"].shape[1]
    assert np.allclose(after.views["combined"][60, :half], after.views["combined"][7, :half], atol=1e-4)
    assert not after.views["graph"][60].any()
    assert np.linalg.norm(after.views["combined"][60, half:]) == pytest.approx(1.0, abs=1e-5)


def test_a_part_that_is_not_known_is_the_mean_of_the_nearest_titles_own_each_at_length_one():
    known = np.array([[3, 0], [0, 2], [0, 0], [9, 9]], np.float32)
    rows = np.array([[0, 1], [0, 2], [1, -1]])
    assert np.allclose(adding._mean(known, rows), [[1, 1], [1, 0], [0, 1]])
