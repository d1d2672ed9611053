"""What title vectors add to the order: models with and without them, on the same later sessions.

Vectors should help where nothing else is known yet, so the figures are also given by how many members have played the
show that was wanted, and by how many plays the member had made. Intervals draw households.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from models import crossval, metrics
from models.evaluation import Judged, ranges
from models.examples import Bools, Doubles, Examples, Longs, Plays
from models.prior import Prior
from streams.catalog import Catalog
from streams.vectors import Vectors

SHOW_BOUNDS: Final = (0, 1, 5, 20, 100)  # members who have played the show
MEMBER_BOUNDS: Final = (0, 5, 20, 100)  # plays of the member


def measure(
    later: Judged,
    examples: Examples,
    plays: Plays,
    catalog: Catalog,
    tick: Callable[[], None] | None,
    prior: Prior | None,
) -> dict[str, Any] | None:
    """The figures for report.json; None where there are no vectors. `later` is what models with vectors made of the
    later sessions; this trains those without, on the same sessions before."""
    vectors = catalog.vectors or (prior.population.vectors if prior is not None else Vectors())
    if not vectors:
        return None
    if prior is not None:
        prior = replace(prior, population=replace(prior.population, vectors=Vectors()))
    without, _, _ = crossval.by_time(examples, plays, replace(catalog, vectors=Vectors()), tick, prior)
    shows = [examples.shows[show] for show in np.unique(examples.show)]
    begins = int(later.examples.ts.min())
    figures = compare(later, without, members_before(plays, later.examples, begins))
    known = int((vectors.rows(shows) >= 0).sum())
    return {
        "titles": len(vectors.index),
        "dims": vectors.table.shape[1],
        "shows": len(shows),
        "known": known,
        **figures,
    }


def members_before(plays: Plays, examples: Examples, begins: int) -> Longs:
    """(m,) members who had played each decision's first show before `begins`, ms."""
    before = plays.ts < begins
    pairs = np.unique(plays.show[before].astype(np.int64) * len(plays.members) + plays.member[before])
    count = np.bincount(pairs // max(1, len(plays.members)), minlength=len(plays.shows))
    by_id = dict(zip(plays.shows.tolist(), count.tolist(), strict=True))
    return np.array([by_id.get(show, 0) for show in examples.shows.tolist()], np.int64)[examples.first_show]


def compare(judged: Judged, without: Judged, members: Longs) -> dict[str, Any]:
    """Both orders over the decisions (m,) that went on with something, and over all of them how well it was said
    whether they would; `members` is (m,)."""
    examples = judged.examples
    continued = examples.continued
    household = np.unique(examples.households(), return_inverse=True)[1].astype(np.int64)
    ours, theirs = (
        metrics.rank_of_played(of.scored.score, examples.recency_rank, examples.played, examples.offsets)
        for of in (judged, without)
    )

    def part(name: str, mask: Bools) -> dict[str, Any]:
        chosen = mask & continued
        return {
            "part": name,
            "decisions": int(chosen.sum()),
            "mrr": _pair(metrics.reciprocal(ours[chosen]), metrics.reciprocal(theirs[chosen]), household[chosen]),
            "precision_at_1": _pair(_first(ours[chosen]), _first(theirs[chosen]), household[chosen]),
        }

    losses = [metrics.log_losses(of.scored.continuation, continued) for of in (judged, without)]
    return {
        "continuation_log_loss": _pair(losses[0], losses[1], household),
        "all": part("all", np.ones(len(examples), np.bool_)),
        "by_show": [part(*each) for each in ranges(members, SHOW_BOUNDS) if (each[1] & continued).any()],
        "by_member": [
            part(*each)
            for each in ranges(examples.history.astype(np.int64), MEMBER_BOUNDS)
            if (each[1] & continued).any()
        ],
    }


def _first(ranks: Longs) -> Doubles:
    first: Doubles = (ranks == 1).astype(np.float64)
    return first


def _pair(with_: Doubles, without: Doubles, household: Longs) -> dict[str, Any]:
    """The mean of a figure with vectors, without, what they add to it, and the 95 % interval of that."""
    if not len(with_):
        return {"with": None, "without": None, "added": None, "interval": None}
    return {
        "with": float(with_.mean()),
        "without": float(without.mean()),
        "added": float((with_ - without).mean()),
        "interval": metrics.interval(with_ - without, household),
    }
