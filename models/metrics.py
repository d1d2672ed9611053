"""Figures of merit, each a plain function of arrays.

Order is judged over continuation decisions: those whose first play was one of the candidates. Ties are broken by
recency, as the row does. Probabilities are judged over all decisions.
"""

import numpy as np
from numpy.typing import NDArray

from models.examples import Bools, Doubles, Longs


def ordered(score: NDArray[np.floating], recency_rank: Longs, offsets: Longs) -> Longs:
    """(n,) row numbers, decision after decision, best first."""
    decision = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.lexsort((recency_rank, -score, decision))


def rank_of_played(score: NDArray[np.floating], recency_rank: Longs, played: Bools, offsets: Longs) -> Longs:
    """(m,) place of the played show in its decision, 1 is first; 0 where none of the candidates was played."""
    order = ordered(score, recency_rank, offsets)
    place = np.arange(len(order)) - np.repeat(offsets[:-1], np.diff(offsets)) + 1
    ranks = np.where(played[order], place, 0)
    return np.add.reduceat(ranks, offsets[:-1]) if len(offsets) > 1 else np.zeros(0, np.int64)


def reciprocal(ranks: Longs) -> Doubles:
    """(m,) 1 / rank, 0 where the rank is 0: its mean is the MRR."""
    return np.where(ranks > 0, 1.0 / np.maximum(ranks, 1), 0.0)


def gain_at(ranks: Longs, k: int) -> Doubles:
    """(m,) NDCG@k of decisions with one relevant candidate: 1 / log2(1 + rank) within the first k, else 0.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; the ideal gain is 1.
    """
    return np.where((ranks > 0) & (ranks <= k), 1.0 / np.log2(1.0 + np.maximum(ranks, 1)), 0.0)


def log_losses(probability: NDArray[np.floating], happened: Bools) -> Doubles:
    """(n,) -ln of the probability given to what happened, cut at 1e-7."""
    p = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return -np.log(np.where(happened, p, 1 - p))


def auc(score: NDArray[np.floating], happened: Bools) -> float | None:
    """Area under the ROC curve by the rank sum, ties counting half; None where one class is missing."""
    positives = int(happened.sum())
    negatives = len(happened) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2
    rank_sum = mean_rank[inverse][happened].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_bins(
    probability: NDArray[np.floating], happened: Bools, bins: int = 15
) -> list[tuple[float, float, int]]:
    """(mean probability, share that happened, count) of each filled bin of equal width from 0 to 1."""
    which = np.minimum((probability * bins).astype(np.int64), bins - 1)
    counts = np.bincount(which, minlength=bins)
    means = np.bincount(which, weights=probability, minlength=bins)
    shares = np.bincount(which, weights=happened, minlength=bins)
    return [
        (float(means[b] / counts[b]), float(shares[b] / counts[b]), int(counts[b])) for b in range(bins) if counts[b]
    ]


def calibration_error(probability: NDArray[np.floating], happened: Bools, bins: int = 15) -> float | None:
    """Expected calibration error: mean distance of probability and share over the bins, weighted by their counts.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015.
    """
    table = calibration_bins(probability, happened, bins)
    total = sum(count for _, _, count in table)
    return sum(abs(p - share) * count for p, share, count in table) / total if total else None


def calibration_error_by_chance(probability: NDArray[np.floating], bins: int = 15) -> float | None:
    """The calibration error that probabilities which are exactly right show on average, by chance alone.

    What happens in a bin then differs from what was said by sqrt(sum p (1 − p)), a normal deviation whose mean distance
    from 0 is sqrt(2 / π) of that. Decisions count as independent; those of a household are not quite.
    """
    if not len(probability):
        return None
    p = probability.astype(np.float64)
    which = np.minimum((p * bins).astype(np.int64), bins - 1)
    variances = np.bincount(which, weights=p * (1 - p), minlength=bins)
    return float(np.sqrt(2 / np.pi * variances).sum() / len(p))


def interval(values: Doubles, household: Longs, seed: int = 1, draws: int = 1000) -> tuple[float, float] | None:
    """95 % bootstrap interval of the mean of `values`, drawing whole households; None below five households.

    A household's decisions are alike, so drawing decisions one by one would claim too much.
    """
    houses, index = np.unique(household, return_inverse=True)
    if len(houses) < 5:
        return None
    sums = np.bincount(index, weights=values)
    counts = np.bincount(index)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(houses), np.full(len(houses), 1 / len(houses)), size=draws)
    means = (weights @ sums) / (weights @ counts)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
