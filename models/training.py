"""Trains everything of a bundle from examples and viewings, and scores with what was trained.

What one model learns from another's output is always output on households that the other had not seen: population
statistics, ranker scores and play probabilities are made fold by fold inside the training data. Otherwise a model
would learn to trust its input more than it deserves in service.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from models import calibration, continuation, folds, metrics, population, ranking
from models.calibration import Calibrator
from models.continuation import Continuation
from models.examples import Bools, Examples, Floats, Ints, Longs, Plays
from models.ranking import Ranker
from streams import features
from streams import population as stored
from streams.catalog import Catalog
from streams.population import Population
from streams.scoring.aggregate import any_of

INNER_FOLDS: Final = 3
CHOICE_DECISIONS: Final = 8_000  # about so many, spread over all, say which kind of ranker is taken
TICKS: Final = (len(ranking.KINDS) * INNER_FOLDS + 1) * ranking.TREES + (INNER_FOLDS + 1) * (
    calibration.TREES + continuation.TREES
)

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """What models say of m decisions with n candidates."""

    score: Floats  # (n,)
    play: Floats  # (n,) calibrated play probability
    continuation: Floats  # (m,) by the classifier
    product: Floats  # (m,) 1 − ∏(1 − p), calibrated
    product_raw: Floats  # (m,) as it comes


@dataclass(frozen=True, slots=True)
class Models:
    """All that scores a decision."""

    ranker: Ranker
    calibrator: Calibrator
    continuation: Continuation
    population: Population
    choice: dict[str, float]  # MRR of each kind of ranker on households it had not seen

    def score(self, examples: Examples) -> Scored:
        """Scores all decisions with LightGBM itself."""
        X, C = examples.matrices(self.population)
        offsets = examples.offsets
        score = self.ranker.score(X)
        play = self.calibrator.probability(score, C, offsets)
        chance = self.continuation.probability(X, C, score, play, offsets)
        product = any_of(play, offsets)
        return Scored(score, play, chance, self.continuation.product.probability(product), product)


def train(examples: Examples, plays: Plays, catalog: Catalog | None = None, tick: Tick | None = None) -> Models:
    """Trains on at least one decision; `plays` are the viewings of the same households in the same time.

    `tick` is called after every tree, at most TICKS times. With little data the models are modest ones: recency for
    the order, the base rate for a probability.
    """
    fold = folds.inner(examples.households(), examples.members[examples.member], examples.ts, INNER_FOLDS)
    X, C = _cross_fitted(examples, plays, catalog, fold)
    offsets, played, sizes = examples.offsets, examples.played, examples.sizes
    score, kind, choice = _out_of_fold(examples, X, fold, tick)
    calibrator, play = calibration.train(score, C, offsets, played, fold, tick)
    chance = continuation.train(X, C, score, play, offsets, examples.continued, fold, tick)
    ranker = ranking.train(kind, X, sizes, played, tick)
    return Models(ranker, calibrator, chance, population.of_plays(plays, catalog), choice)


def _cross_fitted(examples: Examples, plays: Plays, catalog: Catalog | None, fold: Ints) -> tuple[Floats, Floats]:
    """X and C, the population statistics in each fold's rows from the other folds' viewings."""
    X = np.empty((len(examples.show), len(features.NAMES)), np.float32)
    C = np.empty((len(examples), len(features.CONTEXT_NAMES)), np.float32)
    fold_of_member = _fold_of_member(examples, fold)
    for number in range(INNER_FOLDS):
        decisions = fold == number
        if not decisions.any():
            continue
        if fold_of_member is None:
            others = stored.empty()  # folds by time: nobody else tells anything
        else:
            elsewhere = ~np.isin(plays.members, examples.members[fold_of_member == number])
            others = population.of_plays(plays.select(elsewhere[plays.member]), catalog)
        rows = np.repeat(decisions, examples.sizes)
        X[rows], C[decisions] = examples.select(decisions).matrices(others)
    return X, C


def _fold_of_member(examples: Examples, fold: Ints) -> Ints | None:
    """(members,) the fold of each member, -1 for one without a decision; None where folds split members."""
    result = np.full(len(examples.members), -1, np.int32)
    result[examples.member] = fold
    return result if np.array_equal(result[examples.member], fold) else None


def _out_of_fold(examples: Examples, X: Floats, fold: Ints, tick: Tick | None) -> tuple[Floats, str, dict[str, float]]:
    """Scores of rankers that had not seen the fold, the kind of ranker chosen, the MRR of each kind."""
    thin: Bools = np.arange(len(examples)) % max(1, len(examples) // CHOICE_DECISIONS) == 0
    few = examples.select(thin)
    X_few = X if thin.all() else X[np.repeat(thin, examples.sizes)]
    scores = {kind: _by_fold(kind, few, X_few, fold[thin], tick) for kind in ranking.KINDS}
    scores["recency"] = -few.recency_rank.astype(np.float32)
    choice = {kind: _mrr(few, score) for kind, score in scores.items()}
    # Among equals recency: it needs no model.
    best = max(sorted(choice, key=lambda kind: kind != "recency"), key=lambda kind: choice[kind])
    return scores[best] if thin.all() else _by_fold(best, examples, X, fold, tick), best, choice


def _by_fold(kind: str, examples: Examples, X: Floats, fold: Ints, tick: Tick | None) -> Floats:
    """(n,) scores of rankers of one kind that had learned from the other folds."""
    score = -examples.recency_rank.astype(np.float32)
    if kind == "recency":
        return score
    sizes, played = examples.sizes, examples.played
    for number in np.unique(fold):
        held_out = fold == number
        rows = np.repeat(held_out, sizes)
        if not rows.all():
            ranker = ranking.train(kind, X[~rows], sizes[~held_out], played[~rows], tick)
            score[rows] = ranker.score(X[rows])
    return score


def _mrr(examples: Examples, score: Floats) -> float:
    ranks: Longs = metrics.rank_of_played(score, examples.recency_rank, examples.played, examples.offsets)
    return float(metrics.reciprocal(ranks[ranks > 0]).mean()) if (ranks > 0).any() else 0.0
