"""The folder of vectors: what is saved is loaded, mapped; what does not fit is said."""

import numpy as np
import pytest

from models.titles.folder import TitleSpace, arrays
from models.titles.simulate import make
from models.titles.table import TitleRecord
from streams.errors import CommandError

A = TitleRecord("a", "Alpha", "film", 2001, tags=("x", "none", "a|b"), summary="N/A")  # as odd as a reader may make it
B = TitleRecord("b", "Beta")


def test_a_folder_holds_titles_views_countries_and_audiences(tmp_path):
    made = make(20)
    rng = np.random.default_rng(0)
    views = {name: rng.normal(size=(20, d)).astype(np.float32) for name, d in (("category", 4), ("graph", 3))}
    of_countries = (["DE", "US"], np.array([[1, 2], [3, 4]], np.float32))
    TitleSpace(made.titles, views, of_countries, made.audience, {"views": {"graph": {"epochs": 3}}}).save(tmp_path)
    read = TitleSpace.load(tmp_path)
    assert read.titles == made.titles
    assert list(read.views) == ["category", "graph"]
    assert all((read.views[name] == vectors).all() for name, vectors in views.items())
    assert isinstance(read.views["graph"], np.memmap)
    assert read.countries[0] == ["DE", "US"]
    assert (read.countries[1] == of_countries[1]).all()
    assert read.audience == made.audience
    assert read.meta == {"views": {"graph": {"epochs": 3}}, "version": 1, "titles": 20}
    assert read.index["t00007"] == 7


def test_a_folder_written_again_has_nothing_of_the_one_before(tmp_path):
    zeros = np.zeros((2, 3), np.float32)
    TitleSpace([A, B], {"graph": zeros}, (["DE"], zeros[:1]), [], {}).save(tmp_path)
    TitleSpace([A, B], {"category": zeros}).save(tmp_path)
    read = TitleSpace.load(tmp_path)
    assert (list(read.views), read.countries, read.audience) == (["category"], None, None)
    assert read.titles == [A, B]


def test_vectors_that_do_not_fit_the_titles_are_refused(tmp_path):
    with pytest.raises(ValueError, match="float32"):
        TitleSpace([A, B], {"graph": np.zeros((3, 2), np.float32)}).save(tmp_path)
    TitleSpace([A, B], {"graph": np.zeros((2, 2), np.float32)}).save(tmp_path)
    np.save(tmp_path / "vectors/graph.npy", np.zeros((3, 2), np.float32))
    with pytest.raises(CommandError, match="does not fit the 2 titles"):
        TitleSpace.load(tmp_path)


def test_a_folder_whose_titles_are_damaged_is_told(tmp_path):
    TitleSpace([A], {"graph": np.zeros((1, 2), np.float32)}).save(tmp_path)
    (tmp_path / "titles.parquet").write_bytes(b"no parquet")
    with pytest.raises(CommandError, match=r"titles\.parquet can't be read"):
        TitleSpace.load(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("meta.json", b"[]", "has layout None, this version reads 1; train again"),
        ("meta.json", b'{"version": 9}', "has layout 9, this version reads 1; train again"),
        ("meta.json", b'{"ver', "is damaged"),
        ("countries.npz", b"no zip", r"countries\.npz cannot be read \(File is not a zip file\); train again"),
        ("vectors/graph.npy", b"", r"graph\.npy is damaged"),
    ],
)
def test_a_folder_that_is_damaged_or_of_another_version_says_to_train_again(tmp_path, file, content, said):
    TitleSpace([A], {"graph": np.zeros((1, 2), np.float32)}).save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(CommandError, match=said):
        TitleSpace.load(tmp_path)


def test_a_folder_whose_vectors_are_gone_says_to_train_again(tmp_path):
    TitleSpace([A], {"graph": np.zeros((1, 2), np.float32)}).save(tmp_path)
    (tmp_path / "vectors" / "graph.npy").unlink()
    with pytest.raises(CommandError, match="has no vectors; train again"):
        TitleSpace.load(tmp_path)


def test_arrays_that_are_not_there_are_said(tmp_path):
    np.savez(tmp_path / "some.npz", one=np.zeros(2))
    assert [each.tolist() for each in arrays(tmp_path / "some.npz", ["one"])] == [[0, 0]]
    for name in ("some.npz", "none.npz"):
        with pytest.raises(CommandError, match=f"{name} cannot be read .* train again"):
            arrays(tmp_path / name, ["one", "two"])


def test_what_is_no_folder_of_vectors_is_said_with_what_makes_one(tmp_path):
    with pytest.raises(CommandError, match="cw titles train"):
        TitleSpace.load(tmp_path / "nothing")


def test_a_view_that_was_not_trained_is_said_with_those_that_were(tmp_path):
    with pytest.raises(CommandError, match="no view audience; this folder has graph"):
        TitleSpace([A], {"graph": np.zeros((1, 2), np.float32)}).view("audience")
