"""Scores decisions by models that have not seen them: by household in K folds, or the later ones by the earlier.

Everything such models know, the population statistics and the calibration included, comes from what they may see.
"""

from dataclasses import fields

import numpy as np

from models import baselines, training
from models.boosting import base_rate
from models.calibration import Calibrator
from models.continuation import Continuation, ProductCalibration
from models.evaluation import Judged
from models.examples import Bools, Examples, Ints, Longs, Plays
from models.folds import by_household
from models.ranking import Ranker
from models.training import Models, Scored, Tick
from streams import population
from streams.catalog import Catalog

LATER_SHARE = 0.2  # of the decisions, the last in time, are held out by the time split


def by_folds(
    examples: Examples, plays: Plays, k: int, catalog: Catalog | None = None, tick: Tick | None = None
) -> tuple[Judged, Ints]:
    """Every decision judged by models that have not seen its household, and the fold (m,) of each.

    With fewer households than folds some folds stay empty; a household alone is scored in recency order, since nobody
    is left to learn from.
    """
    fold = by_household(examples.households(), k)
    parts = []
    for number in np.unique(fold):
        held_out = fold == number
        households = np.unique(examples.households()[held_out])
        others = plays.select(~np.isin(plays.households(), households))
        parts.append((held_out, _train(examples, others, ~held_out, catalog, tick)))
    return judge(examples, parts), fold


def by_time(
    examples: Examples, plays: Plays, catalog: Catalog | None = None, tick: Tick | None = None
) -> tuple[Judged, Bools]:
    """The later decisions judged by models of the earlier ones, and which of all (m,) these are."""
    later = later_decisions(examples.ts)
    begins = int(examples.ts[later].min())
    models = _train(examples, plays.select(plays.ts < begins), ~later, catalog, tick)
    judged = examples.select(later)
    return judge(judged, [(np.ones(len(judged), np.bool_), models)]), later


def later_decisions(ts: Longs) -> Bools:
    """(m,) the last fifth in time, at least one; decisions of the same moment stay on one side."""
    begins = np.sort(ts)[min(int(len(ts) * (1 - LATER_SHARE)), len(ts) - 1)]
    later: Bools = ts >= begins
    return later


def judge(examples: Examples, parts: list[tuple[Bools, Models]]) -> Judged:
    """Puts together what each part's models say of the decisions of its mask (m,); the masks cover all decisions."""
    m, n = len(examples), len(examples.show)
    of_candidates = {"score", "play"}
    scored = Scored(
        **{field.name: np.zeros(n if field.name in of_candidates else m, np.float32) for field in fields(Scored)}
    )
    orders = {name: np.zeros(n, np.float32) for name in baselines.NAMES}
    for held_out, models in parts:
        chosen = examples.select(held_out)
        rows = np.repeat(held_out, examples.sizes)
        said = models.score(chosen)
        for field in fields(Scored):
            mask = rows if field.name in of_candidates else held_out
            getattr(scored, field.name)[mask] = getattr(said, field.name)
        for name, order in orders.items():
            order[rows] = baselines.scores(name, chosen, models.population)
    return Judged(examples, scored, orders)


def _train(examples: Examples, plays: Plays, seen: Bools, catalog: Catalog | None, tick: Tick | None) -> Models:
    return training.train(examples.select(seen), plays, catalog, tick) if seen.any() else untrained()


def untrained() -> Models:
    """What there is before anything was learned: recency, and even chances."""
    return Models(
        Ranker("recency", None),
        Calibrator(None, base_rate(np.zeros(0, np.bool_))),
        Continuation(ProductCalibration(), None),
        population.empty(),
        {},
    )
