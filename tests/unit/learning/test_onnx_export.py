"""LightGBM and ONNX Runtime say the same, wherever a value falls and whatever is missing."""

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export import onnx
from streams.scoring.scorer import open_model

ROWS = 10_000
FEATURES = 12


@pytest.fixture(scope="module")
def booster():
    """100 trees; every second column has missing values, some columns repeat few values."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    X[:, 8:] = np.round(X[:, 8:], 1)
    X[:, ::2][rng.random((20_000, FEATURES // 2)) < 0.2] = np.nan
    y = np.nan_to_num(X[:, 0]) * X[:, 1] + X[:, 8] + rng.normal(size=20_000) > 0.3
    parameters = {"objective": "binary", "num_leaves": 31, "verbose": -1, "num_threads": 1, "deterministic": True}
    return lgb.train(parameters, lgb.Dataset(X, y), 100)


def run(model, path, X):
    onnx.write(model, path)
    return open_model(path, X.shape[1])(X)


def test_exported_trees_equal_the_trained_ones_on_10000_rows(booster, tmp_path):
    rng = np.random.default_rng(6)
    X = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    X[rng.random(X.shape) < 0.2] = np.nan  # also where training saw none missing
    score = run(onnx.trees(booster, sigmoid=False), tmp_path / "m.onnx", X)
    assert np.abs(score - booster.predict(X, raw_score=True)).max() < 2e-5
    p = run(onnx.trees(booster, sigmoid=True), tmp_path / "p.onnx", X)
    assert np.abs(p - booster.predict(X)).max() < 1e-5


def test_values_right_at_a_threshold_fall_on_the_same_side(booster, tmp_path):
    """Every threshold of every tree, and its float32 neighbours. LightGBM takes values within 1e-35 of 0 for 0."""
    splits = []

    def collect(node):
        if "threshold" in node:
            if 1e-30 < abs(node["threshold"]) < 1e30:
                splits.append((node["split_feature"], node["threshold"]))
            collect(node["left_child"])
            collect(node["right_child"])

    for tree in booster.dump_model()["tree_info"]:
        collect(tree["tree_structure"])
    assert len(splits) > 2_000
    X = np.random.default_rng(7).normal(size=(3 * len(splits), FEATURES)).astype(np.float32)
    for number, (feature, threshold) in enumerate(splits):
        near = np.float32(threshold)
        X[3 * number : 3 * number + 3, feature] = [np.nextafter(near, -np.inf), near, np.nextafter(near, np.inf)]
    score = run(onnx.trees(booster, sigmoid=False), tmp_path / "m.onnx", X)
    assert np.abs(score - booster.predict(X, raw_score=True)).max() < 2e-5


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6, width=32))
def test_rounding_a_threshold_down_changes_no_comparison(threshold, x):
    assert (np.float32(x) <= np.float32(onnx.round_down(threshold))) == (x <= threshold)


def test_a_constant_gives_its_value_for_every_row(tmp_path):
    X = np.full((3, 4), np.nan, np.float32)
    assert run(onnx.constant(0.25, 4), tmp_path / "c.onnx", X).tolist() == [0.25, 0.25, 0.25]


def test_a_negated_column_turns_the_sign_of_that_column(tmp_path):
    X = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    assert run(onnx.negated_column(1, 3), tmp_path / "n.onnx", X).tolist() == [-2.0, -5.0]


def test_a_split_by_category_is_refused():
    X = np.random.default_rng(8).integers(0, 5, (500, 1)).astype(np.float32)
    y = np.isin(X[:, 0], [1, 3]).astype(np.float32)
    parameters = {"objective": "binary", "verbose": -1, "min_data_per_group": 1, "cat_smooth": 1}
    booster = lgb.train(parameters, lgb.Dataset(X, y, categorical_feature=[0]), 2)
    with pytest.raises(ValueError, match="can't be exported"):
        onnx.trees(booster, sigmoid=False)
