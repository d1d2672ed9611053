"""Training: small logs and large ones, and what each model may know."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest

from models import crossval, evaluation, folds, training
from models.boosting import boost_chosen, merged, parameters
from models.calibration import Calibrator
from models.calibration import train as train_calibrator
from models.continuation import calibrate_product
from models.examples import Examples, Plays, Stored
from models.metrics import calibration_error, ordered
from streams import features
from streams.scoring.aggregate import any_of


@pytest.fixture(scope="session")
def examples(replayed):
    return replayed.examples


@pytest.fixture(scope="session")
def models(replayed):
    ticks = []
    trained = training.train(replayed.examples, replayed.plays, tick=lambda: ticks.append(1))
    assert 0 < len(ticks) <= training.TICKS
    return trained


def one_member(examples: Examples, plays: Plays) -> tuple[Examples, Plays]:
    """The decisions and viewings of the member with the most decisions."""
    member = np.bincount(examples.member).argmax()
    return examples.select(examples.member == member), plays.select(plays.member == member)


def test_the_model_beats_recency_on_sessions_after_those_it_learned_from(replayed):
    """The simulator plants habits of device and hour, which recency can't know."""
    judged, _, _ = crossval.by_time(replayed.examples, replayed.plays)
    order = evaluation.evaluate(judged)["order"]
    assert order["model"]["mrr"] > order["recency"]["mrr"]


def test_training_twice_gives_the_same_scores(replayed, models):
    again = training.train(replayed.examples, replayed.plays)
    first, second = models.score(replayed.examples), again.score(replayed.examples)
    assert np.array_equal(first.score, second.score)
    assert np.array_equal(first.continuation, second.continuation)


def test_scoring_some_decisions_gives_what_scoring_all_gives(examples, models):
    some = np.arange(len(examples)) % 3 == 0
    everything, part = models.score(examples), models.score(examples.select(some))
    assert np.array_equal(everything.score[np.repeat(some, examples.sizes)], part.score)
    assert np.array_equal(everything.continuation[some], part.continuation)


def test_within_a_decision_the_probability_never_falls_where_the_score_rises(examples, models):
    scored = models.score(examples)
    order = ordered(scored.score, examples.recency_rank, examples.offsets)
    p = scored.play[order]
    same_decision = np.diff(np.repeat(np.arange(len(examples)), examples.sizes)) == 0
    assert (np.diff(p)[same_decision] <= 1e-6).all()


def test_one_member_alone_trains(replayed):
    few, viewings = one_member(replayed.examples, replayed.plays)
    scored = training.train(few, viewings).score(few)
    assert np.isfinite(scored.score).all()
    assert ((scored.continuation > 0) & (scored.continuation < 1)).all()


@pytest.mark.parametrize("decisions", [1, 2, 7, 25])
def test_a_handful_of_decisions_trains_and_keeps_to_recency_or_better(replayed, decisions):
    few = replayed.examples.select(np.arange(len(replayed.examples)) < decisions)
    models = training.train(few, replayed.plays)
    scored = models.score(few)
    assert ((scored.play >= 0) & (scored.play <= 1)).all()
    assert ((scored.continuation >= 0) & (scored.continuation <= 1)).all()
    if decisions < 7:
        assert models.ranker.kind == "recency"


def test_a_household_alone_is_scored_in_recency_order_by_folds(replayed):
    few, viewings = one_member(replayed.examples, replayed.plays)
    folded = crossval.by_folds(few, viewings, 3)
    assert np.unique(folded.fold).tolist() == [0]
    assert np.array_equal(folded.judged.scored.score, -few.recency_rank.astype(np.float32) + 1)


def test_the_scores_of_a_household_do_not_change_with_what_it_did(replayed):
    """Folds keep a household out of its own models: turning its outcomes and viewings round changes no score of it."""
    some = np.isin(replayed.examples.member, np.arange(16))
    examples, plays = replayed.examples.select(some), replayed.plays
    held_out = folds.by_household(examples.households(), 2) == 0
    theirs = np.isin(plays.households(), np.unique(examples.households()[held_out]))
    other_show = np.where(held_out, (examples.first_show + 1) % len(examples.shows), examples.first_show)
    other_stop = np.where(theirs, plays.stop_s / 2, plays.stop_s)
    before = crossval.by_folds(examples, plays, 2).judged
    after = crossval.by_folds(
        replace(examples, first_show=other_show.astype(np.int32)),
        replace(plays, stop_s=other_stop.astype(np.float32)),
        2,
    ).judged
    rows = np.repeat(held_out, examples.sizes)
    assert np.array_equal(before.scored.score[rows], after.scored.score[rows])
    assert np.array_equal(before.scored.continuation[held_out], after.scored.continuation[held_out])
    assert not np.array_equal(before.scored.score[~rows], after.scored.score[~rows])


