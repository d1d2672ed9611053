"""Title vectors in the bundle: replaced under a new version, its hash right; what changes is said."""

import numpy as np
import pytest

from models.titles import side_input
from models.titles.folder import TitleSpace
from models.titles.table import TitleRecord
from streams import vectors
from streams.cli import main
from streams.errors import CommandError
from streams.scoring import bundle
from streams.scoring.scorer import load
from streams.vectors import Vectors

RNG = np.random.default_rng(5)
TITLES = [TitleRecord(f"t{number}", f"Title {number}") for number in range(40)]
VIEW = RNG.normal(size=(40, 6)).astype(np.float32)


def space(titles=TITLES, view=VIEW, name="combined"):
    return TitleSpace(list(titles), {name: view})


def test_a_view_becomes_vectors_of_length_1_without_titles_that_have_none():
    view = np.array([[3, 4], [0, 0], [1e-7, 0]], np.float32)
    made = side_input.vectors_of(space(TITLES[:3], view), "combined")
    assert sorted(made.index.ids()) == ["t0", "t2"]
    assert made.table[made.rows(["t0", "t2"])].tolist() == [
        [pytest.approx(0.6, abs=1e-3), pytest.approx(0.8, abs=1e-3)],
        [1, 0],
    ]
    with pytest.raises(CommandError, match="no title has a vector"):
        side_input.vectors_of(space(TITLES[:1], np.zeros((1, 2), np.float32)), "combined")


def test_long_vectors_are_shortened_and_keep_their_cosines():
    """Vectors of 200 numbers that lie near 20 directions."""
    view = (RNG.normal(size=(40, 20)) @ RNG.normal(size=(20, 200))).astype(np.float32)
    made = side_input.vectors_of(space(view=view), "combined")
    assert made.table.shape == (40, 64)
    short = made.unit(made.rows([title.title_id for title in TITLES]))
    unit = view / np.linalg.norm(view, axis=1, keepdims=True)
    assert np.allclose(short @ short.T, unit @ unit.T, atol=5e-3)


def test_the_view_that_added_titles_have_too_is_taken():
    assert side_input.view_of(TitleSpace(TITLES, {"graph": VIEW, "category": VIEW}), None) == "category"
    assert side_input.view_of(TitleSpace(TITLES, {"graph": VIEW, "combined": VIEW}), None) == "combined"
    assert side_input.view_of(TitleSpace(TITLES, {"graph": VIEW, "category": VIEW}), "graph") == "graph"
    with pytest.raises(CommandError, match="no view audience"):
        side_input.view_of(space(), "audience")


def test_a_bundle_with_other_vectors_is_another_version_and_whole(folder, tmp_path):
    before = bundle.read(folder)
    new = side_input.vectors_of(space(), "combined")
    manifest, change = side_input.replace(folder, new, tmp_path / "new", {"view": "combined"})
    assert manifest.version != before.version
    assert {name for name in manifest.files if manifest.files[name] != before.files[name]} == {"titles.npz"}
    assert manifest.raw["vectors"] == {"view": "combined", "titles": 40, "dims": 6, "bundle_before": before.version}
    assert (change.added, change.gone, change.moved) == (40, 0, None)
    assert bundle.read(folder).version == before.version, "the bundle begun from stays"
    scorer = load(tmp_path / "new")
    found = scorer.population.vectors
    assert np.allclose(found.unit(found.rows(["t7"]))[0], VIEW[7] / np.linalg.norm(VIEW[7]), atol=2e-3)


def test_a_bundle_can_be_given_vectors_where_it_lies(folder):
    manifest, _ = side_input.replace(folder, side_input.vectors_of(space(), "combined"), folder, {})
    assert load(folder).version == manifest.version
    assert not list(folder.glob("*.new"))


def test_titles_added_are_no_change_of_the_others_and_another_training_is():
    """A turned space has the same cosines; another training has not."""
    old = side_input.vectors_of(space(TITLES[:30], VIEW[:30]), "combined")
    turn = np.linalg.qr(RNG.normal(size=(6, 6)))[0].astype(np.float32)
    turned = side_input.compare(old, side_input.vectors_of(space(view=VIEW @ turn), "combined"))
    assert (turned.added, turned.gone, turned.lies_otherwise) == (10, 0, False)
    other = RNG.normal(size=(20, 3)).astype(np.float32)
    otherwise = side_input.compare(old, side_input.vectors_of(space(TITLES[:20], other), "combined"))
    assert (otherwise.added, otherwise.gone, otherwise.lies_otherwise) == (0, 10, True)


def test_the_command_says_what_to_do_next(folder, tmp_path, capsys):
    space().save(tmp_path / "space")
    command = ["titles", "bundle", str(tmp_path / "space")]
    assert main([*command, "--npz", str(tmp_path / "log.titles.npz")]) == 0
    assert sorted(vectors.load(tmp_path / "log.titles.npz").index.ids()) == sorted(t.title_id for t in TITLES)
    assert main([*command, "--bundle", str(folder)]) == 0
    assert "have learned without these vectors" in capsys.readouterr().out
    assert main([*command, "--bundle", str(folder)]) == 0
    assert "40 titles (combined, 6 dims), 0 new, 0 gone" in (said := capsys.readouterr().out)
    assert "train" not in said
    space(view=VIEW[::-1].copy()).save(tmp_path / "space")
    assert main([*command, "--bundle", str(folder)]) == 0
    assert "train again" in capsys.readouterr().out


def test_what_is_no_bundle_is_said(tmp_path, capsys):
    space().save(tmp_path / "space")
    assert main(["titles", "bundle", str(tmp_path / "space"), "--bundle", str(tmp_path)]) == 1
    assert "name the folder that 'cw train -o' wrote" in capsys.readouterr().err
    assert main(["titles", "bundle", str(tmp_path / "space"), "--npz", "x", "-o", "y"]) == 2


def test_vectors_of_a_million_bytes_are_not_read_into_memory(tmp_path):
    """The table is a view of the mapped file: only rows that are asked for are copied."""
    many = Vectors.of([f"t{number}" for number in range(20_000)], np.ones((20_000, 64), np.float16))
    vectors.save(tmp_path / "titles.npz", many)
    loaded = vectors.load(tmp_path / "titles.npz")
    assert not loaded.table.flags.owndata
    assert not loaded.index.hashes.flags.owndata
