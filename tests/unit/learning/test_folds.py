"""Folds: a household is never split."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models import crossval, folds
from models.examples import household_of

households = st.lists(st.sampled_from([f"h{n}" for n in range(12)]), min_size=1, max_size=200).map(np.array)


def test_the_household_is_the_text_before_the_last_slash():
    assert household_of("home/Anna") == "home"
    assert household_of("a/b/Anna") == "a/b"
    assert household_of("anna") == "anna"


@given(households, st.integers(2, 6))
def test_all_decisions_of_a_household_are_in_one_fold(names, k):
    fold = folds.by_household(names, k)
    assert ((fold >= 0) & (fold < k)).all()
    for name in np.unique(names):
        assert len(np.unique(fold[names == name])) == 1


@given(households, st.integers(2, 6))
def test_folds_do_not_depend_on_the_order_of_decisions(names, k):
    fold = folds.by_household(names, k)
    backwards = folds.by_household(names[::-1], k)
    assert dict(zip(names, fold, strict=True)) == dict(zip(names[::-1], backwards, strict=True))


def test_folds_are_even_where_households_allow_it():
    names = np.repeat(["a", "b", "c", "d"], [40, 30, 20, 10])
    assert np.bincount(folds.by_household(names, 2)).tolist() == [50, 50]


def test_inner_folds_fall_back_to_members_and_then_to_time():
    one_house = np.array(["h"] * 6)
    members = np.array(["h/a", "h/a", "h/b", "h/b", "h/c", "h/c"])
    ts = np.array([5, 6, 3, 4, 1, 2])
    by_member = folds.inner(one_house, members, ts, 3)
    assert [len(np.unique(by_member[members == name])) for name in np.unique(members)] == [1, 1, 1]
    by_time = folds.inner(one_house, one_house, ts, 3)
    assert by_time.tolist() == [2, 2, 1, 1, 0, 0]


def test_the_later_fifth_is_held_out_and_nothing_earlier():
    ts = np.array([10, 50, 20, 40, 30])
    assert crossval.later_decisions(ts).tolist() == [False, True, False, False, False]


def test_decisions_of_one_moment_stay_on_one_side():
    assert crossval.later_decisions(np.array([1, 2, 2, 2, 2])).tolist() == [False, True, True, True, True]
