"""Title vectors in the bundle: replaced under a new version, its hash right; what changes is said."""

import numpy as np
import pytest
from bundles import rewrite

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
    made = side_input.replace(folder, new, tmp_path / "new", {"view": "combined"})
    manifest, change = made.manifest, made.change
    assert manifest.version != before.version
    assert {name for name in manifest.files if manifest.files[name] != before.files[name]} == {"titles.npz"}
    assert manifest.raw["vectors"] == {
        "view": "combined",
        "titles": 40,
        "dims": 6,
        "as_learned": False,
        "bundle_before": before.version,
    }
    assert (made.known, made.shows) == (0, len(load(folder).population.show_index))
    assert (change.added, change.gone, change.moved) == (40, 0, None)
    assert bundle.read(folder).version == before.version, "the bundle begun from stays"
    scorer = load(tmp_path / "new")
    found = scorer.population.vectors
    assert np.allclose(found.unit(found.rows(["t7"]))[0], VIEW[7] / np.linalg.norm(VIEW[7]), atol=2e-3)


def test_a_bundle_can_be_given_vectors_where_it_lies(folder):
    made = side_input.replace(folder, side_input.vectors_of(space(), "combined"), folder, {})
    assert load(folder).version == made.manifest.version
    assert not list(folder.glob("*.new"))


def test_titles_added_are_no_change_of_the_others_and_another_training_is():
    """A turned space has the same cosines; another training has not."""
    old = side_input.vectors_of(space(TITLES[:30], VIEW[:30]), "combined")
    turn = np.linalg.qr(RNG.normal(size=(6, 6)))[0].astype(np.float32)
    turned = side_input.compare(old, side_input.vectors_of(space(view=VIEW @ turn), "combined"))
    assert (turned.added, turned.gone, turned.lies_alike) == (10, 0, True)
    other = RNG.normal(size=(20, 3)).astype(np.float32)
    otherwise = side_input.compare(old, side_input.vectors_of(space(TITLES[:20], other), "combined"))
    assert (otherwise.added, otherwise.gone, otherwise.lies_alike) == (0, 10, False)


def test_the_command_writes_the_vectors_alone(tmp_path):
    space().save(tmp_path / "space")
    assert main(["titles", "bundle", str(tmp_path / "space"), "--npz", str(tmp_path / "log.titles.npz")]) == 0
    assert sorted(vectors.load(tmp_path / "log.titles.npz").index.ids()) == sorted(t.title_id for t in TITLES)


def test_the_command_says_whether_the_models_have_learned_with_these_vectors(folder, tmp_path, capsys):
    """And goes on saying so until they have; likewise where no show has a vector."""

    def said(titles, view):
        space(titles, view).save(tmp_path / "space")
        assert main(["titles", "bundle", str(tmp_path / "space"), "--bundle", str(folder)]) == 0
        return capsys.readouterr().out

    for _ in range(2):
        first = said(TITLES, VIEW)
        assert "have not learned with these vectors: write" in first
        assert "no title_id is one" in first
    rewrite(folder, lambda manifest: manifest.pop("vectors"))  # as a training with them writes it
    played = TitleRecord(next(iter(load(folder).population.show_index)), "A show")
    more = said([*TITLES, played], np.concatenate([VIEW, VIEW[:1]]))
    assert "41 titles (combined, 6 dims), 1 new, 0 gone; 1 of the" in more
    assert "learned with" not in more
    assert "no title_id" not in more
    for _ in range(2):
        assert "have not learned with these vectors" in (told := said(TITLES, VIEW[::-1].copy()))
    assert "cosines differ" not in told, "than those of the time before"


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
