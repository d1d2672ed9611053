"""The probability that a session continues something, by a classifier of its own.

The other way, 1 − ∏(1 − p) over the candidates' probabilities (streams.scoring.aggregate.any_of), needs no model and
is one of this one's inputs; the report compares the two. The probabilities in training are those of models that had
not seen the household.
"""

from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np

from models.calibration import base_rate
from models.examples import Bools, Floats, Longs
from models.ranking import OnTree, boost, common, threads
from streams.scoring.aggregate import best_first, continuation_inputs

TREES: Final = 120
LEAVES: Final = 15


@dataclass(frozen=True, slots=True)
class Continuation:
    """Continuation probabilities; `base_rate` alone where there was nothing to learn from."""

    booster: lgb.Booster | None
    base_rate: float

    def probability(self, X: Floats, C: Floats, score: Floats, play: Floats, offsets: Longs) -> Floats:
        """(m,) float32 between 0 and 1."""
        if self.booster is None:
            return np.full(len(C), self.base_rate, np.float32)
        inputs = continuation_inputs(X, C, score, play, offsets, best_first(score, offsets))
        return np.asarray(self.booster.predict(inputs, num_threads=threads()), np.float32)


def train(
    X: Floats,
    C: Floats,
    score: Floats,
    play: Floats,
    offsets: Longs,
    continued: Bools,
    on_tree: OnTree | None = None,
) -> Continuation:
    """Fits on out-of-fold scores and play probabilities (n,), and whether each session continued (m,)."""
    rate = base_rate(continued)
    if continued.all() or not continued.any() or len(continued) < 20:
        return Continuation(None, rate)
    inputs = continuation_inputs(X, C, score, play, offsets, best_first(score, offsets))
    data = lgb.Dataset(inputs, label=continued.astype(np.float32), params={"max_bin": 127, "verbose": -1})
    parameters = common(len(continued)) | {
        "objective": "binary",
        "num_leaves": LEAVES,
        "learning_rate": 0.05,
        "feature_fraction": 0.4,
        "min_data_in_leaf": int(np.clip(len(continued) // 500, 10, 100)),
    }
    return Continuation(boost(parameters, data, TREES, on_tree), rate)
