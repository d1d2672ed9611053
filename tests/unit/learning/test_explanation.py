"""What is said to have moved a score is what LightGBM says, and adds up to the score that is served."""

import lightgbm as lgb
import numpy as np
import pytest

from export import explanation as writer
from export import onnx
from streams import features
from streams.scoring.explanation import Explanation, load
from streams.scoring.scorer import load as load_bundle


def trained(rng: np.random.Generator, missing: float, trees: int = 30) -> tuple[lgb.Booster, np.ndarray]:
    """A booster on eight columns that depend on each other, and rows like those it learned from."""
    X = rng.normal(0, 3, (4000, 8)).astype(np.float32)
    X[:, 3] = X[:, 0] * 2 + rng.normal(0, 0.1, 4000)
    X[:, 5] = np.round(X[:, 5])
    y = np.sin(X[:, 0]) + (X[:, 1] > 0) * X[:, 2] + 0.3 * X[:, 5] + rng.normal(0, 0.1, 4000)
    X[rng.random(X.shape) < missing] = np.nan
    given = {
        "objective": "regression",
        "num_leaves": 31,
        "learning_rate": 0.2,
        "verbose": -1,
        "seed": 1,
        "num_threads": 1,
    }
    return lgb.train(given, lgb.Dataset(X, y), trees), X[:200]


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_contributions_are_those_of_lightgbm(missing: float) -> None:
    booster, X = trained(np.random.default_rng(2), missing)
    explained = Explanation(writer.leaves(onnx.trees(booster, sigmoid=False), 8))
    expected = booster.predict(X, pred_contrib=True, num_threads=1)
    assert np.abs(explained.contributions(X) - expected[:, :-1]).max() < 1e-5
    assert explained.base == pytest.approx(expected[0, -1], abs=1e-5)


def test_a_value_missing_where_training_saw_none_is_read_as_zero() -> None:
    booster, X = trained(np.random.default_rng(3), 0.0)
    explained = Explanation(writer.leaves(onnx.trees(booster, sigmoid=False), 8))
    X = X.copy()
    X[:, 2] = np.nan
    assert np.allclose(
        explained.contributions(X), booster.predict(X, pred_contrib=True, num_threads=1)[:, :-1], atol=1e-5
    )


def test_contributions_and_base_add_up_to_the_score_that_is_served(written, replayed) -> None:
    folder, models, _ = written
    assert models.ranker.booster is not None
    scorer = load_bundle(folder)
    few = replayed.examples.select(np.arange(len(replayed.examples)) < 30)
    X, C = few.matrices(scorer.population)
    base, parts = scorer.contributions(X)
    assert parts.shape == X.shape
    assert np.abs(base + parts.sum(axis=1) - scorer.score(X, few.offsets, C).score).max() < 1e-4


def test_trees_added_to_a_prior_are_explained_with_the_prior_s(tmp_path) -> None:
    prior, X = trained(np.random.default_rng(5), 0.1)
    more, _ = trained(np.random.default_rng(6), 0.1, trees=7)
    graph = onnx.joined(onnx.trees(prior, sigmoid=False), more)
    explained = Explanation(writer.leaves(graph, 8))
    both = prior.predict(X, pred_contrib=True, num_threads=1) + more.predict(X, pred_contrib=True, num_threads=1)
    assert np.abs(explained.contributions(X) - both[:, :-1]).max() < 1e-5
    assert explained.base == pytest.approx(both[0, -1], abs=1e-5)


def test_recency_as_a_bundle_is_explained_by_its_rank_alone(tmp_path) -> None:
    column, width = features.NAMES.index("recency_rank"), len(features.NAMES)
    writer.write(onnx.negated_column(column, width), width, tmp_path / "explanation.npz")
    explained = load(tmp_path / "explanation.npz")
    X = np.full((2, width), np.nan, np.float32)
    X[:, column] = [0, 3]
    assert explained.base == 0
    assert explained.contributions(X).sum(axis=1).tolist() == [0, -3]


def test_arrays_that_dont_fit_together_are_refused() -> None:
    booster, _ = trained(np.random.default_rng(4), 0.0, trees=2)
    arrays = writer.leaves(onnx.trees(booster, sigmoid=False), 8)
    with pytest.raises(ValueError, match="arrays of"):
        Explanation(arrays | {"low": arrays["low"][:, :1]})
    with pytest.raises(ValueError, match="none of"):
        Explanation(arrays | {"linear": arrays["linear"][:2]})
