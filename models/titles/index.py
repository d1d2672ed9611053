"""An index of many vectors (faiss): finds nearly all of the nearest, in a fraction of the time of looking at each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.titles import replacing
from streams.errors import CommandError
from streams.nearest import Found, Metric, units

# A graph of near vectors (HNSW, Malkov and Yashunin 2016) over float16. Chosen by measuring: docs/decisions/titles.md.
KIND: Final = "HNSW16,SQfp16"
CARE_BUILDING: Final = 80  # neighbours looked at for each vector that is added (efConstruction)
CARE_SEARCHING: Final = 64  # neighbours kept in view by a search (efSearch)
BLOCK: Final = 16_384  # vectors added at a time, between two calls of `tick`

Counter = Callable[[str, int], Callable[..., None]]


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


def build(vectors: npt.NDArray[Any], metric: Metric, tick: Callable[[], None] | None = None) -> Any:
    """A faiss index over float (n, d); rows of zeros are left out. `tick` is called for each block."""
    import faiss

    graph: Any = faiss.index_factory(vectors.shape[1], KIND)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = CARE_BUILDING, CARE_SEARCHING
    graph.train(_prepared(vectors[:BLOCK], metric)[1])
    index = faiss.IndexIDMap2(graph)
    for start in range(0, len(vectors), BLOCK):
        there, prepared = _prepared(vectors[start : start + BLOCK], metric)
        index.add_with_ids(prepared, there + start)
        if tick is not None:
            tick()
    return index


def kept(vectors: npt.NDArray[Any], metric: Metric, path: Path, counter: Counter) -> Index:
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
    tick = counter(f"Building an index of {len(vectors):,} vectors", -(-len(vectors) // BLOCK))
    index = build(vectors, metric, tick)
    path.parent.mkdir(exist_ok=True)
    with replacing.file(path) as new:
        faiss.write_index(index, str(new))
    return Index(index, metric)


def _prepared(vectors: npt.NDArray[Any], metric: Metric) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Which rows hold a vector, and those vectors as the index takes them."""
    there = np.flatnonzero(vectors.any(axis=1))
    chosen = np.asarray(vectors[there], np.float32)
    return there, units(chosen) if metric == "cosine" else np.ascontiguousarray(chosen)
