"""The probability that a candidate is what the session plays first, from how its score stands among the others.

Trained on scores of households that the ranker had not seen, since a ranker is surer of what it has learned by heart.
Small trees, held monotone in every column that rises with the score: within a decision the order by probability is
the order by score, and what is left free (context, number of candidates) is the same for all of a decision.
"""

from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np

from models.examples import Bools, Floats, Longs
from models.ranking import OnTree, boost, common, threads
from streams import features
from streams.scoring.aggregate import STANDING_NAMES, best_first, play_inputs

TREES: Final = 40
LEAVES: Final = 15
_RISING: Final = {"score": 1, "score_margin": 1, "score_place": -1, "score_log_share": 1, "candidates_log": 0}


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Play probabilities; `base_rate` alone where there was nothing to learn from."""

    booster: lgb.Booster | None
    base_rate: float

    def probability(self, score: Floats, C: Floats, offsets: Longs) -> Floats:
        """(n,) float32 between 0 and 1."""
        if self.booster is None:
            return np.full(len(score), self.base_rate, np.float32)
        inputs = play_inputs(score, C, offsets, best_first(score, offsets))
        return np.asarray(self.booster.predict(inputs, num_threads=threads(len(inputs))), np.float32)


def train(score: Floats, C: Floats, offsets: Longs, played: Bools, on_tree: OnTree | None = None) -> Calibrator:
    """Fits on out-of-fold scores (n,) and what was played (n,)."""
    rate = base_rate(played)
    if not played.any() or played.all() or len(played) < 20:
        return Calibrator(None, rate)
    inputs = play_inputs(score, C, offsets, best_first(score, offsets))
    data = lgb.Dataset(inputs, label=played.astype(np.float32), params={"max_bin": 255, "verbose": -1})
    constraints = [_RISING[name] for name in STANDING_NAMES] + [0] * len(features.CONTEXT_NAMES)
    parameters = common(len(played)) | {
        "objective": "binary",
        "num_leaves": LEAVES,
        "learning_rate": 0.15,
        "max_bin": 255,
        "monotone_constraints": constraints,
        "monotone_constraints_method": "intermediate",
    }
    return Calibrator(boost(parameters, data, TREES, on_tree), rate)


def base_rate(happened: Bools) -> float:
    """The share of true values, kept off 0 and 1 by one seen each way."""
    return float((happened.sum() + 1) / (len(happened) + 2))
