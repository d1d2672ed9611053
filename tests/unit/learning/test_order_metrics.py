"""Figures of merit against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import metrics

# Three decisions: the played show stands second by score; first by a tie that recency breaks; nothing was played.
OFFSETS = np.array([0, 3, 5, 6])
SCORE = np.array([0.9, 0.95, 0.1, 0.5, 0.5, 0.2], np.float32)
RECENCY = np.array([1, 2, 3, 1, 2, 1])
PLAYED = np.array([True, False, False, True, False, False])


def test_the_rank_is_the_place_of_the_played_show_and_0_where_none_was_played():
    assert metrics.rank_of_played(SCORE, RECENCY, PLAYED, OFFSETS).tolist() == [2, 1, 0]


def test_candidates_are_ordered_by_score_and_ties_by_recency():
    assert metrics.ordered(SCORE, RECENCY, OFFSETS).tolist() == [1, 0, 2, 3, 4, 5]


def test_the_mean_reciprocal_rank_of_places_1_2_and_4_is_7_twelfths():
    assert metrics.reciprocal(np.array([1, 2, 4])).mean() == pytest.approx(7 / 12)


def test_ndcg_at_5_counts_third_place_half_and_sixth_place_nothing():
    assert metrics.gain_at(np.array([1, 3, 6, 0]), 5).tolist() == pytest.approx([1.0, 0.5, 0.0, 0.0])


def test_log_loss_is_minus_the_logarithm_of_what_was_given_to_what_happened():
    losses = metrics.log_losses(np.array([0.8, 0.8]), np.array([True, False]))
    assert losses.tolist() == pytest.approx([-math.log(0.8), -math.log(0.2)])


def test_auc_is_the_share_of_pairs_in_order_ties_counting_half():
    """Pairs (0.9, 0.4), (0.9, 0.5) in order; (0.5, 0.4) in order, (0.5, 0.5) tied: 3.5 of 4."""
    assert metrics.auc(np.array([0.9, 0.5, 0.4, 0.5]), np.array([True, True, False, False])) == pytest.approx(3.5 / 4)


def test_auc_is_unknown_where_only_one_thing_happened():
    assert metrics.auc(np.array([0.9, 0.5]), np.array([True, True])) is None


def test_the_calibration_error_weighs_each_bin_by_its_count():
    """Three said 0.1 and one of them happened; one said 0.9 and it happened: (3 × |0.1 − 1/3| + 1 × 0.1) / 4."""
    p = np.array([0.1, 0.1, 0.1, 0.9])
    happened = np.array([True, False, False, True])
    assert metrics.calibration_error(p, happened) == pytest.approx((3 * (1 / 3 - 0.1) + 0.1) / 4)


def test_right_probabilities_show_the_calibration_error_that_chance_gives_them():
    """Four hundred throws of a coin: the share of heads is off by sqrt(2 / π) × sqrt(400 / 4) / 400 on average."""
    coin = np.full(400, 0.5)
    assert metrics.calibration_error_by_chance(coin) == pytest.approx(math.sqrt(2 / math.pi) / 40)
    rng = np.random.default_rng(1)
    p = rng.uniform(size=3000)
    errors = [metrics.calibration_error(p, rng.uniform(size=3000) < p) for _ in range(200)]
    assert metrics.calibration_error_by_chance(p) == pytest.approx(np.mean(errors), rel=0.05)
    assert metrics.calibration_error_by_chance(np.empty(0)) is None


def test_a_probability_of_1_falls_into_the_last_bin():
    assert metrics.calibration_bins(np.array([1.0]), np.array([True])) == [(1.0, 1.0, 1)]


def test_an_interval_needs_five_households():
    assert metrics.interval(np.ones(8), np.array([0, 1, 2, 3, 0, 1, 2, 3])) is None


def test_an_interval_holds_the_mean_and_narrows_with_more_households():
    rng = np.random.default_rng(0)

    def width(households):
        values = rng.random(households * 10)
        low, high = metrics.interval(values, np.repeat(np.arange(households), 10))
        assert low <= values.mean() <= high
        return high - low

    assert width(400) < width(20) / 2


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60))
def test_auc_does_not_change_under_a_rising_map_and_mirrors_under_a_falling_one(pairs):
    # Rounded, so that squaring keeps different values different.
    score = np.array([round(p, 3) for p, _ in pairs])
    happened = np.array([h for _, h in pairs])
    auc = metrics.auc(score, happened)
    if auc is None:
        assert happened.all() or not happened.any()
        return
    assert metrics.auc(np.exp(score), happened) == pytest.approx(auc)
    assert metrics.auc(-score, happened) == pytest.approx(1 - auc)
