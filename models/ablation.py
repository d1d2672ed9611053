"""What each group of features is worth to the order: how much is lost without it, and what it gives recency alone.

Each figure comes from a small ranker of its own, trained on some thousand decisions and judged on households that it
has not seen; so the figures compare groups, and are below what the bundle reaches.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from models import folds, metrics, ranking, training
from models.examples import Doubles, Examples, Floats, Ints, Longs, Plays
from streams import features
from streams.catalog import Catalog

DECISIONS: Final = 5_000
ENOUGH: Final = 200  # decisions, below which there is nothing to compare
FOLDS: Final = 2
BASE: Final = "recency"  # the group that the others are added to
GROUPS: Final = tuple(dict.fromkeys(feature.group for feature in features.CANDIDATE_FEATURES))
FITS: Final = 2 * len(GROUPS) * FOLDS  # how often `tick` is called


def by_group(examples: Examples, plays: Plays, catalog: Catalog, tick: Callable[[], None]) -> dict[str, Any] | None:
    """MRR with all features, and for each group without it and with it and recency alone.

    The intervals are of what is lost without the group, drawing households. None where there is nothing to rank.
    """
    thin = np.arange(len(examples)) % max(1, len(examples) // DECISIONS) == 0
    few = examples.select(thin & examples.continued)
    if len(few) < ENOUGH:
        return None
    fold = folds.inner(few.households(), few.members[few.member], few.ts, FOLDS)
    X = np.asarray(training.cross_fitted(few, plays, catalog, fold)[0])
    household = np.unique(few.households(), return_inverse=True)[1].astype(np.int64)
    group_of = np.array([feature.group for feature in features.CANDIDATE_FEATURES])

    def reciprocal(columns: Longs) -> Doubles:
        return _reciprocal(few, X[:, columns], fold, tick)

    everything = reciprocal(np.arange(len(group_of)))
    alone = reciprocal(np.flatnonzero(group_of == BASE))
    parts = []
    for group in GROUPS:
        without = reciprocal(np.flatnonzero(group_of != group))
        added = alone if group == BASE else reciprocal(np.flatnonzero(np.isin(group_of, (BASE, group))))
        parts.append(
            {
                "group": group,
                "features": int((group_of == group).sum()),
                "mrr_without": float(without.mean()),
                "lost": float((everything - without).mean()),
                "lost_interval": metrics.interval(everything - without, household),
                "mrr_with_recency": float(added.mean()),
            }
        )
    return {
        "decisions": len(few),
        "trees": ranking.TREES,
        "mrr": float(everything.mean()),
        "groups": sorted(parts, key=lambda part: -part["lost"]),
    }


def _reciprocal(few: Examples, X: Floats, fold: Ints, tick: Callable[[], None]) -> Doubles:
    """(m,) 1 / rank by rankers that had not seen the fold."""
    score = np.zeros(len(X), np.float32)
    for number in range(FOLDS):
        held_out = fold == number
        rows = np.repeat(held_out, few.sizes)
        ranker = ranking.train(X[~rows], few.sizes[~held_out], few.played[~rows])
        score[rows] = ranker.score(X[rows])
        tick()
    ranks = metrics.rank_of_played(score, few.recency_rank, few.played, few.offsets)
    return metrics.reciprocal(ranks)
