"""The similarity map: titles of a view on a plane, those that are alike close together (t-SNE)."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streams.nearest import units

PERPLEXITY: Final = 30.0  # of how many titles each keeps company; the usual value (van der Maaten and Hinton 2008)
ITERATIONS: Final = 750  # as openTSNE: 250 with early exaggeration, 500 without
THREADS: Final = 2  # for more than BUSY titles: threads that wait for each other cost more than they save with few
BUSY: Final = 5000
EVERY: Final = 10  # iterations between two calls of `tick`
TICKS: Final = ITERATIONS // EVERY
PLACING: Final = 100  # iterations to place new titles
FEWEST: Final = 4  # titles that a map needs

Places = npt.NDArray[np.float64]  # (n, 2); NaN for a title without a vector


def lay_out(vectors: npt.NDArray[Any], tick: Callable[[], None] | None = None) -> Places:
    """Places of float (n, d) by direction, begun from the first two principal components. `tick`: TICKS calls."""
    there = _there(vectors)
    places = np.full((len(vectors), 2), np.nan)
    if len(there) < FEWEST:
        places[there] = np.arange(2 * len(there)).reshape(-1, 2)
        return places
    tsne = _tsne(len(there), tick)
    embedding = tsne.fit(units(vectors[there]).astype(np.float64))
    places[there] = np.asarray(embedding)
    return places


def place(
    vectors: npt.NDArray[Any], places: Places, new: npt.NDArray[Any], tick: Callable[[], None] | None = None
) -> Places:
    """Places of new vectors, float (m, d), among titles that stay where they are (openTSNE's transform)."""
    import openTSNE

    there = np.flatnonzero(_has_vector(vectors) & ~np.isnan(places[:, 0]))
    arriving = _there(new)
    placed = np.full((len(new), 2), np.nan)
    if not len(arriving) or len(there) < FEWEST:
        return placed
    affinities = openTSNE.affinity.PerplexityBasedNN(
        units(vectors[there]).astype(np.float64),
        perplexity=_perplexity(len(there)),
        metric="euclidean",
        n_jobs=_threads(len(there)),
        random_state=0,
    )
    standing = openTSNE.TSNEEmbedding(places[there].copy(), affinities, n_jobs=_threads(len(there)), random_state=0)
    placed[arriving] = np.asarray(
        standing.transform(units(new[arriving]).astype(np.float64), perplexity=5, n_iter=PLACING)
    )
    if tick is not None:
        tick()
    return placed


def _tsne(titles: int, tick: Callable[[], None] | None) -> Any:
    import openTSNE

    def called(*_: Any) -> bool:
        if tick is not None:
            tick()
        return False

    return openTSNE.TSNE(
        perplexity=_perplexity(titles),
        initialization="pca",
        metric="euclidean",  # on unit vectors: orders as cosine does
        n_jobs=_threads(titles),
        random_state=0,
        callbacks=called,
        callbacks_every_iters=EVERY,
    )


def _perplexity(titles: int) -> float:
    """At most a third of the other titles."""
    return min(PERPLEXITY, max(1.0, (titles - 1) / 3))


def _threads(titles: int) -> int:
    return THREADS if titles > BUSY else 1


def _has_vector(vectors: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.asarray(vectors).any(axis=1), bool)


def _there(vectors: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.flatnonzero(_has_vector(vectors))
