"""How large an audience a title not yet launched will have in a country, and how sure that is.

Trees (LightGBM) on ln(1 + audience) beyond what is usual in the country: some for how the title does everywhere, a row
a title, some for how it departs from that in a country, a row a pair. Each of FOLDS models learns without some of the
titles; their errors on those titles teach two more models how wide the estimate is spread (quantile regression), and
the spread is widened until it would have held the asked share of those errors (conformalised: Romano, Patterson and
Candès, "Conformalized quantile regression", 2019; across folds as in Barber and others, "Predictive inference with the
jackknife+", 2021).
"""

from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from threadpoolctl import threadpool_limits

from models.boosting import SEED
from models.examples import Bools, Doubles, Floats, Longs
from models.titles.audience import AudienceTable, usual_without
from models.titles.sizing_features import Described, Features, OfTitles, Tick
from streams.errors import CommandError

FOLDS: Final = 4
TREES: Final = 250
PATIENCE: Final = 30  # trees without a gain on held-out titles, after which no more are added
SHARE: Final = 0.8  # of titles whose audience the interval is to hold
ENOUGH: Final = 30  # titles, below which nothing is learned
STEPS: Final = FOLDS + 4  # calls of `tick` in a training
_LARGEST: Final = 80_000  # pairs that trees are learned from; of more, as many chosen by chance
_TREES: Final = {
    "learning_rate": 0.07,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
    "force_col_wise": True,
    "deterministic": True,
    "seed": SEED,
    "verbose": -1,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of m pairs, in ln(1 + audience): the estimate, and the ends of the interval that holds SHARE of such titles."""

    middle: Doubles
    low: Doubles
    high: Doubles


@dataclass(frozen=True, slots=True)
class Sizing:
    """The model. `features` says what it rests on."""

    features: Features
    fold: Longs  # (p,) of each past title: the models of this fold have not learned from it
    levels: list[lgb.Booster]  # by fold: how a title does everywhere
    departures: list[lgb.Booster]  # by fold: how it departs from that in a country; none where there is one country
    mix: Doubles  # (2, 2) of level and departure: the weights of trees and of the linear part
    spread: "Spread"

    @classmethod
    def learn(cls, described: Described, table: AudienceTable, tick: Tick | None = None) -> "Sizing":
        """Learns from past titles: `described` has those that `table` points into. Raises CommandError where too few
        have an audience."""
        launched = table.launched
        if len(launched) < ENOUGH:
            raise CommandError(f"{len(launched)} titles have an audience; below {ENOUGH} nothing is learned from them")
        tick = tick or _nothing
        with threadpool_limits(1, "blas"):  # many small solutions: of threads that wait for each other nothing comes
            features = Features(described, table)
        tick()
        titles = features.of_titles(described.rows(launched), launched)
        tick()
        at = np.searchsorted(launched, table.title)
        of_pair = features.of_pairs(titles, at, table.country)
        tick()
        beyond = table.log_size - features.parts.country_mean[table.country]
        pairs = np.bincount(at).astype(np.float64)
        level = np.bincount(at, beyond) / pairs
        fold = np.random.default_rng(SEED).permutation(len(launched)) % FOLDS
        levels, departures = [], []
        parts = np.zeros((2, len(beyond)))  # level and departure of each pair, by trees that have not seen its title
        for number in range(FOLDS):
            out = fold == number
            levels.append(_trees(titles.inputs, level, out, pairs))
            if len(table.codes) > 1:
                departures.append(_trees(of_pair, beyond - level[at], out[at]))
            tick()
        for models in (levels, departures):
            _as_many_trees(models)
        for number in range(FOLDS):
            out = fold[at] == number
            parts[0, out] = np.asarray(levels[number].predict(titles.inputs))[at[out]]
            if departures:
                parts[1, out] = departures[number].predict(of_pair[out])
        linear = np.stack([titles.told[at, 0], titles.told[at, 1 + table.country]])
        aims = (level[at], beyond - level[at])
        mix = np.stack([_mixed(part, other, aim) for part, other, aim in zip(parts, linear, aims, strict=True)])
        held_out = (mix[:, :1] * parts + mix[:, 1:] * linear).sum(0)
        about = _about(features, titles, of_pair, at, held_out)
        error = table.log_size - usual_without(table, features.parts) - held_out
        spread = Spread.learn(about, error, at, fold[at] % 2 == 0)
        tick()
        return cls(features, fold, levels, departures, mix, spread)

    def estimate(
        self, titles: Described, row: Longs, at: Longs, country: Longs, without: Bools | None = None
    ) -> Estimate:
        """The audience of pairs. A past title is estimated by the model that has not learned from it.

        Parameters
        ----------
        row: (n,) of the titles table, -1 for a title that is not in it
        at, country: (m,) index into `titles` and into the country codes
        without: (p,) past titles that don't count as like titles
        """
        features = self.features
        told = features.of_titles(titles, row, without)
        of_pair = features.of_pairs(told, at, country)
        said = np.stack([np.asarray(model.predict(told.inputs)) for model in self.levels], 1)[at]
        said = self.mix[0, 0] * said + self.mix[0, 1] * told.told[at, :1]
        if self.departures:
            trees = np.stack([np.asarray(model.predict(of_pair)) for model in self.departures], 1)
            said += self.mix[1, 0] * trees + self.mix[1, 1] * told.told[at, 1 + country][:, None]
        middle = said.mean(1)
        place, past = features.places(row)
        known = past[at]
        middle[known] = said[known, self.fold[place[at[known]]]]
        below, above = self.spread.ends(_about(features, told, of_pair, at, middle))
        usual = features.parts.country_mean[country]
        low, high = usual + middle + below, usual + middle + above
        middle = np.maximum(usual + middle, 0.0)
        return Estimate(middle, np.clip(low, 0.0, middle), np.maximum(high, middle))


def _about(features: Features, titles: OfTitles, of_pair: Floats, at: Longs, said: Doubles) -> Floats:
    """What tells how sure an estimate is: the estimate, the country, and how much like titles say."""
    of_title = titles.inputs[at][:, features.sure_of_title]
    return np.hstack([said[:, None], of_title, of_pair[:, features.sure_of_pair]], dtype=np.float32)


def _mixed(trees: Doubles, linear: Doubles, aim: Doubles) -> Doubles:
    """The weights of both, (2,), that have the least squared error; none below 0, together 1 at most.

    Where titles held out show that neither knows anything, both are near 0, and what is usual remains.
    """
    from scipy.optimize import nnls

    weights = np.asarray(nnls(np.stack([trees, linear], 1), aim)[0])
    return weights / max(1.0, float(weights.sum()))


@dataclass(frozen=True, slots=True)
class Spread:
    """How far errors reach to both sides: quantile regression, corrected on titles that it has not seen."""

    low: list[lgb.Booster]  # of each half of the titles
    high: list[lgb.Booster]
    widen: float  # ln(1 + audience), to both sides; below 0 where they reach too far

    @classmethod
    def learn(cls, about: Floats, error: Doubles, title: Longs, first: Bools) -> "Spread":
        """Learns from `about` (m, f) and errors (m,) of titles (m,); `first` (m,) divides titles into two halves."""
        low, high = [], []
        ends = np.zeros((2, len(error)))
        for half in (first, ~first):
            low.append(_quantile(about[half], error[half], (1 - SHARE) / 2))
            high.append(_quantile(about[half], error[half], (1 + SHARE) / 2))
            ends[:, ~half] = low[-1].predict(about[~half]), high[-1].predict(about[~half])
        outside = np.maximum(ends[0] - error, error - ends[1])
        rank = min(1.0, SHARE * (1 + 1 / len(np.unique(title))))
        return cls(low, high, float(np.quantile(outside, rank, method="higher")))

    def ends(self, about: Floats) -> tuple[Doubles, Doubles]:
        """Both ends of the interval around an estimate, (m,) each."""
        low, high = (np.mean([model.predict(about) for model in models], 0) for models in (self.low, self.high))
        low, high = low - self.widen, high + self.widen
        return np.minimum(low, high), np.maximum(low, high)


def _trees(inputs: Floats, target: Doubles, out: Bools, weight: Doubles | None = None) -> lgb.Booster:
    """Learns from the rows that are not `out`, and stops where those that are gain no more."""
    learned, held_out = _some(np.flatnonzero(~out)), _some(np.flatnonzero(out), _LARGEST // 4)
    rows = len(learned)
    given: dict[str, Any] = {
        **_TREES,
        "objective": "regression",
        "num_leaves": int(np.clip(rows // 60, 4, 31)),
        "min_data_in_leaf": int(np.clip(rows // 200, 10, 200)),
        "num_threads": _threads(rows),
    }
    weights = (None, None) if weight is None else (weight[learned], weight[held_out])
    data = lgb.Dataset(inputs[learned], target[learned], weight=weights[0])
    held = lgb.Dataset(inputs[held_out], target[held_out], weight=weights[1], reference=data)
    return lgb.train(given, data, TREES, valid_sets=[held], callbacks=[lgb.early_stopping(PATIENCE, verbose=False)])


def _as_many_trees(models: list[lgb.Booster]) -> None:
    """Lets models of different folds use as many trees: each alone would have those that suit its held-out titles best,
    whose errors would then be less than those of new titles."""
    if models:
        trees = int(np.median([model.best_iteration for model in models]))
        for model in models:
            model.best_iteration = trees


def _quantile(inputs: Floats, target: Doubles, share: float) -> lgb.Booster:
    learned = _some(np.arange(len(target)))
    given = {
        **_TREES,
        "objective": "quantile",
        "alpha": share,
        "learning_rate": 0.1,
        "feature_fraction": 0.8,
        "num_leaves": 8,
        "min_data_in_leaf": int(np.clip(len(learned) // 100, 20, 500)),
        "num_threads": _threads(len(learned)),
    }
    return lgb.train(given, lgb.Dataset(inputs[learned], target[learned]), 60)


def _some(rows: Longs, most: int = _LARGEST) -> Longs:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False))


def _threads(rows: int) -> int:
    return 2 if rows > 20_000 else 1


def _nothing() -> None:
    pass
