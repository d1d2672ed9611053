"""Live recalibration in the worker: on while it beats the bundle on the live window, off once it does not."""

import math

import numpy as np
import orjson
import pytest

from streams.scoring.recalibration import LEAST, Recalibrations
from streams.scoring.scorer import Scores


def learned(n, gain, slope=1.0, shift=0.0, weight=1, spread=1.0):
    """One kind's part of a record: a mean gain of `gain` nats over n decisions that scatter by `spread`."""
    return {
        "slope": slope,
        "shift": shift,
        "learned": weight,
        "n": n,
        "raw": n * 0.5,
        "recalibrated": n * (0.5 - gain),
        "gain_square": n * (gain * gain + spread * spread),
    }


def record(continuation, play=None, partition=0, version="v1"):
    kinds = {"continuation": continuation, "play": play or learned(0, 0.0)}
    return orjson.dumps({"partition": partition, "recalibration": {version: kinds}})


def scores(continuation, play=(0.5,), version="v1"):
    given = np.array(play, np.float32)
    return Scores(np.zeros(len(play), np.float32), given, np.array(continuation, np.float32), version)


def test_it_is_applied_once_its_gain_is_clear_of_chance():
    """Two standard errors of the mean gain: 0.1 for a spread of 1 over 400 decisions."""
    recalibrations = Recalibrations()
    before = scores([0.5])
    recalibrations.update(record(learned(400, 0.09, shift=-1.0)))
    assert recalibrations.apply(before) is before
    recalibrations.update(record(learned(400, 0.11, shift=-1.0)))
    after = recalibrations.apply(before)
    assert after.continuation[0] == pytest.approx(1 / (1 + math.e), abs=1e-6)
    assert after.play_probability is before.play_probability


def test_it_goes_on_while_it_gains_at_all_and_ends_when_it_does_not():
    recalibrations, before = Recalibrations(), scores([0.5])
    recalibrations.update(record(learned(400, 0.2, shift=-1.0)))
    recalibrations.update(record(learned(400, 0.001, shift=-1.0)))
    assert recalibrations.apply(before).continuation[0] < 0.3
    recalibrations.update(record(learned(400, -0.001, shift=-1.0)))
    assert recalibrations.apply(before) is before


def test_few_decisions_prove_nothing():
    recalibrations, before = Recalibrations(), scores([0.5])
    recalibrations.update(record(learned(LEAST - 1, 5.0, shift=-1.0)))
    assert recalibrations.apply(before) is before


def test_partitions_count_by_what_they_have_learned():
    """Shifts of -1 (three times as much) and 3: together 0."""
    recalibrations = Recalibrations()
    recalibrations.update(record(learned(400, 0.5, shift=-1.0, weight=3)))
    recalibrations.update(record(learned(400, 0.5, shift=3.0, weight=1), partition=1))
    assert recalibrations.apply(scores([0.3])).continuation[0] == pytest.approx(0.3, abs=1e-6)


def test_the_order_of_probabilities_stays_and_nothing_to_continue_stays_nothing():
    recalibrations = Recalibrations()
    recalibrations.update(record(learned(400, 0.5, slope=0.4, shift=1.0), learned(400, 0.5, slope=2.0, shift=-1.0)))
    play = np.linspace(0.001, 0.999, 50)
    after = recalibrations.apply(scores([0.0, 0.2], play))
    assert (np.diff(after.play_probability) > 0).all()
    assert after.continuation[0] == 0.0
    assert 0 < after.continuation[1] < 1


def test_another_bundle_is_not_changed():
    """What was learned of one says nothing of the other."""
    recalibrations, other = Recalibrations(), scores([0.5], version="v2")
    recalibrations.update(record(learned(400, 0.5, shift=-1.0)))
    assert recalibrations.apply(other) is other


@pytest.mark.parametrize("value", [b"{}", b"3", b"[1]", b'{"partition": 0, "recalibration": {"v": {}}}', b"{"])
def test_what_is_no_record_is_refused_and_changes_nothing(value):
    recalibrations, before = Recalibrations(), scores([0.5])
    with pytest.raises(ValueError):  # noqa: PT011 - orjson's own words where it is no JSON
        recalibrations.update(value)
    assert recalibrations.apply(before) is before
