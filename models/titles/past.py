"""The audience of past titles that are like a title: by country, weighted by similarity.

A past title counts for a title only where it came out no later (years; a year that is not known shuts nothing out), and
never for itself, so that a title in training sees what one not yet launched would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from models.examples import Bools, Doubles, Longs

NEIGHBOURS: Final = 40  # past titles of a view that count for a title
SHARPNESS: Final = 4.0  # weights are similarities to this power
DOUBT: Final = 0.5  # the weight of "as usual" beside that of past titles
_BLOCK: Final = 8_000_000  # similarities at a time


class Alike(NamedTuple):
    """The past titles that are like each of q titles in one view, the likest first."""

    past: Longs  # (q, k) index into the past titles
    weight: Doubles  # (q, k), 0 where there is none


@dataclass(frozen=True, slots=True)
class Past:
    """What p past titles did: beyond what is usual, by country and everywhere."""

    row: Longs  # (p,) their rows of the titles table
    year: Doubles  # (p,) of release; NaN where it is not known
    beyond: Doubles  # (p, c) ln(1 + audience) less what is usual in the country, 0 where not known
    known: Doubles  # (p, c) 1.0 where it is known
    level: Doubles  # (p,) beyond what is usual, everywhere


def alike(
    queries: Any,
    past: Any,
    row: Longs,
    year: Doubles,
    of: Past,
    without: Bools | None = None,
    tick: Callable[[], None] | None = None,
) -> Alike:
    """The past titles nearest to q titles by cosine.

    Parameters
    ----------
    queries, past: vectors (q, d) and (p, d) of length one or zero, dense or sparse
    row: (q,) of the titles table, -1 for a title that is not in it
    year: (q,) NaN where it is not known
    without: (p,) past titles that don't count
    """
    k = min(NEIGHBOURS, len(of.row))
    chosen, weights = np.zeros((queries.shape[0], k), np.int64), np.zeros((queries.shape[0], k))
    rows = max(1, _BLOCK // max(1, len(of.row)))
    for begin in range(0, queries.shape[0], rows):
        part = slice(begin, begin + rows)
        product = queries[part] @ past.T
        similarity = np.asarray(product.todense() if hasattr(product, "todense") else product, np.float32)
        similarity[(of.row == row[part, None]) | (of.year > year[part, None])] = 0.0
        if without is not None:
            similarity[:, without] = 0.0
        best = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(similarity, best, 1), axis=1, kind="stable")
        chosen[part] = np.take_along_axis(best, order, 1)
        weights[part] = np.maximum(np.take_along_axis(similarity, chosen[part], 1), 0.0) ** SHARPNESS
        if tick is not None:
            tick()
    return Alike(chosen, weights)


OF_TITLE: Final = ("everywhere", "evidence", "spread", "likest")
OF_PAIR: Final = ("here", "evidence here")


def everywhere(found: Alike, of: Past) -> Doubles:
    """How like titles do everywhere, (q, len(OF_TITLE)): their weighted mean, drawn to 0, "as usual", where there is
    little of them; the sum of weights, the spread around the mean, and the weight of the likest."""
    total = found.weight.sum(1)
    level = of.level[found.past]
    mean = (found.weight * level).sum(1) / (total + DOUBT)
    spread = np.sqrt((found.weight * (level - mean[:, None]) ** 2).sum(1) / np.maximum(total, 1e-9))
    return np.stack([mean, total, spread, found.weight[:, 0]], 1)


def here(found: Alike, of: Past) -> tuple[Doubles, Doubles]:
    """How like titles depart from their level in each country, (q, c): a weighted mean, drawn to 0; and its weight."""
    q, c = len(found.past), of.beyond.shape[1]
    mean, evidence = np.zeros((2, q, c))
    departure = (of.beyond - of.level[:, None]) * of.known
    for begin in range(0, q, 1000):
        part = slice(begin, begin + 1000)
        at, weight = found.past[part], found.weight[part]
        evidence[part] = np.einsum("qk,qkc->qc", weight, of.known[at])
        mean[part] = np.einsum("qk,qkc->qc", weight, departure[at]) / (evidence[part] + DOUBT)
    return mean, evidence
