"""What estimates of audiences have to beat."""

from collections import defaultdict
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from models.boosting import SEED
from models.examples import Doubles
from models.titles.audience import FEW, AudienceTable, decompose, matrix
from models.titles.sizing_features import Described, Facts

NEAREST: Final = 10
_LARGEST: Final = 80_000


def means(described: Described, learned: AudienceTable, asked: AudienceTable) -> dict[str, Doubles]:
    """The country's mean, with nothing of the title; and with the mean of the title's categories in all countries."""
    usual = decompose(learned, 0).country_mean
    beyond = learned.log_size - usual[learned.country]
    of_title = np.bincount(learned.title, beyond, learned.titles) / np.maximum(
        np.bincount(learned.title, minlength=learned.titles), 1
    )
    sums: dict[str, list[float]] = defaultdict(list)
    for row in learned.launched:
        for category in described.titles[row].categories:
            sums[category].append(of_title[row])
    of_category = {name: sum(values) / (len(values) + FEW) for name, values in sums.items()}
    level = np.zeros(learned.titles)
    for row in np.unique(asked.title):
        known = [of_category[name] for name in described.titles[row].categories if name in of_category]
        level[row] = np.mean(known) if known else 0.0
    return {
        "country_mean": usual[asked.country],
        "category_mean_country_mean": usual[asked.country] + level[asked.title],
    }


def nearest(words: Any, learned: AudienceTable, asked: AudienceTable) -> Doubles:
    """The mean of the NEAREST past titles by TF-IDF of all their words, in the country, or else everywhere."""
    parts = decompose(learned, 0)
    launched = learned.launched
    beyond, known = matrix(learned, parts.country_mean, launched)
    everywhere = beyond.sum(1) / known.sum(1)
    told = np.zeros(len(asked.title))
    rows, at = np.unique(asked.title, return_inverse=True)
    grid = np.zeros((len(rows), beyond.shape[1]))
    for begin in range(0, len(rows), 1000):
        similarity = np.asarray((words[rows[begin : begin + 1000]] @ words[launched].T).todense())
        best = np.argsort(-similarity, axis=1, kind="stable")[:, :NEAREST]
        count = known[best].sum(1)
        mean = beyond[best].sum(1) / np.maximum(count, 1)
        grid[begin : begin + 1000] = np.where(count > 0, mean, everywhere[best].mean(1)[:, None])
    told += parts.country_mean[asked.country] + grid[at, asked.country]
    return told


def boosting(described: Described, learned: AudienceTable, asked: AudienceTable) -> Doubles:
    """Gradient boosting on the raw fields and the country, as many trees as do best on a fifth of the past titles."""
    facts = Facts([described.titles[row] for row in learned.launched])
    columns = facts.columns(described.titles)
    rng = np.random.default_rng(SEED)
    chosen = np.arange(len(learned.title))
    if len(chosen) > _LARGEST:
        chosen = np.sort(rng.choice(chosen, _LARGEST, replace=False))
    out = (rng.random(learned.titles) < 0.2)[learned.title[chosen]]

    def inputs(table: AudienceTable) -> Any:
        return np.hstack([columns[table.title], table.country[:, None]], dtype=np.float32)

    given = {
        "objective": "regression",
        "learning_rate": 0.07,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "max_cat_to_onehot": 1,
        "num_threads": 2 if len(chosen) > 20_000 else 1,
        "force_col_wise": True,
        "deterministic": True,
        "seed": SEED,
        "verbose": -1,
    }
    made, target, last = inputs(learned)[chosen], learned.log_size[chosen], columns.shape[1]
    data = lgb.Dataset(made[~out], target[~out], categorical_feature=[last])
    held = lgb.Dataset(made[out], target[out], reference=data)
    booster = lgb.train(given, data, 400, valid_sets=[held], callbacks=[lgb.early_stopping(30, verbose=False)])
    return np.asarray(booster.predict(inputs(asked)))
