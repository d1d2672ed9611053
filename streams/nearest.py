"""The nearest of many vectors, exactly: blocked numpy, by Euclidean or cosine distance."""

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

Metric = Literal["euclidean", "cosine"]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
BLOCK: Final = 65_536  # rows compared at a time: 16 MB of float32 at 64 dimensions
SPARE: Final = 8  # more than asked for are kept at first: their order is made anew from exact distances


@dataclass(frozen=True, slots=True)
class Found:
    """The nearest of each query, nearest first: rows int64 (q, k), distances float32 (q, k).

    Where there are fewer than k, the rest is row -1 at distance infinity.
    """

    rows: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float32]


class Nearest:
    """Vectors that can be searched. A vector of zeros stands for one that is missing: it is never found.

    vectors: float16 or float32 (n, d); they are read where they lie, so that a mapped file stays on disk.
    """

    def __init__(self, vectors: npt.NDArray[Any], metric: Metric = "cosine") -> None:
        self._vectors = vectors
        self._metric = metric
        self._squares = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), BLOCK):
            block = vectors[start : start + BLOCK].astype(np.float32)
            self._squares[start : start + BLOCK] = np.einsum("ij,ij->i", block, block)

    def search(self, queries: npt.NDArray[Any], count: int) -> Found:
        """The `count` nearest of each of the queries, float (q, d). A query of zeros finds nothing."""
        queries = np.asarray(queries, np.float32)
        if self._metric == "cosine":
            queries = units(queries)
        keep = count + SPARE
        rows = np.full((len(queries), 0), -1, np.int64)
        ranks = np.empty((len(queries), 0), np.float32)
        for start in range(0, len(self._vectors), BLOCK):
            block = slice(start, start + BLOCK)
            near = self._compared(queries, block)
            best = _smallest(near, keep)
            rows = np.concatenate([rows, best + start], axis=1)
            ranks = np.concatenate([ranks, np.take_along_axis(near, best, axis=1)], axis=1)
            best = _smallest(ranks, keep)
            rows, ranks = np.take_along_axis(rows, best, axis=1), np.take_along_axis(ranks, best, axis=1)
        return self._exactly(queries, rows, np.isfinite(ranks), count)

    def _compared(self, queries: npt.NDArray[np.float32], block: slice) -> npt.NDArray[np.float32]:
        """(q, rows of the block): orders as the distance does; infinite for missing vectors."""
        squares = self._squares[block]
        products = queries @ self._vectors[block].astype(np.float32).T
        with np.errstate(divide="ignore", invalid="ignore"):
            near = -products / np.sqrt(squares) if self._metric == "cosine" else squares - 2 * products
        near[:, squares == 0] = np.inf
        near[~queries.any(axis=1)] = np.inf
        return np.asarray(near, np.float32)

    def _exactly(
        self, queries: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], there: npt.NDArray[np.bool_], count: int
    ) -> Found:
        """Distances from differences: those of squares less products lose their digits where vectors are alike."""
        found = Found(np.full((len(queries), count), -1, np.int64), np.full((len(queries), count), np.inf, np.float32))
        for number, query in enumerate(queries):
            mine = rows[number][there[number]]
            distances = distance(query, self._vectors[mine], self._metric)
            order = np.lexsort((mine, distances))[:count]
            found.rows[number, : len(order)] = mine[order]
            found.distances[number, : len(order)] = distances[order]
        return found


def distance(query: npt.NDArray[Any], vectors: npt.NDArray[Any], metric: Metric) -> npt.NDArray[np.float32]:
    """float32 (n,): Euclidean distance, or 1 - cosine as half the squared distance of the unit vectors."""
    query, vectors = np.asarray(query, np.float32), np.asarray(vectors, np.float32)
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(vectors - query, axis=1), np.float32)
    apart = units(vectors) - units(query[None])
    return np.asarray(np.einsum("ij,ij->i", apart, apart) / 2, np.float32)


def units(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """float32 (n, d): each of length 1; zeros stay zeros."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _smallest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """(q, up to count): columns of the smallest values of each row, in no order."""
    if values.shape[1] <= count:
        return np.broadcast_to(np.arange(values.shape[1]), values.shape)
    return np.argpartition(values, count - 1, axis=1)[:, :count]
