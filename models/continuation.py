"""The probability that a session continues something, both ways: 1 − ∏(1 − p), and a classifier.

The product takes the plays for independent. They are not, since one play rules out the others, so it is put right by a
logistic function of two numbers. The classifier begins there and adds trees that see the context, the best candidates'
probabilities and the features of the first; a log too small for trees leaves the product. The probabilities in
training are those of models that had not seen the household.
"""

from dataclasses import dataclass, replace
from typing import Final

import lightgbm as lgb
import numpy as np

from models.boosting import OnTree, added, boost_chosen, logit, parameters
from models.examples import Bools, Doubles, Floats, Ints, Longs
from models.prior import Model
from streams.scoring.aggregate import any_of, best_first, continuation_inputs

TREES: Final = 400
LEAVES: Final = 15


@dataclass(frozen=True, slots=True)
class ProductCalibration:
    """p becomes 1 / (1 + exp(−(slope × logit(p) + shift))).

    Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    slope: float = 1.0
    shift: float = 0.0

    def log_odds(self, product: Floats) -> Doubles:
        """(m,) of the calibrated products (m,)."""
        return self.slope * logit(product) + self.shift

    def probability(self, product: Floats) -> Floats:
        """(m,) calibrated probabilities of products (m,)."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds(product))), np.float32)


@dataclass(frozen=True, slots=True)
class Continuation:
    """Continuation probabilities: the calibrated product, or a prior, and the trees that say what it misses."""

    product: ProductCalibration
    booster: lgb.Booster | None
    prior: Model | None = None

    def probability(self, X: Floats, C: Floats, score: Floats, play: Floats, offsets: Longs) -> Floats:
        """(m,) float32 between 0 and 1."""
        inputs = continuation_inputs(X, C, score, play, offsets, best_first(score, offsets))
        return added(self._start(inputs, any_of(play, offsets)), self.booster, inputs)

    def _start(self, inputs: Floats, product: Floats) -> Doubles:
        return self.product.log_odds(product) if self.prior is None else logit(self.prior.run(inputs))


def calibrate_product(product: Floats, continued: Bools) -> ProductCalibration:
    """Fits both numbers by Newton's method on products (m,) and whether each session continued (m,)."""
    inputs = np.stack([logit(product), np.ones(len(product))], axis=1)
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


def train(
    X: Floats,
    C: Floats,
    score: Floats,
    play: Floats,
    offsets: Longs,
    continued: Bools,
    fold: Ints,
    on_tree: OnTree | None = None,
    prior: Model | None = None,
) -> Continuation:
    """Fits on out-of-fold scores and play probabilities (n,), whether each session continued and its fold (m,).

    Trees are added to what `prior` says, else to the calibrated product.
    """
    product = any_of(play, offsets)
    begun = Continuation(calibrate_product(product, continued), None, prior)
    if continued.all() or not continued.any() or len(continued) < 20:
        return begun
    inputs = continuation_inputs(X, C, score, play, offsets, best_first(score, offsets))
    given = parameters(
        len(continued),
        objective="binary",
        num_leaves=LEAVES,
        learning_rate=0.1,
        feature_fraction=0.4,
        min_data_in_leaf=int(np.clip(len(continued) // 500, 20, 100)),
    )
    start = begun._start(inputs, product)
    booster, _ = boost_chosen(given, inputs, continued, fold, TREES, start, on_tree, grow=prior is None)
    return replace(begun, booster=booster)
