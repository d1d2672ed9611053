"""Clusters of titles in each view, with names drawn from what is frequent in them and rare elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.titles.table import TitleRecord
from streams.alike import Lists, lists
from streams.nearest import units

NUMBERS: Final = (4, 6, 8, 12, 16, 20, 24)  # how many clusters are tried
COARSE: Final = 8  # clusters; fewer of them say nothing about ...
MANY: Final = 1000  # ... so many titles
SAMPLE: Final = 3000  # titles that a number of clusters is judged on
NEARLY: Final = 0.1  # of the best silhouette
PER_CLUSTER: Final = 12  # titles that a cluster must have on average
NAMED: Final = 3  # terms in a name
SEEN_IN: Final = 0.08  # share of a cluster that must have a term for it to be in the name


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster: its name, its most telling terms, how many titles it has, and the row nearest to its centre."""

    name: str
    terms: Sequence[str]
    size: int
    middle: int


@dataclass(frozen=True, slots=True)
class Clustering:
    """Clusters of one view, the largest first. `of` int64 (n,): each title's cluster, -1 without a vector."""

    clusters: list[Cluster]
    of: npt.NDArray[np.int64]
    silhouette: float


def make(
    titles: Sequence[TitleRecord], vectors: npt.NDArray[Any], tick: Callable[[], None] | None = None
) -> Clustering:
    """Clusters float (n, d) by direction. Deterministic. `tick` is called len(NUMBERS) times.

    k-means on unit vectors; of NUMBERS the highest whose mean silhouette (Rousseeuw 1987), on a sample, is nearly the
    best: names of small clusters say more, as long as these are as well apart.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    there = np.flatnonzero(np.asarray(vectors).any(axis=1))
    points = units(vectors[there])
    sample = np.random.default_rng(0).permutation(len(points))[:SAMPLE]
    fits: list[tuple[float, npt.NDArray[np.int64]]] = [(-1.0, np.zeros(len(points), np.int64))]
    for number in NUMBERS:
        if number * PER_CLUSTER <= len(points) and (number >= COARSE or len(points) < MANY):
            of_points = KMeans(number, n_init=2, max_iter=60, random_state=0).fit(points).labels_
            fits.append((float(silhouette_score(points[sample], of_points[sample])), of_points.astype(np.int64)))
        if tick is not None:
            tick()
    highest = max(score for score, _ in fits)
    best_score, best = next(fit for fit in reversed(fits) if fit[0] >= highest - NEARLY * abs(highest))
    by_size = np.argsort(-np.bincount(best), kind="stable") if len(best) else np.zeros(0, np.int64)
    of = np.full(len(titles), -1, np.int64)
    of[there] = np.argsort(by_size)[best] if len(best) else best
    terms = telling(_terms(titles), of, len(by_size))
    names = _names(terms)
    clusters = []
    for number in range(len(by_size)):
        rows = np.flatnonzero(of == number)
        members = units(vectors[rows])
        middle = int(rows[np.argmax(members @ members.mean(axis=0))])
        clusters.append(Cluster(names[number], terms[number], len(rows), middle))
    return Clustering(clusters, of, best_score)


def telling(terms: Lists, of: npt.NDArray[np.int64], number: int, most: int = 8) -> list[list[str]]:
    """The terms of each of `number` clusters that tell it from the others, most telling first.

    By share of the cluster that has the term x ln(that share / the share of all titles that have it): the
    term's part of the Kullback-Leibler divergence. Only what SEEN_IN of the cluster have, oftener than all titles do.
    """
    here = np.zeros((number, len(terms.names)))
    for row, indexes in enumerate(terms.of):
        if of[row] >= 0:
            here[of[row], indexes] += 1
    sizes = np.maximum(np.bincount(of[of >= 0], minlength=number), 1)[:, None]
    shares, everywhere = here / sizes, here.sum(axis=0) / max(sizes.sum(), 1)
    found = []
    for share in shares:
        weights = {
            index: share[index] * log(share[index] / everywhere[index])
            for index in np.flatnonzero((share >= SEEN_IN) & (share > everywhere)).tolist()
        }
        ordered = sorted(weights, key=lambda index: (-weights[index], terms.names[index]))
        found.append([terms.names[index] for index in ordered[:most]])
    return found


def _names(terms: Sequence[Sequence[str]]) -> list[str]:
    """The first terms of each; more of them where two clusters would have one name, and at last a number."""
    names = [" · ".join(each[:NAMED]) or "mixed" for each in terms]
    names = [
        name if names.count(name) == 1 else " · ".join(each[: NAMED + 2]) or name
        for name, each in zip(names, terms, strict=True)
    ]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: number + 1].count(name)})"
        for number, name in enumerate(names)
    ]


def _terms(titles: Sequence[TitleRecord]) -> Lists:
    """What a title is named by: categories, tags and countries."""
    return lists((*title.categories, *title.tags, *title.countries) for title in titles)
