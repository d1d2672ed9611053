"""Folds, F1, the one threshold and its folds, mixing, and intervals."""

import numpy as np
import pytest

from models.titles import scoring
from models.titles.scoring import Judged
from models.titles.table import TitleRecord


def made_up(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that know something of labels: one category of half of the titles, one of a twentieth."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((400, 2)) < [0.5, 0.05]).astype(np.float32)
    log_odds = np.array([0.0, -3.0]) + 2.0 * (labels - 0.5) + rng.normal(size=labels.shape)
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32), labels, np.arange(400) % scoring.FOLDS


def test_titles_of_one_description_share_a_fold_and_folds_are_of_like_size() -> None:
    titles = [TitleRecord(str(n), "T", summary=f"Story {n // 4}") for n in range(100)]
    titles += [TitleRecord(f"x{n}", "T", summary="  story\n0") for n in range(3)]
    fold = scoring.folds(titles, seed=1)
    assert all(len(set(fold[4 * group : 4 * group + 4])) == 1 for group in range(25))
    assert set(fold[100:]) == {fold[0]}
    assert np.bincount(fold).tolist() in ([20, 20, 20, 20, 23], [23, 20, 20, 20, 20]) or np.ptp(np.bincount(fold)) == 3


def test_titles_without_a_description_do_not_share_a_fold_for_that() -> None:
    assert np.ptp(np.bincount(scoring.folds([TitleRecord(str(n), "T") for n in range(50)], seed=1))) == 0


def test_f1_of_a_table_worked_out_by_hand() -> None:
    labels = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], np.float32)
    chosen = np.array([[1, 0], [0, 1], [1, 0], [0, 0]], bool)
    micro, macro = scoring.f1(chosen, labels)  # category 1: 2*1/(2+2); category 2: 2*1/(1+2)
    assert micro == pytest.approx(4 / 7)
    assert macro == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_a_fold_s_own_labels_have_no_say_in_its_threshold() -> None:
    scores, labels, fold = made_up()
    before = scoring.judge(scores, labels, fold).chosen
    labels[fold == 2] = 1 - labels[fold == 2]
    after = scoring.judge(scores, labels, fold).chosen
    assert np.array_equal(before[fold == 2], after[fold == 2])
    assert not np.array_equal(before, after)


def test_a_rare_category_is_chosen_too() -> None:
    scores, labels, fold = made_up()
    assert scoring.judge(scores, labels, fold).chosen[:, 1].any()


def test_mixing_takes_nothing_of_a_prediction_that_knows_nothing() -> None:
    scores, labels, fold = made_up()
    noise = np.random.default_rng(5).random(scores.shape).astype(np.float32)
    assert np.allclose(scoring.blend(scores, noise, labels, fold), scores, atol=1e-5)
    better = scoring.blend(noise, scores, labels, fold)
    assert np.abs(better - scores).mean() < np.abs(noise - scores).mean()


def test_a_gain_over_itself_is_nothing_and_over_chance_is_sure() -> None:
    scores, labels, fold = made_up()
    judged = scoring.judge(scores, labels, fold)
    assert scoring.gain(judged, judged, labels)["micro_f1"] == {"gain": 0.0, "low": 0.0, "high": 0.0}
    chance = Judged(scores, np.random.default_rng(1).random(labels.shape) < labels.mean(0))
    gained = scoring.gain(judged, chance, labels)
    assert 0 < gained["micro_f1"]["low"] < gained["micro_f1"]["gain"] < gained["micro_f1"]["high"]


def test_figures_of_perfect_scores_are_one() -> None:
    _, labels, fold = made_up()
    figures = scoring.figures(Judged(labels, labels > 0), labels, fold)
    assert set(figures.values()) == {1.0}


def test_titles_of_a_summary_that_says_nothing_are_spread_over_the_folds() -> None:
    titles = [
        TitleRecord(str(i), str(i), summary="No description." if i < 40 else f"About {i // 2}") for i in range(60)
    ]
    fold = scoring.folds(titles, seed=0)
    assert set(fold[:40].tolist()) == set(range(scoring.FOLDS))
    assert all(fold[i] == fold[i + 1] for i in range(40, 60, 2))
