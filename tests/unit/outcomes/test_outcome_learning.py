"""What outcomes teach: figures against recency on the same rows, drift, recalibration; and that all of it is kept."""

import math
import random

import orjson
import pytest
from eventlog import T0, event, watch
from hypothesis import given, settings
from hypothesis import strategies as st
from impressions import feed, impression, serve

from streams import features
from streams.outcomes import drift, stored
from streams.outcomes.drift import CONTEXT_FEATURES, ITEM_FEATURES, RANK_LOSS, Detectors
from streams.outcomes.join import Member
from streams.outcomes.learning import Learning
from streams.outcomes.live import LASTING, SESSIONS, Figures, Judge, Live
from streams.outcomes.recalibration import Recalibration
from streams.outcomes.tally import Tally, Window, from_json, merged
from streams.scoring.recalibration import combined


def outcome(played, shows="ab", **fields):
    """The outcome of one session that played a show for three minutes."""
    member = Member()
    feed(member, [event("session_start", T0)])
    serve(member, impression(0, shows, **fields), 0)
    return feed(member, watch(played, T0 + 1000, 3, source="row"), first=1)[0]


def test_the_right_show_first_is_counted_beside_recency_on_the_same_rows():
    """Rows b, a (recency a, b): b, b, a and something new are played."""
    learning = Learning(1)
    for played in ("b", "b", "a", "new"):
        learning.outcome(outcome(played, "ba"))
    tally = learning.served["v1"].recent()
    assert (tally.decisions, tally.continued_row, tally.hits, tally.base_hits) == (4, 3, 2, 1)
    assert (tally.only_hits, tally.only_base_hits) == (2, 1)
    assert (tally.reciprocal, tally.base_reciprocal) == (2.5, 2.0)
    assert tally.precision == 2 / 3
    assert tally.base_precision == 1 / 3
    gain, half = tally.gain
    assert gain == pytest.approx(1 / 3)
    assert half == pytest.approx(1.96 * math.sqrt((1 - 1 / 9) / 3))


def test_probabilities_are_judged_as_served():
    """Continuation 0.8, continued; play 0.5 and 0.25, the first played."""
    learning = Learning(1)
    learning.outcome(outcome("a"))
    tally = learning.served["v1"].recent()
    assert tally.continuation.log_loss == pytest.approx(-math.log(0.8))
    assert tally.continuation.calibration_error == pytest.approx(0.2)
    assert tally.play.loss == pytest.approx(-math.log(0.5) - math.log(0.75))
    assert tally.play.n == 2


def test_a_shadow_is_held_against_what_served():
    """Served a, b; the shadow would have shown b, a; b is played."""
    learning = Learning(1)
    shadow = {"model_version": "v2", "continuation_probability": 0.9, "shows": ["b", "a"], "play": [0.6, 0.3]}
    learning.outcome(outcome("b", "ab", shadow=shadow))
    tally = learning.shadow["v2"].recent()
    assert (tally.hits, tally.base_hits, tally.only_hits) == (1, 0, 1)
    assert tally.continuation.log_loss == pytest.approx(-math.log(0.9))


def test_sessions_that_play_nothing_and_rows_seen_later_are_not_judged():
    learning = Learning(1)
    learning.outcome({**outcome("a"), "played": None})
    learning.outcome({**outcome("a"), "trigger": "row_viewed"})
    assert learning.served == {}


def test_rows_made_from_a_backlog_are_not_judged():
    """Made more than five seconds after their event arrived: nobody saw them when the session began."""
    learning = Learning(1)
    learning.outcome(outcome("a", arrived=1_000, generated_at=6_001))
    assert learning.served == {}
    learning.outcome(outcome("a", arrived=1_000, generated_at=6_000))
    assert learning.served["v1"].total.decisions == 1


def test_a_window_forgets_what_is_long_past_and_the_total_does_not():
    window = Window(100)
    for number in range(1000):
        window.add(Tally(decisions=1, continued_row=1, hits=int(number >= 900)))
    assert window.total.decisions == 1000
    assert 90 <= window.recent().decisions <= 100
    assert window.recent().precision == 1.0


counts = st.integers(0, 1000)


@given(st.lists(st.tuples(counts, counts, st.floats(0, 1), st.booleans()), max_size=8))
@settings(deadline=None)
def test_tallies_add_up_in_any_grouping_and_survive_json(values):
    """What partitions are merged by."""
    tallies = []
    for decisions, hits, probability, happened in values:
        tally = Tally(decisions=decisions, hits=hits)
        tally.continuation.add(probability, happened)
        tallies.append(tally)
    half = len(tallies) // 2
    whole, parts = merged(tallies), merged([merged(tallies[:half]), merged(tallies[half:])])
    assert whole.decisions == parts.decisions == sum(decisions for decisions, *_ in values)
    assert whole.continuation.loss == pytest.approx(parts.continuation.loss)
    assert from_json(orjson.loads(orjson.dumps(whole.as_json()))) == whole


def test_the_features_that_are_watched_exist():
    assert set(CONTEXT_FEATURES) <= set(features.CONTEXT_NAMES)
    assert set(ITEM_FEATURES) <= set(features.NAMES)


