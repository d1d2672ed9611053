"""How good estimates of audiences are, on titles held out as if they had not been launched."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from models.boosting import SEED
from models.examples import Bools, Doubles, Longs
from models.metrics import interval
from models.titles import sizing_baselines
from models.titles.audience import AudienceTable
from models.titles.bags import Bags
from models.titles.sizing import ENOUGH, SHARE, STEPS, Sizing
from models.titles.sizing_features import Described
from models.titles.sizing_vectors import BAGS
from streams.errors import CommandError

FOLDS: Final = 5
LATEST: Final = 0.2  # of the titles with a year: those held out in the split by time
MODEL, WITHOUT = "model", "model_without_vectors"
_ENOUGH_IN_COUNTRY: Final = 10

Tick = Callable[[], None]
Counter = Callable[[str, int], Tick]


def evaluate(described: Described, table: AudienceTable, counter: Counter) -> dict[str, Any]:
    """Figures of the model and the baselines, in folds by title and in a split by year of release.

    Errors are of ln(1 + audience). Raises CommandError where there are too few titles.
    """
    launched = table.launched
    if len(launched) - -(-len(launched) // FOLDS) < ENOUGH:
        raise CommandError(
            f"{len(launched)} titles have an audience; with a fifth of them held out, fewer than {ENOUGH} are left to "
            "learn from"
        )
    fold = np.zeros(table.titles, np.int64)
    fold[launched] = np.random.default_rng(SEED).permutation(len(launched)) % FOLDS
    splits = [fold[table.title] == number for number in range(FOLDS)]
    later = _latest(described, launched)
    by_year = later[table.title] if later is not None else None
    words = _words(described)
    fits = 1 if set(described.views) <= set(BAGS) else 2
    tick = counter("Sizing titles held out", (len(splits) + (by_year is not None)) * (fits * STEPS + 3))
    told: dict[str, Doubles] = {}
    ends = np.zeros((2, len(table.title)))
    for held in splits:
        _held_out(described, table, held, words, told, ends, tick)
    report: dict[str, Any] = {
        "titles": len(launched),
        "countries": len(table.codes),
        "pairs": len(table.title),
        "views": list(described.views),
        "folds_by_title": _report(table, np.arange(len(table.title)), told, ends, fold[table.title]),
    }
    if by_year is not None:
        told, ends = {}, np.zeros((2, len(table.title)))
        _held_out(described, table, by_year, words, told, ends, tick)
        report["later_titles"] = _report(table, np.flatnonzero(by_year), told, ends, None)
        report["later_titles"]["released_from"] = int(described.years[table.title[by_year]].min())
    return report


def _held_out(
    described: Described,
    table: AudienceTable,
    held: Bools,
    words: Any,
    told: dict[str, Doubles],
    ends: Doubles,
    tick: Tick,
) -> None:
    """Fills in what each model says of the pairs `held`, having learned from the others."""
    learned, asked = table.select(~held), table.select(held)
    rows, at = np.unique(asked.title, return_inverse=True)
    said: dict[str, Doubles] = {}
    model = Sizing.learn(described, learned, tick)
    estimate = model.estimate(described.rows(rows), rows, at, asked.country)
    said[MODEL], ends[:, held] = estimate.middle, (estimate.low, estimate.high)
    if not set(described.views) <= set(BAGS):
        if set(model.features.views) <= set(BAGS):  # it found no vectors that help
            said[WITHOUT] = said[MODEL]
            for _ in range(STEPS):
                tick()
        else:
            seen = described.only(BAGS)
            said[WITHOUT] = Sizing.learn(seen, learned, tick).estimate(seen.rows(rows), rows, at, asked.country).middle
    said |= sizing_baselines.means(described, learned, asked)
    tick()
    said["nearest_tfidf"] = sizing_baselines.nearest(words, learned, asked)
    tick()
    said["boosting_raw_fields"] = sizing_baselines.boosting(described, learned, asked)
    tick()
    for name, values in said.items():
        told.setdefault(name, np.zeros(len(table.title)))[held] = values


def _report(
    table: AudienceTable, pairs: Longs, told: dict[str, Doubles], ends: Doubles, groups: Longs | None
) -> dict[str, Any]:
    actual, title, country = table.log_size[pairs], table.title[pairs], table.country[pairs]
    models: dict[str, Any] = {}
    for name, values in told.items():
        models[name] = figures(values[pairs], actual, title, country)
        if name == MODEL:
            low, high = ends[:, pairs]
        elif groups is not None:
            low, high = _constant(values[pairs], actual, groups[pairs])
        else:
            continue
        models[name] |= held(low, high, actual)
    model = told[MODEL][pairs]
    gains = {
        name: gain(np.abs(values[pairs] - actual) - np.abs(model - actual), title)
        for name, values in told.items()
        if name != MODEL
    }
    return {"titles": len(np.unique(title)), "pairs": len(pairs), "models": models, "mae_gain_of_model_over": gains}


def figures(told: Doubles, actual: Doubles, title: Longs, country: Longs) -> dict[str, float | None]:
    """Errors of ln(1 + audience), and rank correlations: over all pairs, mean of those within countries, of titles."""
    error = told - actual
    within = [
        rank_correlation(told[here], actual[here])
        for code in np.unique(country)
        if (here := country == code).sum() >= _ENOUGH_IN_COUNTRY
    ]
    counted = [value for value in within if value is not None]
    _, at = np.unique(title, return_inverse=True)
    means = [np.bincount(at, values) / np.bincount(at) for values in (told, actual)]
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "median_factor": float(np.exp(np.median(np.abs(error)))),
        "spearman": rank_correlation(told, actual),
        "spearman_within_country": float(np.mean(counted)) if counted else None,
        "spearman_of_titles": rank_correlation(*means),
    }


def held(low: Doubles, high: Doubles, actual: Doubles) -> dict[str, float]:
    """How often the audience lies in the interval, asked for SHARE, and how wide that is, in ln(1 + audience)."""
    return {
        "interval_asked": SHARE,
        "interval_coverage": float(((low <= actual) & (actual <= high)).mean()),
        "interval_width": float((high - low).mean()),
        "interval_factor": float(np.exp(np.median(high - low) / 2)),
    }


def gain(less: Doubles, title: Longs) -> dict[str, float | None]:
    """A mean over pairs with its 95 % interval, by bootstrap over titles."""
    ends = interval(less, title)
    low, high = ends if ends is not None else (None, None)
    return {"mean": float(less.mean()), "low": low, "high": high}


def rank_correlation(told: Doubles, actual: Doubles) -> float | None:
    """Spearman's; None where one side is all the same."""
    from scipy.stats import rankdata

    if np.ptp(told) < 1e-12 or np.ptp(actual) < 1e-12:
        return None
    return float(np.corrcoef(rankdata(told), rankdata(actual))[0, 1])


