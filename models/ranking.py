"""The order of the row: trees on the candidates' features, with the loss on the first place.

Two losses are tried, and plain recency beside them; the one with the best MRR on households that it has not seen is
taken:

lambdarank  LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", 2010), truncated after the second place,
            so that nearly all of the gradient is about who stands first; learns from continuation decisions alone
binary      cross entropy of "this show was played first"; learns from all decisions
recency     no trees: what is left when there is too little to learn from
"""

from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from models import matrix
from models.boosting import BINS, OnTree, boost, parameters, threads
from models.datasets import dataset
from models.examples import Bools, Floats, Longs
from models.prior import Model
from streams import features

KINDS: Final = ("binary", "lambdarank")
TREES: Final = 120
LEAVES: Final = 31
TRUNCATION: Final = 2
RECENCY_COLUMN: Final = features.NAMES.index("recency_rank")


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
    kind: str,
    X: Floats,
    sizes: Longs,
    played: Bools,
    on_tree: OnTree | None = None,
    trees: int = TREES,
    prior: Model | None = None,
) -> Ranker:
    """Trains one kind on n candidates of m decisions. Where nothing can be learned the answer is recency, or the prior.

    The trees are added to what `prior` says.
    """
    if kind == "lambdarank":
        continued = np.logical_or.reduceat(played, np.cumsum(sizes) - sizes)
        useful = continued & (sizes > 1)
        rows = np.repeat(useful, sizes)
        X, played, sizes = X[rows], played[rows], sizes[useful]
    if kind == "recency" or not trees or not played.any() or played.all() or len(sizes) < 20:
        return Ranker("recency" if prior is None else kind, None, prior)
    data = dataset(
        X,
        label=played.astype(np.float32),
        group=sizes if kind == "lambdarank" else None,
        init_score=None if prior is None else matrix.by_chunks(prior.run, X).astype(np.float64),
        params={"max_bin": BINS, "verbose": -1},
        free_raw_data=True,
    )
    given = parameters(len(X), num_leaves=LEAVES, learning_rate=0.08, objective=kind)
    if kind == "lambdarank":
        given |= {"lambdarank_truncation_level": TRUNCATION, "label_gain": [0, 1]}
    return Ranker(kind, boost(given, data, trees, on_tree), prior)
