"""Similar titles among a million: building the index, asking it, how much it finds; beside looking at all.

`make bench BENCH=titles`. The vectors are made up: clusters that overlap, few directions that matter much.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.figures import Figure, Section
from bench.harness import folder_of, say
from conftest import Broker

from streams.nearest import Nearest

TITLES = 1_000_000
WIDTH = 64
CLUSTERS = 2_000
ASKED = 500
COUNT = 10
THREADS = 2


def measure(broker: Broker, titles: int = TITLES) -> Section:
    """The index of `models.titles.index` on two threads, asked one query at a time."""
    import faiss

    from models.titles import index

    faiss.omp_set_num_threads(THREADS)
    vectors = made_up(titles)
    numbers = np.random.default_rng(1)
    asked = numbers.choice(titles, ASKED, replace=False)
    say(f"titles: looking at all {titles:,} vectors ...")
    exact_search = Nearest(vectors, "cosine")
    _, exact_us = _ask(exact_search, vectors, asked[:50])
    truth = exact_search.search(vectors[asked], COUNT).rows
    say("titles: building the index ...")
    began = time.perf_counter()
    built = index.build(vectors, "cosine")
    seconds = time.perf_counter() - began
    faiss.omp_set_num_threads(1)  # one query is no work to share
    found, us = _ask(index.Index(built, "cosine"), vectors, asked)
    recall = float(np.mean([len(set(a) & set(b)) / COUNT for a, b in zip(truth, found, strict=True)]))
    path = Path(folder_of(broker, "index")) / "titles.faiss"
    faiss.write_index(built, str(path))
    return Section(
        f"Similar titles among {titles:,}",
        [
            Figure.of("titles_index_build_s", "building the index", seconds, "s"),
            Figure.of("titles_index_query_us", f"the {COUNT} nearest by the index", us, "µs a query", digits=0),
            Figure.of("titles_index_recall", f"of the {COUNT} nearest that it finds", recall, "", "at least 0.95", 3),
            Figure.of("titles_index_mb", "the index, in memory and on disk", path.stat().st_size / 1e6, "MB"),
            Figure.of("titles_exact_query_us", "the same by looking at all", exact_us, "µs a query", digits=0),
        ],
        [
            f"{WIDTH} dimensions, float16, {CLUSTERS:,} clusters that overlap; {index.KIND}, {THREADS} threads to "
            f"build, one to ask, queries one at a time; recall over {ASKED} queries."
        ],
    )


def made_up(titles: int) -> npt.NDArray[np.float16]:
    """float16 (titles, WIDTH). Directions fade as 1/√number, as those of learned vectors do."""
    numbers = np.random.default_rng(0)
    centres = numbers.standard_normal((CLUSTERS, WIDTH), np.float32)
    fading = (1 + np.arange(WIDTH, dtype=np.float32)) ** -0.5
    vectors = np.empty((titles, WIDTH), np.float16)
    for start in range(0, titles, 100_000):
        block = vectors[start : start + 100_000]
        apart = numbers.standard_normal(block.shape, np.float32)
        block[:] = (centres[numbers.integers(0, CLUSTERS, len(block))] + 0.7 * apart) * fading
    return vectors


def _ask(search: Any, vectors: npt.NDArray[np.float16], asked: npt.NDArray[np.int64]) -> tuple[list[Any], float]:
    """What each query finds, and µs a query."""
    search.search(vectors[asked[:1]], COUNT)
    began = time.perf_counter()
    found = [search.search(vectors[[row]], COUNT).rows[0] for row in asked]
    return found, (time.perf_counter() - began) / len(asked) * 1e6