def _constant(told: Doubles, actual: Doubles, groups: Longs) -> tuple[Doubles, Doubles]:
    """An interval as wide everywhere, from the errors in other folds."""
    low, high = np.zeros((2, len(told)))
    for group in np.unique(groups):
        here = groups == group
        ends = np.quantile((actual - told)[~here], [(1 - SHARE) / 2, (1 + SHARE) / 2])
        low[here], high[here] = told[here] + ends[0], told[here] + ends[1]
    return low, high


def _latest(described: Described, launched: Longs) -> Bools | None:
    """The titles (n,) of the last years, about LATEST of those with a year; None where years tell nothing."""
    years = described.years
    known = np.sort(years[launched][~np.isnan(years[launched])])
    if len(known) < len(launched) / 2 or known[0] == known[-1]:
        return None
    first = known[int(len(known) * (1 - LATEST))]
    late = np.nan_to_num(years, nan=-1.0) >= first
    if late[launched].mean() > 0.5:  # so many in one year: only those after it
        late = np.nan_to_num(years, nan=-1.0) > first
    if not 10 <= late[launched].sum() <= len(launched) - 60:
        return None
    return np.asarray(late)


def _words(described: Described) -> Any:
    from scipy.sparse import csr_matrix, hstack

    bags = list(Bags.learn(described.titles).vectors(described.titles).values())
    return hstack(bags).tocsr() if bags else csr_matrix((len(described.titles), 1))
