"""Trains everything of a bundle from examples and viewings, and scores with what was trained.

What one model learns from another's output is always output on households that the other had not seen: population
statistics, ranker scores and play probabilities are made fold by fold inside the training data. Otherwise a model
would learn to trust its input more than it deserves in service.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from models import calibration, continuation, folds, matrix, metrics, population, ranking
from models.calibration import Calibrator
from models.continuation import Continuation
from models.examples import Examples, Floats, Ints, Longs, Plays
from models.prior import Prior
from models.ranking import KIND, RECENCY, Ranker
from streams import features
from streams.catalog import Catalog
from streams.population import Population
from streams.scoring.aggregate import any_of

INNER_FOLDS: Final = 3
POPULATION_FOLDS: Final = 10
NAMED_BELOW: Final = 300  # households; with fewer, what hardly changes within one tells which it is, and is left out
_NAMING: Final = [features.CONTEXT_NAMES.index(name) for name in ("country", "signed_up")]
ADDED_TREES: Final = (5, 10, 20, 40, 80)  # numbers of trees over a prior's that are tried
SCORED_AT_ONCE: Final = 50_000  # decisions
STANDING_DECISIONS: Final = 150_000  # about so many, spread over all, teach the play probability and continuation
TICKS: Final = (
    INNER_FOLDS * (ranking.TREES + calibration.TREES + continuation.TREES) + calibration.TREES + 2 * continuation.TREES
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
    choice: dict[str, float]  # MRR of the ranker and of recency on households not seen, by which one was taken

    def score(self, examples: Examples) -> Scored:
        """Scores all decisions with LightGBM itself, some at a time."""
        number = np.arange(len(examples)) // SCORED_AT_ONCE
        if len(number) and number[-1]:
            parts = [self.score(examples.select(number == each)) for each in range(number[-1] + 1)]
            names = [field.name for field in fields(Scored)]
            return Scored(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
        X, C = examples.matrices(self.population)
        offsets = examples.offsets
        score = self.ranker.score(X)
        play = self.calibrator.probability(score, C, offsets)
        chance = self.continuation.probability(X, C, score, play, offsets)
        product = any_of(play, offsets)
        return Scored(score, play, chance, self.continuation.product.probability(product), product)


def train(
    examples: Examples,
    plays: Plays,
    catalog: Catalog | None = None,
    tick: Tick | None = None,
    prior: Prior | None = None,
) -> Models:
    """Trains on at least one decision; `plays` are the viewings of the same households in the same time.

    `tick` is called after every tree, at most TICKS times. With little data the models are modest ones: recency for
    the order, the base rate for a probability; with a prior, the prior's.
    """
    fold = folds.inner(examples.households(), examples.members[examples.member], examples.ts, INNER_FOLDS)
    X, C = cross_fitted(examples, plays, catalog, _population_folds(examples, fold), prior)
    offsets, played, sizes = examples.offsets, examples.played, examples.sizes
    if prior is not None:
        score, trees, choice = _added_to(prior, examples, X, fold, tick)
        ranker = ranking.train(X, sizes, played, tick, trees, prior.ranker)
    else:
        score, ranker, choice = _in_folds(examples, X, fold, tick)
    some = np.arange(len(examples)) % (1 + (len(examples) - 1) // STANDING_DECISIONS) == 0
    if not some.all():  # how scores stand among each other takes no more than that to learn
        rows = np.repeat(some, sizes)
        examples, fold, C, X, score = examples.select(some), fold[some], C[some], X[rows], score[rows]
        offsets, played = examples.offsets, examples.played
    calibrator, play = calibration.train(
        score, C, offsets, played, fold, tick, prior.play_probability if prior is not None else None
    )
    chance = continuation.train(
        X, C, score, play, offsets, examples.continued, fold, tick, prior.continuation if prior is not None else None
    )
    return Models(ranker, calibrator, chance, _population(plays, catalog, prior), choice)


def _population(plays: Plays, catalog: Catalog | None, prior: Prior | None) -> Population:
    own = population.of_plays(plays, catalog)
    return own if prior is None else population.pooled(own, prior.population)


def _population_folds(examples: Examples, fold: Ints) -> Ints:
    """(m,) more folds than rankers have: statistics are cheap, and in service they lack one household alone."""
    for names in (examples.households(), examples.members[examples.member]):
        groups = min(len(np.unique(names)), POPULATION_FOLDS)
        if groups >= INNER_FOLDS:
            return folds.by_household(names, groups)
    return fold


def cross_fitted(
    examples: Examples, plays: Plays, catalog: Catalog | None, fold: Ints, prior: Prior | None = None
) -> tuple[Floats, Floats]:
    """X and C, the population statistics in each fold's rows from the other folds' viewings."""
    X = matrix.empty(len(examples.show), len(features.NAMES))
    C = np.empty((len(examples), len(features.CONTEXT_NAMES)), np.float32)
    fold_of_member = _fold_of_member(examples, fold)
    for number in np.unique(fold):
        decisions = fold == number
        elsewhere = np.zeros(len(plays.members), np.bool_)  # folds by time: nobody else tells anything
        if fold_of_member is not None:
            elsewhere = ~np.isin(plays.members, examples.members[fold_of_member == number])
        others = _population(plays.select(elsewhere[plays.member]), catalog, prior)
        rows = np.repeat(decisions, examples.sizes)
        X[rows], C[decisions] = examples.select(decisions).matrices(others)
    if len(np.unique(examples.households())) < NAMED_BELOW:
        C[:, _NAMING] = 0.0  # without a difference there is no split
    return X, C


def _fold_of_member(examples: Examples, fold: Ints) -> Ints | None:
    """(members,) the fold of each member, -1 for one without a decision; None where folds split members."""
    result = np.full(len(examples.members), -1, np.int32)
    result[examples.member] = fold
    return result if np.array_equal(result[examples.member], fold) else None


def _in_folds(examples: Examples, X: Floats, fold: Ints, tick: Tick | None) -> tuple[Floats, Ranker, dict[str, float]]:
    """Scores (n,) by rankers that had not seen the fold, the mean of these rankers, and the MRR beside recency's."""
    recency = -examples.recency_rank.astype(np.float32)
    score, rankers = recency.copy(), []
    for number in np.unique(fold):
        held_out = fold == number
        rows = np.repeat(held_out, examples.sizes)
        if not rows.all():
            ranker = ranking.train(X[~rows], examples.sizes[~held_out], examples.played[~rows], tick)
            score[rows] = ranker.score(X[rows])
            rankers.append(ranker)
    ranker = ranking.mean(rankers)
    choice = {name: mean_reciprocal_rank(examples, of) for name, of in ((KIND, score), (RECENCY, recency))}
    if ranker.booster is None or choice[KIND] <= choice[RECENCY]:  # among equals recency: it needs no model
        return recency, Ranker(RECENCY, None), choice
    return score, ranker, choice


