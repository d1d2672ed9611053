"""An index of many vectors (faiss): finds nearly all of the nearest, in a fraction of the time of looking at each."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streams.errors import CommandError
from streams.nearest import Found, Metric, units

# Lists of float16 vectors, of which a query looks at some. Chosen by measuring (docs/decisions/titles.md).
LISTS: Final = 1024
PROBED: Final = 16
TRAINED_ON: Final = 40 * LISTS  # vectors that the lists' centres are learned from
BLOCK: Final = 65_536


class Index:
    """A faiss index as `streams.nearest.Nearest` is used. Cosine distance is half the squared one of unit vectors."""

    def __init__(self, index: Any, metric: Metric) -> None:
        self._index = index
        self._metric = metric

    def search(self, queries: npt.NDArray[Any], count: int) -> Found:
        """The `count` nearest of each query; see `streams.nearest.Nearest.search`."""
        queries = np.asarray(queries, np.float32)
        asked = units(queries) if self._metric == "cosine" else np.ascontiguousarray(queries)
        squares, rows = self._index.search(asked, count)
        squares = np.where(rows < 0, np.inf, np.maximum(squares, 0))
        return Found(rows, (squares / 2 if self._metric == "cosine" else np.sqrt(squares)).astype(np.float32))


def build(vectors: npt.NDArray[Any], metric: Metric, lists: int = LISTS, probed: int = PROBED) -> Any:
    """A faiss index over float (n, d); rows of zeros are left out. Deterministic on one thread."""
    import faiss

    n, width = vectors.shape
    index: Any = faiss.index_factory(width, f"IVF{lists},SQfp16")
    sample = np.sort(np.random.default_rng(0).choice(n, min(n, 40 * lists), replace=False))
    index.train(_prepared(vectors[sample], metric)[1])
    for start in range(0, n, BLOCK):
        there, prepared = _prepared(vectors[start : start + BLOCK], metric)
        index.add_with_ids(prepared, there + start)
    index.nprobe = probed
    return index


def kept(vectors: npt.NDArray[Any], metric: Metric, path: Path, say: Callable[[str], None]) -> Index:
    """The index of these vectors from its file, or built now and written there.

    An index older than the vectors' file is built anew. Raises CommandError where faiss is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise CommandError("so many titles need faiss: 'make titles' installs it") from None
    source = path.parent.parent / "vectors" / f"{path.stem.rsplit('-', 1)[0]}.npy"
    if path.is_file() and path.stat().st_mtime >= source.stat().st_mtime:
        return Index(faiss.read_index(str(path)), metric)
    say(f"Building an index of {len(vectors):,} vectors")
    index = build(vectors, metric)
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    faiss.write_index(index, str(new))
    os.replace(new, path)
    return Index(index, metric)


def _prepared(vectors: npt.NDArray[Any], metric: Metric) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Which rows hold a vector, and those vectors as the index takes them."""
    there = np.flatnonzero(vectors.any(axis=1))
    chosen = np.asarray(vectors[there], np.float32)
    return there, units(chosen) if metric == "cosine" else np.ascontiguousarray(chosen)
