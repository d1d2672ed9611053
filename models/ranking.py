"""The order of the row: trees on the candidates' features, with the loss on the first place.

The loss of a decision is −ln of the softmax share of the candidate that was played: the probability that it stands
first when candidates are drawn by their scores (the top-one probability of Cao, Qin, Liu, Tsai and Li, "Learning to
rank: from pairwise approach to listwise approach", 2007; as a model of choice, McFadden's conditional logit, 1974).
Decisions that went on with none of the candidates, or had only one, say nothing of the order.

A ranker that serves is the mean of several, each of which has not seen some of the households. Without enough to learn
from the order is recency.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from models import matrix
from models.boosting import BINS, OnTree, boost, merged, parameters, threads
from models.datasets import dataset
from models.examples import Bools, Doubles, Floats, Longs
from models.prior import Model
from streams import features

KIND: Final = "softmax"
RECENCY: Final = "recency"
TREES: Final = 40  # of each of the rankers that make one together
LEAVES: Final = 31
RATE: Final = 0.2
ENOUGH: Final = 20  # decisions, below which nothing is learned
RECENCY_COLUMN: Final = features.NAMES.index("recency_rank")


Objective = Callable[[Doubles, lgb.Dataset], tuple[Doubles, Doubles]]


@dataclass(frozen=True, slots=True)
class Ranker:
    """Scores candidates: by the prior's trees and its own, or, without any, by recency."""

    kind: str
    booster: lgb.Booster | None
    prior: Model | None = None

    def score(self, X: Floats, trees: int | None = None) -> Floats:
        """(n,) float32, higher first within a decision, as the exported model gives it; by the first `trees` alone."""
        if self.prior is None and self.booster is None:
            return -X[:, RECENCY_COLUMN]
        score = np.zeros(len(X), np.float32) if self.prior is None else matrix.by_chunks(self.prior.run, X)
        if (booster := self.booster) is None or trees == 0:
            return score
        options: Any = {"raw_score": True, "num_iteration": trees, "num_threads": threads(len(X))}
        own = matrix.by_chunks(lambda rows: booster.predict(rows, **options), X)
        return np.asarray(score + own, np.float32)


def train(
    X: Floats,
    sizes: Longs,
    played: Bools,
    on_tree: OnTree | None = None,
    trees: int = TREES,
    prior: Model | None = None,
) -> Ranker:
    """Trains on n candidates of m decisions. Where nothing can be learned the answer is recency, or the prior.

    The trees are added to what `prior` says.
    """
    continued = np.logical_or.reduceat(played, np.cumsum(sizes) - sizes)
    useful = continued & (sizes > 1)
    rows = np.repeat(useful, sizes)
    X, played, sizes = X[rows], played[rows], sizes[useful]
    if not trees or len(sizes) < ENOUGH:
        return Ranker(RECENCY if prior is None else KIND, None, prior)
    data = dataset(
        X,
        label=played.astype(np.float32),
        init_score=None if prior is None else matrix.by_chunks(prior.run, X).astype(np.float64),
        params={"max_bin": BINS, "verbose": -1},
        free_raw_data=True,
    )
    given = parameters(
        len(X), num_leaves=LEAVES, learning_rate=RATE, feature_fraction=0.5, objective=_softmax(sizes, played)
    )
    return Ranker(KIND, boost(given, data, trees, on_tree), prior)


def mean(rankers: Sequence[Ranker]) -> Ranker:
    """One ranker whose score is the mean of theirs; they have no prior. Recency where one of them is."""
    boosters = [ranker.booster for ranker in rankers if ranker.booster is not None]
    if not boosters or len(boosters) < len(rankers):
        return Ranker(RECENCY, None)
    return Ranker(KIND, merged(boosters))


def _softmax(sizes: Longs, played: Bools) -> Objective:
    """Gradient and the diagonal of the Hessian of −ln softmax(score of the candidate played), summed over decisions."""
    starts = np.cumsum(sizes) - sizes
    decision = np.repeat(np.arange(len(sizes)), sizes)

    def objective(score: Doubles, _: lgb.Dataset) -> tuple[Doubles, Doubles]:
        spread = np.exp(score - np.maximum.reduceat(score, starts)[decision])
        p = spread / np.add.reduceat(spread, starts)[decision]
        return p - played, np.maximum(p * (1 - p), 1e-6)

    return objective