def test_a_loss_that_rises_is_reported_and_one_that_falls_is_not():
    """From 20 % wrong to 50 %, and back."""
    noise, detectors, found = random.Random(3), Detectors(), []
    for at, wrong in enumerate([0.2] * 1500 + [0.5] * 1500 + [0.2] * 1500):
        found += [(at, d) for d in detectors.outcome(noise.random() >= wrong, None, at)]
    times = [at for at, _ in found]
    assert times
    assert 1500 < times[0] < 1900
    assert max(times) < 3000
    assert found[0][1].signal == RANK_LOSS
    assert 0.2 < found[0][1].before < found[0][1].after < 0.5
    assert detectors.as_json()[RANK_LOSS]["count"] == len(found)


def test_without_a_change_nothing_is_reported():
    noise, detectors = random.Random(4), Detectors()
    for at in range(10_000):
        assert detectors.outcome(noise.random() < 0.77, noise.expovariate(2), at) == []


def test_a_change_in_a_watched_feature_is_reported():
    noise, detectors, found = random.Random(5), Detectors(), []
    context = [0.0] * len(features.CONTEXT_NAMES)
    column = features.CONTEXT_NAMES.index("session_plays")
    for at in range(2000):
        context[column] = noise.gauss(2 if at < 1000 else 4, 1)
        found += [(at, d.signal) for d in detectors.served(context, None, at)]
    assert found
    assert 1000 < found[0][0] < 1300
    assert {signal for _, signal in found} == {"session_plays"}


def test_detectors_of_another_release_that_cannot_be_read_begin_anew():
    assert drift.load(b"no pickle").found == Detectors().found


def shifted(noise, slope, shift):
    """A probability, and whether it happened, where the truth is the recalibrated one."""
    z = noise.gauss(1, 1.2)
    return 1 / (1 + math.exp(-z)), noise.random() < 1 / (1 + math.exp(-(slope * z + shift)))


def test_recalibration_finds_what_is_wrong_and_gains_by_it():
    noise, recalibration = random.Random(6), Recalibration(1000, 1.2)
    for _ in range(4000):
        p, y = shifted(noise, 0.8, -0.7)
        recalibration.learn([p], [y])
    curve = combined([recalibration.published()])
    assert curve.slope == pytest.approx(0.8, abs=0.15)
    assert curve.shift == pytest.approx(-0.7, abs=0.25)
    assert curve.gain > 2 * curve.error


def test_recalibration_of_what_is_right_gains_nothing_and_harms_little():
    noise, recalibration = random.Random(7), Recalibration(1000, 1.2)
    for _ in range(4000):
        p, y = shifted(noise, 1.0, 0.0)
        recalibration.learn([p], [y])
    curve = combined([recalibration.published()])
    assert -0.01 < curve.gain < 2 * curve.error


def test_what_a_partition_has_learned_survives_being_stored():
    """A restart, or another owner, goes on where it was: to the last digit."""
    noise, learning = random.Random(8), Learning(4)
    for number in range(120):
        learning.outcome(outcome(noise.choice("ab"), noise.choice(["ab", "ba"]), model_version=f"v{number // 50}"))
        learning.row_served(impression(0), number)
    again = stored.decode(stored.encode(learning))
    for other in (learning, again):
        for played in "aab":
            other.outcome(outcome(played))
    assert again.published(2, 0) == learning.published(2, 0)
    assert stored.encode(again)[:5000] == stored.encode(learning)[:5000]


def test_partitions_together_say_what_one_would():
    whole, parts = Learning(1), [Learning(1), Learning(1)]
    noise = random.Random(9)
    for number in range(60):
        one = outcome(noise.choice("ab"), "ba")
        whole.outcome(one)
        parts[number % 2].outcome(one)
    live = Live()
    for number, part in enumerate(parts):
        live.update(orjson.dumps(part.published(number, 0)))
    together, one = live.figures("served")["v1"].window, whole.served["v1"].recent()
    assert (together.decisions, together.hits, together.base_hits) == (60, one.hits, one.base_hits)
    assert together.play.log_loss == pytest.approx(one.play.log_loss)
    assert together.play.calibration_error == pytest.approx(one.play.calibration_error)
    assert live.recalibrations()["v1", "continuation"].n == 60


def test_what_is_no_record_of_cw_live_is_refused():
    for value in (b"{}", b"[]", b"3", b'{"served": {}, "shadow": {}}'):
        with pytest.raises(ValueError, match=r"cw\.live"):
            Live().update(value)


def worse(n, decisions):
    """Figures of a bundle that is right less often than recency, after so many decisions."""
    window = Tally(decisions=n, continued_row=n, hits=n // 2, base_hits=n * 7 // 10, only_base_hits=n // 5)
    return {"v": Figures(Tally(decisions=decisions), window)}


def test_a_bundle_worse_than_recency_is_spoken_against_only_after_long_enough():
    judge = Judge()
    assert judge.look(worse(SESSIONS - 1, 1000)) == {}
    assert judge.look(worse(SESSIONS, 1000)) == {}
    assert judge.look(worse(SESSIONS, 1000 + LASTING - 1)) == {}
    verdict = judge.look(worse(SESSIONS, 1000 + LASTING))
    assert verdict == {"v": "right show first in 50.0 % of 500 sessions, by recency in 70.0 %"}
    assert judge.look(worse(SESSIONS, 1000 + LASTING + 1)) == {}


def test_a_bundle_that_recovers_is_not_spoken_against():
    judge = Judge()
    judge.look(worse(SESSIONS, 1000))
    better = worse(SESSIONS, 1100)
    better["v"].window.only_hits = SESSIONS // 5
    assert judge.look(better) == {}
    assert judge.look(worse(SESSIONS, 1000 + LASTING)) == {}
