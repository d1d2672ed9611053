"""The probability that a session continues something, both ways: by a classifier of its own, and by 1 − ∏(1 − p).

The product takes the plays for independent. They are not, since one play rules out the others, so it comes out too
high and is put right by a logistic function of two numbers. It is one of the classifier's inputs as it is. The
probabilities in training are those of models that had not seen the household.
"""

from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np

from models.calibration import base_rate
from models.examples import Bools, Doubles, Floats, Longs
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
        return np.asarray(self.booster.predict(inputs, num_threads=threads(len(inputs))), np.float32)


@dataclass(frozen=True, slots=True)
class ProductCalibration:
    """p becomes 1 / (1 + exp(−(slope × logit(p) + shift))).

    Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    slope: float = 1.0
    shift: float = 0.0

    def probability(self, product: Floats) -> Floats:
        """(m,) calibrated probabilities of products (m,)."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * _logit(product) + self.shift))), np.float32)


def calibrate_product(product: Floats, continued: Bools) -> ProductCalibration:
    """Fits both numbers by Newton's method on products (m,) and whether each session continued (m,)."""
    if continued.all() or not continued.any():
        return ProductCalibration()
    inputs = np.stack([_logit(product), np.ones(len(product))], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(inputs @ weights)))
        # A little ridge towards (1, 0), so that a few decisions can't run away.
        gradient = inputs.T @ (p - continued) + (weights - [1.0, 0.0])
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs + np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return ProductCalibration(float(weights[0]), float(weights[1]))


def _logit(p: Floats) -> Doubles:
    kept = np.clip(p.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))


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
