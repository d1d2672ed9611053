"""Where the row goes: boundaries, costs, and records that can't be used."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.placement import Costs, Seen, choose, share_of_new, shifts, threshold, trade_off
from streams.scoring.placement import InvalidPlacement, parse

RECORD = {
    "method": "probability",
    "threshold": {"at_least": 0.5, "high": 1, "low": 4},
    "probability": [
        {"position": 1, "at_least": 0.8},
        {"position": 2, "at_least": 0.4},
        {"position": 5, "at_least": 0.0},
    ],
}


def test_a_boundary_belongs_to_the_higher_position():
    placement = parse(RECORD)
    assert [placement.place(p) for p in (1.0, 0.8, 0.79, 0.4, 0.39, 0.0)] == [
        (1, "probability"),
        (1, "probability"),
        (2, "probability"),
        (2, "probability"),
        (5, "probability"),
        (5, "probability"),
    ]


def test_by_threshold_there_are_two_positions():
    placement = parse(RECORD | {"method": "threshold"})
    assert [placement.place(p) for p in (0.5, 0.49)] == [(1, "threshold"), (4, "threshold")]


def test_a_device_has_boundaries_of_its_own_where_it_has_any():
    tv = {"threshold": {"at_least": 0.2, "high": 2, "low": 3}}
    placement = parse(RECORD | {"version": 2, "method": "threshold", "by_device": {"tv": tv}})
    assert [placement.place(0.3, device) for device in ("tv", "phone", "")] == [
        (2, "threshold"),
        (4, "threshold"),
        (4, "threshold"),
    ]


def test_without_a_probability_the_row_stands_first():
    assert parse(RECORD).place(None) == (1, "default")
    assert parse(RECORD).place(float("nan")) == (1, "default")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        RECORD | {"method": "guess"},
        RECORD | {"method": "otherwise"},
        RECORD | {"version": 3},
        RECORD | {"by_device": {"tv": {"probability": []}}},
        RECORD | {"threshold": {"at_least": 0.5, "high": 0, "low": 4}},
        RECORD | {"probability": []},
        RECORD | {"probability": [{"position": 3, "at_least": 0.8}, {"position": 1, "at_least": 0.0}]},
    ],
)
def test_a_placement_that_makes_no_sense_is_refused(broken):
    with pytest.raises(InvalidPlacement):
        parse(broken)


def test_equal_costs_put_the_row_high_from_one_half():
    assert threshold(Costs()) == 0.5


def test_a_false_high_three_times_as_bad_asks_for_three_quarters():
    assert threshold(Costs(false_high=3.0)) == 0.75


@given(st.floats(0.05, 20), st.floats(0.05, 20), st.sampled_from(["threshold", "probability", "otherwise"]))
def test_whatever_the_costs_a_higher_probability_never_stands_lower(false_high, false_low, method):
    placement = parse(choose(Costs(false_high, false_low), method))
    positions = [placement.place(p)[0] for p in np.linspace(0, 1, 101)]
    assert positions == sorted(positions, reverse=True)
    assert positions[0] == (4 if method == "threshold" else 6)
    assert positions[-1] == 1


@given(st.floats(0.1, 10), st.floats(0, 1))
def test_a_costlier_false_high_never_puts_the_row_higher(cost, p):
    cheap, dear = parse(choose(Costs(cost))), parse(choose(Costs(cost * 1.5)))
    assert dear.place(p)[0] >= cheap.place(p)[0]


def test_the_trade_off_counts_both_mistakes_as_shares():
    curve = trade_off(np.array([0.9, 0.6, 0.2, 0.7]), np.array([True, True, True, False]), points=3)
    assert curve[1] == {"threshold": 0.5, "false_high": 1.0, "false_low": pytest.approx(1 / 3), "high_share": 0.75}
    assert (curve[0]["false_low"], curve[0]["false_high"]) == (0.0, 1.0)
    assert (curve[2]["false_low"], curve[2]["false_high"]) == (1.0, 0.0)


def test_the_row_takes_the_first_position_where_it_promises_more_than_what_stands_there():
    """Of sessions with something new, 30 % play what stands first: a row that is wanted in 24 % stands above it."""
    share = share_of_new(1)
    assert share == pytest.approx(0.3026, abs=1e-4)
    placement = parse(choose(Costs(), "otherwise"))
    boundary = share / (1 + share)
    assert placement.place(boundary + 0.001) == (1, "otherwise")
    assert placement.place(boundary - 0.001) == (2, "otherwise")
    assert placement.place(0.0) == (6, "otherwise")


def test_a_device_whose_sessions_go_on_more_often_than_said_has_lower_boundaries():
    rng = np.random.default_rng(5)
    said = rng.uniform(0.05, 0.95, 40_000)
    tv = np.arange(len(said)) % 2 == 0
    right = np.where(tv, 1 / (1 + np.exp(-(np.log(said / (1 - said)) + 1))), said)  # log-odds are 1 too low on tv
    seen = Seen(said, rng.random(len(said)) < right, np.where(tv, 0, 1))
    assert shifts(seen) == {"tv": pytest.approx(1, abs=0.06), "phone": pytest.approx(0, abs=0.06)}
    placement = parse(choose(Costs(), "threshold", seen))
    assert placement.place(0.3, "tv") == (1, "threshold")
    assert placement.place(0.3, "phone") == (4, "threshold")
    assert placement.place(0.3, "tablet") == (4, "threshold"), "too few sessions for boundaries of its own"
