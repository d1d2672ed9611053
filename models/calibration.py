"""The probability that a candidate is what the session plays first, from how its score stands among the others.

Trained on scores of households that the ranker had not seen, since a ranker is surer of what it has learned by heart.
Small trees, held monotone in every column that rises with the score: within a decision the order by probability is
the order by score, and what is left free (context, number of candidates) is the same for all of a decision.
"""

from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np

from models.boosting import OnTree, added, base_rate, boost_chosen, logit, parameters
from models.examples import Bools, Floats, Ints, Longs
from models.prior import Model
from streams import features
from streams.scoring.aggregate import STANDING_NAMES, best_first, play_inputs

TREES: Final = 40
LEAVES: Final = 15
_RISING: Final = {"score": 1, "score_margin": 1, "score_place": -1, "score_log_share": 1, "candidates_log": 0}


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Play probabilities: the prior's, put right by trees of its own; `base_rate` alone where there is neither."""

    booster: lgb.Booster | None
    base_rate: float
    prior: Model | None = None

    def probability(self, score: Floats, C: Floats, offsets: Longs) -> Floats:
        """(n,) float32 between 0 and 1."""
        if self.booster is None and self.prior is None:
            return np.full(len(score), self.base_rate, np.float32)
        inputs = play_inputs(score, C, offsets, best_first(score, offsets))
        return added(None if self.prior is None else logit(self.prior.run(inputs)), self.booster, inputs)


def train(
    score: Floats,
    C: Floats,
    offsets: Longs,
    played: Bools,
    fold: Ints,
    on_tree: OnTree | None = None,
    prior: Model | None = None,
) -> tuple[Calibrator, Floats]:
    """Fits on out-of-fold scores (n,), what was played (n,) and the fold of each decision (m,).

    Returns the calibrator, and probabilities (n,) by calibrators that had not seen the fold either. Trees are added to
    what `prior` says.
    """
    rate = base_rate(played)
    if not played.any() or played.all() or len(played) < 20:
        nothing = Calibrator(None, rate, prior)
        return nothing, nothing.probability(score, C, offsets)
    inputs = play_inputs(score, C, offsets, best_first(score, offsets))
    start = None if prior is None else logit(prior.run(inputs))
    given = parameters(
        len(played),
        objective="binary",
        num_leaves=LEAVES,
        learning_rate=0.2,
        monotone_constraints=[_RISING[name] for name in STANDING_NAMES] + [0] * len(features.CONTEXT_NAMES),
        monotone_constraints_method="advanced",
        feature_fraction=1.0,  # held monotone, what one tree overdoes another can undo with the same columns alone
    )
    rows = np.repeat(fold, np.diff(offsets))
    booster, unseen = boost_chosen(given, inputs, played, rows, TREES, start, on_tree)
    return Calibrator(booster, rate, prior), unseen
