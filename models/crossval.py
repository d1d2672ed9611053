"""Scores decisions by models that have not seen them: by household in K folds, or the later ones by the earlier.

Everything such models know, the population statistics and the calibration included, comes from what they may see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from models import baselines, training
from models.boosting import base_rate
from models.calibration import Calibrator
from models.continuation import Continuation, ProductCalibration
from models.evaluation import Judged
from models.examples import Bools, Examples, Ints, Longs, Plays
from models.folds import by_household
from models.prior import Prior
from models.ranking import Ranker
from models.training import Models, Scored, Tick
from streams import population
from streams.catalog import Catalog

LATER_SHARE = 0.2  # of the decisions, the last in time, are held out by the time split


@dataclass(frozen=True, slots=True)
class ByFolds:
    """Every decision, judged by models that have not seen its household."""

    judged: Judged
    fold: Ints  # (m,)
    models: Mapping[int, Models]  # by the fold that they have not seen


def by_folds(
    examples: Examples,
    plays: Plays,
    k: int,
    catalog: Catalog | None = None,
    tick: Tick | None = None,
    prior: Prior | None = None,
) -> ByFolds:
    """Judges in k folds.

    With fewer households than folds some folds stay empty; a household alone is scored in recency order, or by the
    prior, since nobody is left to learn from.
    """
    fold = by_household(examples.households(), k)
    trained = {}
    for number in np.unique(fold).tolist():
        held_out = fold == number
        households = np.unique(examples.households()[held_out])
        others = plays.select(~np.isin(plays.households(), households))
        trained[number] = _train(examples, others, ~held_out, catalog, tick, prior)
    return ByFolds(judge(examples, [(fold == number, models) for number, models in trained.items()]), fold, trained)


def by_time(
    examples: Examples,
    plays: Plays,
    catalog: Catalog | None = None,
    tick: Tick | None = None,
    prior: Prior | None = None,
) -> tuple[Judged, Bools, Models]:
    """The later decisions judged by models of the earlier ones, which of all (m,) these are, and the models."""
    later = later_decisions(examples.ts)
    begins = int(examples.ts[later].min())
    models = _train(examples, plays.select(plays.ts < begins), ~later, catalog, tick, prior)
    judged = examples.select(later)
    return judge(judged, [(np.ones(len(judged), np.bool_), models)]), later, models


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


def _train(
    examples: Examples, plays: Plays, seen: Bools, catalog: Catalog | None, tick: Tick | None, prior: Prior | None
) -> Models:
    return training.train(examples.select(seen), plays, catalog, tick, prior) if seen.any() else untrained(prior)


def untrained(prior: Prior | None = None) -> Models:
    """What there is before anything was learned: the prior, or recency and even chances."""
    even = base_rate(np.zeros(0, np.bool_))
    if prior is None:
        recency = Ranker("recency", None)
        return Models(recency, Calibrator(None, even), Continuation(ProductCalibration(), None), population.empty(), {})
    return Models(
        Ranker(prior.kind, None, prior.ranker),
        Calibrator(None, even, prior.play_probability),
        Continuation(ProductCalibration(), None, prior.continuation),
        prior.population,
        {},
    )