def _added_to(
    prior: Prior, examples: Examples, X: Floats, fold: Ints, tick: Tick | None
) -> tuple[Floats, int, dict[str, float]]:
    """Scores by the prior with trees that had not seen the fold, how many of them are best, the MRR of each number."""
    scores = {0: prior.ranker.run(X)}
    scores |= {trees: scores[0].copy() for trees in ADDED_TREES}
    for number in np.unique(fold):
        rows = np.repeat(fold == number, examples.sizes)
        if rows.all():
            continue
        sizes, played = examples.sizes[fold != number], examples.played[~rows]
        ranker = ranking.train(X[~rows], sizes, played, tick, max(ADDED_TREES), prior.ranker)
        for trees in ADDED_TREES:
            scores[trees][rows] = ranker.score(X[rows], trees)
    choice = {trees: mean_reciprocal_rank(examples, score) for trees, score in scores.items()}
    best = max(choice, key=lambda trees: choice[trees])  # among equals the fewest
    return scores[best], best, {f"prior + {trees}": mrr for trees, mrr in choice.items()}


def mean_reciprocal_rank(examples: Examples, score: Floats) -> float:
    """MRR of continuation decisions by scores (n,); 0 where there are none."""
    ranks: Longs = metrics.rank_of_played(score, examples.recency_rank, examples.played, examples.offsets)
    return float(metrics.reciprocal(ranks[ranks > 0]).mean()) if (ranks > 0).any() else 0.0
