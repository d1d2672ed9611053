"""The nearest vectors are the nearest: by hand, and against looking at every pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import nearest
from streams.nearest import Nearest

SQUARE = np.array([[1, 0], [0, 2], [3, 0], [0, 0], [-1, 0]], np.float32)


def test_by_euclidean_distance_the_nearest_is_the_closest_point():
    found = Nearest(SQUARE, "euclidean").search(np.array([[2.5, 0]]), 3)
    assert found.rows.tolist() == [[2, 0, 1]]
    assert found.distances[0] == pytest.approx([0.5, 1.5, np.sqrt(2.5**2 + 4)])


def test_by_cosine_distance_length_does_not_count_and_ties_go_by_row():
    found = Nearest(SQUARE, "cosine").search(np.array([[10, 0]]), 4)
    assert found.rows.tolist() == [[0, 2, 1, 4]]
    assert found.distances[0] == pytest.approx([0, 0, 1, 2])


def test_a_vector_of_zeros_is_missing_it_finds_nothing_and_is_never_found():
    found = Nearest(SQUARE, "euclidean").search(np.array([[0, 0], [1, 0]]), 5)
    assert found.rows[0].tolist() == [-1] * 5
    assert 3 not in found.rows[1]
    assert found.rows[1, -1] == -1
    assert found.distances[1, -1] == np.inf


def test_vectors_of_float16_are_searched_as_they_lie():
    vectors = SQUARE.astype(np.float16)
    assert Nearest(vectors, "cosine").search(SQUARE[1:2], 1).rows.tolist() == [[1]]


def test_nearly_equal_vectors_keep_their_order_and_their_distance():
    """Differences of squares would lose these distances in float32."""
    far = np.full((3, 4), 1000, np.float32) + np.array([[0.0], [0.001], [0.002]], np.float32)
    found = Nearest(far, "euclidean").search(far[:1], 3)
    assert found.rows.tolist() == [[0, 1, 2]]
    assert found.distances[0] == pytest.approx(2 * (far[:, 0] - far[0, 0]), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 12), st.sampled_from(nearest.METRICS), st.integers(0, 99))
def test_any_search_finds_what_looking_at_every_pair_finds(n, width, count, metric, seed):
    """In blocks of 7 rows, so that several are joined; vectors of small whole numbers, so that there are ties."""
    numbers = np.random.default_rng(seed)
    vectors = numbers.integers(-3, 4, (n, width)).astype(np.float32)
    queries = numbers.integers(-3, 4, (5, width)).astype(np.float32)
    block, nearest.BLOCK = nearest.BLOCK, 7
    try:
        found = Nearest(vectors, metric).search(queries, count)
    finally:
        nearest.BLOCK = block
    for query, rows, distances in zip(queries, found.rows, found.distances, strict=True):
        there = [row for row in range(n) if vectors[row].any() and query.any()]
        if metric == "euclidean":
            each = {row: np.linalg.norm(vectors[row].astype(float) - query) for row in there}
        else:
            each = {
                row: 1 - vectors[row].astype(float) @ query / np.linalg.norm(vectors[row]) / np.linalg.norm(query)
                for row in there
            }
        expected = sorted(each.values())[:count]
        assert distances[: len(expected)] == pytest.approx(expected, abs=1e-5)
        assert [each[row] for row in rows[: len(expected)]] == pytest.approx(expected, abs=1e-5)
        assert (rows[len(expected) :] == -1).all()
        assert len(set(rows[: len(expected)])) == len(expected)
