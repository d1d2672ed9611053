"""What scored decisions are worth: the model beside the baselines, as a whole and in parts.

The order is judged over continuation decisions, probabilities over all. Intervals draw households, not decisions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import metrics
from models.examples import Bools, Doubles, Examples, Floats, Longs
from models.training import Scored
from streams.events import DEVICES
from streams.localtime import DAY_MS

MODEL: Final = "model"
RECENCY: Final = "recency"
WITH_INTERVAL: Final = ("precision_at_1", "mrr")
PERIOD_DECISIONS: Final = 30  # a point of the figure over time stands for at least so many, as a rule
PERIODS_DAYS: Final = {"day": 1, "week": 7, "four weeks": 28, "quarter": 91, "year": 364}
HISTORY_BOUNDS: Final = (0, 5, 20, 50, 100, 500)
HOUR_BOUNDS: Final = (0, 3, 6, 9, 12, 15, 18, 21)


@dataclass(frozen=True, slots=True)
class Judged:
    """Decisions with what models and baselines made of them."""

    examples: Examples
    scored: Scored
    baselines: Mapping[str, Floats]  # name -> (n,), recency among them


def evaluate(judged: Judged) -> dict[str, Any]:
    """All figures as plain numbers and lists, ready for JSON. Needs at least one decision."""
    examples = judged.examples
    scores = {MODEL: judged.scored.score, **judged.baselines}
    offsets, played = examples.offsets, examples.played
    ranks = {
        name: metrics.rank_of_played(score, examples.recency_rank, played, offsets) for name, score in scores.items()
    }
    continued = examples.continued
    household = np.unique(examples.households(), return_inverse=True)[1].astype(np.int64)
    right = {name: (rank == 1).astype(np.float64) for name, rank in ranks.items()}
    wrong_by_recency = continued & (ranks[RECENCY] > 1)
    right_by_recency = continued & (ranks[RECENCY] == 1)
    return {
        "decisions": len(examples),
        "continued": int(continued.sum()),
        "continued_share": _mean(continued),
        "households": len(np.unique(household)),
        "members": len(np.unique(examples.member)),
        "candidates": len(examples.show),
        "candidates_median": float(np.median(examples.sizes)),
        "first_day": _day(int(examples.ts.min())),
        "last_day": _day(int(examples.ts.max())),
        "order": {
            name: _order(rank[continued], ranks[RECENCY][continued], household[continued])
            for name, rank in ranks.items()
        },
        "where_recency_is_wrong": {
            "decisions": int(wrong_by_recency.sum()),
            "mended_share": _mean(right[MODEL][wrong_by_recency]),
            "mrr": _mean(metrics.reciprocal(ranks[MODEL])[wrong_by_recency]),
            "recency_mrr": _mean(metrics.reciprocal(ranks[RECENCY])[wrong_by_recency]),
        },
        "where_recency_is_right": {
            "decisions": int(right_by_recency.sum()),
            "broken_share": _mean(1 - right[MODEL][right_by_recency]),
        },
        "by_day": _by_period(examples.ts, continued, right, 1),
        "over_time": _over_time(examples.ts, continued, right),
        "by_device": _parts([(name, examples.device == code) for code, name in enumerate(DEVICES)], continued, right),
        "by_history": _parts(ranges(examples.history.astype(np.int64), HISTORY_BOUNDS), continued, right),
        "by_hour": _parts(ranges(examples.hour, HOUR_BOUNDS, last=24), continued, right),
        "by_candidates": _parts(ranges(examples.sizes, (1, 2, 3, 6, 11, 21)), continued, right),
        "play_probability": _probability(judged.scored.play, played, None)
        | {"log_loss_of_base_rate": _mean(metrics.log_losses(np.full(len(played), played.mean()), played))},
        "continuation": {
            "classifier": _probability(judged.scored.continuation, continued, household),
            "product": _probability(judged.scored.product, continued, household),
            "product_uncalibrated": _probability(judged.scored.product_raw, continued, household),
        },
    }


def _order(ranks: Longs, recency: Longs, household: Longs) -> dict[str, Any]:
    """Figures of an order by the places (m,) that it gave; `recency` has those that recency gave."""
    figures, beside = _figures(ranks), _figures(recency)
    return {
        **{name: _mean(values) for name, values in figures.items()},
        "interval": {name: _interval(figures[name], household) for name in WITH_INTERVAL},
        "over_recency": {
            name: {
                "mean": _mean(figures[name] - beside[name]),
                "interval": _interval(figures[name] - beside[name], household),
            }
            for name in WITH_INTERVAL
        },
    }


def _figures(ranks: Longs) -> dict[str, Doubles]:
    return {
        "precision_at_1": (ranks == 1).astype(np.float64),
        "mrr": metrics.reciprocal(ranks),
        "ndcg_at_5": metrics.gain_at(ranks, 5),
        "hits_at_3": (ranks <= 3).astype(np.float64),
        "hits_at_5": (ranks <= 5).astype(np.float64),
    }


def _interval(values: Doubles, household: Longs) -> tuple[float, float] | None:
    return metrics.interval(values, household) if len(values) else None


def _probability(p: Floats, happened: Bools, household: Longs | None) -> dict[str, Any]:
    losses = metrics.log_losses(p, happened)
    return {
        "log_loss": _mean(losses),
        "log_loss_interval": metrics.interval(losses, household) if household is not None else None,
        "auc": metrics.auc(p, happened),
        "calibration_error": metrics.calibration_error(p, happened),
        "calibration_error_by_chance": metrics.calibration_error_by_chance(p),
        "calibration": [
            {"probability": mean, "share": share, "count": count}
            for mean, share, count in metrics.calibration_bins(p, happened)
        ],
    }


def _by_period(ts: Longs, continued: Bools, right: Mapping[str, Doubles], days: int) -> list[dict[str, Any]]:
    """Precision at 1 of model and recency in each stretch of `days` days (UTC) that has continuation decisions."""
    if not continued.any():
        return []
    period = (ts[continued] // (DAY_MS * days)).astype(np.int64)
    periods, index, counts = np.unique(period, return_inverse=True, return_counts=True)
    means = {name: np.bincount(index, weights=right[name][continued]) / counts for name in (MODEL, RECENCY)}
    return [
        {
            "day": _day(int(number) * DAY_MS * days),
            "decisions": int(counts[at]),
            MODEL: float(means[MODEL][at]),
            RECENCY: float(means[RECENCY][at]),
        }
        for at, number in enumerate(periods)
    ]


def _over_time(ts: Longs, continued: Bools, right: Mapping[str, Doubles]) -> dict[str, Any]:
    """The figure by day, or by the shortest of longer stretches whose points stand for enough decisions."""
    series = {period: _by_period(ts, continued, right, days) for period, days in PERIODS_DAYS.items()}
    for period, points in series.items():
        if points and np.median([point["decisions"] for point in points]) >= PERIOD_DECISIONS:
            return {"period": period, "points": points}
    return {"period": "day", "points": series["day"]}


def ranges(values: NDArray[np.integer], bounds: tuple[int, ...], last: int | None = None) -> list[tuple[str, Bools]]:
    """Named masks of `values` between neighbouring bounds, the last range open unless `last` closes it."""
    parts = []
    for low, high in zip(bounds, (*bounds[1:], last), strict=True):
        label = f"{low}+" if high is None else f"{low}" if high == low + 1 else f"{low}–{high - 1}"
        parts.append((label, (values >= low) & (values < high) if high is not None else values >= low))
    return parts


def _parts(parts: list[tuple[str, Bools]], continued: Bools, right: Mapping[str, Doubles]) -> list[dict[str, Any]]:
    result = []
    for label, mask in parts:
        chosen = mask & continued
        if chosen.any():
            figures = {name: float(right[name][chosen].mean()) for name in (MODEL, RECENCY)}
            result.append({"part": label, "decisions": int(chosen.sum()), **figures})
    return result


def _mean(values: NDArray[np.generic]) -> float | None:
    return float(values.mean(dtype=np.float64)) if len(values) else None


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
