"""Matrices in files: cut and written by rows like numpy's, and LightGBM learns the same from them."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import matrix
from models.datasets import dataset
from models.matrix import OnDisk

ROWS, COLUMNS = 57, 3
NUMBERS = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five rows at once, so that every stretch has ends."""
    monkeypatch.setattr(matrix, "CHUNK_BYTES", 5 * COLUMNS * 4)


def on_disk(numbers: Any = NUMBERS) -> OnDisk:
    made = OnDisk(COLUMNS, numbers.dtype)
    for part in np.array_split(numbers, 4):
        made.append(part)
    return made


CUTS = st.one_of(
    st.slices(ROWS).map(lambda cut: slice(cut.start, cut.stop)),
    st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(np.array),
    st.sets(st.integers(0, ROWS - 1)).map(lambda rows: np.array(sorted(rows), np.int64)),
)


@given(cut=CUTS, again=st.integers(0, 2**ROWS - 1))
@settings(max_examples=200, deadline=None)
def test_a_cut_reads_what_numpy_reads(cut: Any, again: int) -> None:
    """A cut, and a cut of that."""
    here, there = NUMBERS[cut], on_disk()[cut]
    assert np.array_equal(np.asarray(there), here)
    assert there.shape == here.shape
    mask = np.array([bool(again >> bit & 1) for bit in range(len(here))], np.bool_)
    assert np.array_equal(np.asarray(there[mask]), here[mask])
    assert np.array_equal(there[:, 1], here[:, 1])
    assert np.array_equal(np.concatenate([*there.chunks(), NUMBERS[:0]]), here)


@given(cut=CUTS)
@settings(max_examples=100, deadline=None)
def test_rows_written_through_a_cut_are_those_of_the_matrix(cut: Any) -> None:
    here, there = NUMBERS.copy(), on_disk()
    news = -np.arange(len(here[cut]) * COLUMNS, dtype=np.float32).reshape(-1, COLUMNS) - 1
    here[cut] = news
    there[cut] = news
    assert np.array_equal(np.asarray(there), here)


def test_small_matrices_are_plain_arrays_and_large_ones_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [lambda: NUMBERS[:20], lambda: NUMBERS[20:]]
    assert isinstance(matrix.empty(ROWS, COLUMNS), np.ndarray)
    assert isinstance(matrix.concatenate(parts, NUMBERS.nbytes), np.ndarray)
    monkeypatch.setattr(matrix, "IN_MEMORY_BYTES", NUMBERS.nbytes - 1)
    assert isinstance(matrix.empty(ROWS, COLUMNS), OnDisk)
    whole = matrix.concatenate(parts, NUMBERS.nbytes)
    assert isinstance(whole, OnDisk)
    assert np.array_equal(np.asarray(whole), NUMBERS)


def test_trees_from_a_file_are_the_trees_from_memory() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2_000, COLUMNS)).astype(np.float32)
    y = (X[:, 0] + 0.5 * X[:, 1] ** 2 + rng.normal(size=len(X)) > 0).astype(np.float32)
    some = rng.random(len(X)) < 0.7
    given = {"objective": "binary", "verbose": -1, "deterministic": True, "seed": 3, "num_threads": 1}
    trees = [lgb.train(given, dataset(of[some], label=y[some], params={"verbose": -1}), 10) for of in (X, on_disk(X))]
    assert trees[0].model_to_string() == trees[1].model_to_string()
    said = [matrix.by_chunks(trees[0].predict, of) for of in (X, on_disk(X))]
    assert np.array_equal(*said)