def test_calibration_turns_scores_that_are_too_sure_into_what_happens():
    """Twenty candidates of which one is played; the scores claim far more."""
    rng = np.random.default_rng(2)
    m, size = 4_000, 20
    offsets = np.arange(m + 1) * size
    score = rng.normal(size=m * size).astype(np.float32)
    chance = np.exp(2 * score.reshape(m, size))
    chance /= chance.sum(axis=1, keepdims=True)
    chosen = (chance.cumsum(axis=1) > rng.random((m, 1))).argmax(axis=1)
    played = np.zeros((m, size), np.bool_)
    played[np.arange(m), chosen] = True
    C = np.zeros((m, len(features.CONTEXT_NAMES)), np.float32)
    half = m // 2
    folds_of = np.arange(half) % 3
    seen = slice(0, half * size)
    calibrator, _ = train_calibrator(score[seen], C[:half], offsets[: half + 1], played.ravel()[seen], folds_of)
    p = calibrator.probability(score[half * size :], C[half:], offsets[half:] - offsets[half])
    assert calibration_error(1 / (1 + np.exp(-score[half * size :])), played.ravel()[half * size :]) > 0.3
    assert calibration_error(p, played.ravel()[half * size :]) < 0.01


def test_where_nothing_was_played_the_probability_is_the_base_rate():
    C = np.zeros((5, len(features.CONTEXT_NAMES)), np.float32)
    calibrator, _ = train_calibrator(np.ones(10, np.float32), C, np.arange(6) * 2, np.zeros(10, np.bool_), np.arange(5))
    assert calibrator == Calibrator(None, pytest.approx(1 / 12))


def test_the_product_of_independent_plays_is_one_minus_that_nothing_is_played():
    p = np.array([0.5, 0.5, 0.2], np.float32)
    assert any_of(p, np.array([0, 2, 3])).tolist() == pytest.approx([0.75, 0.2])


def test_the_products_calibration_finds_the_slope_and_shift_that_made_the_outcomes():
    rng = np.random.default_rng(4)
    product = rng.uniform(0.02, 0.98, 40_000).astype(np.float32)
    logit = np.log(product / (1 - product))
    continued = rng.random(len(product)) < 1 / (1 + np.exp(-(0.6 * logit + 0.4)))
    fitted = calibrate_product(product, continued)
    assert (fitted.slope, fitted.shift) == (pytest.approx(0.6, abs=0.05), pytest.approx(0.4, abs=0.05))


def test_examples_survive_saving_and_joining(examples, tmp_path):
    first = np.arange(len(examples)) < len(examples) // 2
    joined = Examples.concat([examples.select(first), examples.select(~first)])
    loaded = Stored(joined, tmp_path / "examples")
    loaded = Examples.concat([loaded])
    assert np.array_equal(loaded.shows[loaded.show], examples.shows[examples.show])
    assert np.array_equal(loaded.played, examples.played)
    assert np.array_equal(loaded.offsets, examples.offsets)


def test_merged_boosters_score_the_mean_of_what_they_score_and_take_turns():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(3_000, 6)).astype(np.float32)
    given = {"verbose": -1, "num_threads": 1, "deterministic": True, "objective": "regression", "learning_rate": 0.3}
    target = X[:, 0] * X[:, 1] + X[:, 2]
    boosters = [
        lgb.train(given | {"seed": seed, "bagging_fraction": 0.5, "bagging_freq": 1}, lgb.Dataset(X, target), trees)
        for seed, trees in ((1, 6), (2, 6), (3, 4))
    ]
    one = merged(boosters)
    assert one.num_trees() == 16
    mean = np.mean([booster.predict(X, raw_score=True) for booster in boosters], axis=0)
    assert np.abs(one.predict(X, raw_score=True) - mean).max() < 1e-12
    first = np.mean([booster.predict(X, raw_score=True, num_iteration=1) for booster in boosters], axis=0)
    assert np.abs(one.predict(X, raw_score=True, num_iteration=3) - first).max() < 1e-12


def test_a_model_that_grows_has_half_as_many_trees_more_than_three_folds_asked_for():
    """The number was found with two thirds of the rows; probabilities of rows held out stay as they were."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(3000, 4)).astype(np.float32)
    happened = rng.uniform(size=3000) < 1 / (1 + np.exp(-2 * inputs[:, 0]))
    given = parameters(3000, objective="binary", num_leaves=4, learning_rate=0.1)
    as_asked, grown = (
        boost_chosen(given, inputs, happened, np.arange(3000, dtype=np.int32) % 3, 60, grow=grow)
        for grow in (False, True)
    )
    assert 2 <= as_asked[0].num_trees() <= 60
    assert grown[0].num_trees() == as_asked[0].num_trees() * 3 // 2
    assert np.array_equal(grown[1], as_asked[1])
