"""What all gradient-boosted models share: parameters, and how many trees a model gets."""

import os
import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.examples import Bools, Doubles, Floats, Ints
from models.metrics import log_losses

SEED: Final = 20161012
BINS: Final = 127
ROWS_A_THREAD: Final = 60_000
LEARNED_ROWS: Final = 200_000  # that a probability is learned from, or somewhat fewer
CUT: Final = 1e-6  # probabilities are kept so far from 0 and 1 where their logarithm is taken

OnTree = Callable[[], None]


def parameters(rows: int, **own: Any) -> dict[str, Any]:
    """Parameters for `rows` rows; leaves grow with the data, so that a small log gives a modest model."""
    return {
        "verbose": -1,
        "num_threads": threads(rows),
        "deterministic": True,
        "force_col_wise": True,
        "seed": SEED,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "min_data_in_leaf": int(np.clip(rows // 2000, 10, 200)),
        "min_sum_hessian_in_leaf": 1e-2,
        "max_bin": BINS,
        **own,
    }


def boost(given: dict[str, Any], data: lgb.Dataset, trees: int, on_tree: OnTree | None = None) -> lgb.Booster:
    """Trains; `on_tree` is called after each tree, and ctrl-c is heard there."""

    return lgb.train(given, data, trees, callbacks=[_after_tree(on_tree)])


def merged(boosters: Sequence[lgb.Booster]) -> lgb.Booster:
    """One model whose raw score is the mean of theirs; their trees take turns.

    Works on LightGBM's text of a model: a head, trees with their number in front, a tail.
    """
    heads, trees, tails = [], [], []
    for booster in boosters:
        head, _, rest = booster.model_to_string().partition("\nTree=0\n")
        body, end, tail = rest.partition("\nend of trees\n")
        heads.append(head)
        trees.append(re.split(r"\nTree=\d+\n", body))
        tails.append(end + tail)
    turns = [tree for of_each in zip_longest(*trees) for tree in of_each if tree is not None]
    body = "".join(f"\nTree={number}\n{_divided(tree, len(boosters))}" for number, tree in enumerate(turns))
    # Without their sizes the trees are read one after the other.
    head = "\n".join(line for line in heads[0].split("\n") if not line.startswith("tree_sizes="))
    return lgb.Booster(model_str=head + body + tails[0])


def _divided(tree: str, by: int) -> str:
    """A tree's text with the values of its nodes divided."""

    def divide(line: re.Match[str]) -> str:
        return f"{line[1]}={' '.join(repr(float(value) / by) for value in line[2].split())}"

    return re.sub(r"^(leaf_value|internal_value)=(.*)$", divide, tree, flags=re.MULTILINE)


def boost_chosen(
    given: dict[str, Any],
    inputs: Floats,
    happened: Bools,
    fold: Ints,
    trees: int,
    offset: Doubles | None = None,
    on_tree: OnTree | None = None,
    grow: bool = False,
) -> tuple[lgb.Booster | None, Floats]:
    """Trains a probability on (rows, columns) with as many trees, `trees` at most, as do best on rows held out.

    Returns the model, and for each row (rows,) the probability by a model that had not seen its fold.

    `fold` (rows,) says which rows are held out together; `offset` (rows,) is added to the sum of the trees before the
    logistic function. None where no number of trees does better than none. Where it is to `grow`, the model gets more
    trees by as much as it has more rows than those that the number was found with: of three folds, half as many more.
    Of more rows than LEARNED_ROWS a part is learned from, spread over all.
    """
    start = np.full(len(inputs), logit(base_rate(happened))) if offset is None else offset
    without = start.copy()
    losses = np.zeros(trees + 1)
    boosters: dict[int, lgb.Booster] = {}
    some = np.arange(len(inputs)) % (1 + (len(inputs) - 1) // LEARNED_ROWS) == 0
    for number in np.unique(fold):
        held_out = fold == number
        if held_out.all():
            return None, _logistic(start)
        data = _dataset(inputs, happened, some & ~held_out, offset)
        seen: dict[str, Any] = {}
        boosters[number] = lgb.train(
            given | {"metric": "binary_logloss"},
            data,
            trees,
            valid_sets=[_dataset(inputs, happened, some & held_out, offset, data)],
            valid_names=["held_out"],
            callbacks=[lgb.record_evaluation(seen), _after_tree(on_tree)],
        )
        if offset is None:
            without[held_out] = logit(base_rate(happened[~held_out]))
        judged = some & held_out
        losses[0] += log_losses(_logistic(without[judged]), happened[judged]).sum()
        losses[1:] += np.array(seen["held_out"]["binary_logloss"]) * judged.sum()
    best = int(np.argmin(losses))
    if best == 0:
        return None, _logistic(without)
    number_of_trees = best * len(boosters) // (len(boosters) - 1) if grow else best
    for number, booster in boosters.items():
        rows = fold == number
        sums = booster.predict(inputs[rows], raw_score=True, num_iteration=best, num_threads=threads(int(rows.sum())))
        # With an offset the trees hold what is added to it, else the whole.
        without[rows] = sums if offset is None else offset[rows] + sums
    return boost(given, _dataset(inputs, happened, some, offset), number_of_trees, on_tree), _logistic(without)


def logit(p: NDArray[np.floating] | float) -> Doubles:
    """ln(p / (1 − p)), p cut at 1e-6 from 0 and 1."""
    kept = np.clip(np.asarray(p, np.float64), CUT, 1 - CUT)
    return np.log(kept / (1 - kept))


def added(start: Doubles | None, booster: lgb.Booster | None, inputs: Floats) -> Floats:
    """(rows,) the logistic function of log-odds (rows,), 0 where None, and the sum of the trees, if there are any."""
    log_odds = np.zeros(len(inputs)) if start is None else start
    if booster is not None:
        log_odds = log_odds + booster.predict(inputs, raw_score=True, num_threads=threads(len(inputs)))
    return _logistic(log_odds)


def base_rate(happened: Bools) -> float:
    """The share of true values, kept off 0 and 1 by one seen each way."""
    return float((happened.sum() + 1) / (len(happened) + 2))


def threads(rows: int) -> int:
    """Threads that are worth their waiting for each other, of the cores that this process may use."""
    return max(1, min(len(os.sched_getaffinity(0)), rows // ROWS_A_THREAD))


def _logistic(log_odds: Doubles) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float32)


def _after_tree(on_tree: OnTree | None) -> Callable[[Any], None]:
    def after_tree(_: Any) -> None:
        if on_tree is not None:
            on_tree()

    return after_tree


def _dataset(
    inputs: Floats, happened: Bools, rows: Bools, offset: Doubles | None, like: lgb.Dataset | None = None
) -> lgb.Dataset:
    return lgb.Dataset(
        inputs[rows],
        label=happened[rows].astype(np.float32),
        init_score=None if offset is None else offset[rows],
        reference=like,
        params={"max_bin": BINS, "verbose": -1},
    )
