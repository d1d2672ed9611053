"""Which bundle serves whom: the live one, one on trial, recency in place of one that was set aside."""

from pathlib import Path

import numpy as np
import pytest
from bundles import announcement, copy_as, nan_at_zero, trial

from streams import features, metrics
from streams.scoring import announcements, fallback
from streams.scoring.announcements import CANDIDATE, LIVE, SHADOW, SPLIT, VERDICT, Verdict
from streams.scoring.candidate import in_share
from streams.scoring.fallback import RecencyScorer, Watched
from streams.scoring.swap import ModelSlot

RATING = features.NAMES.index("rating")
F, G = len(features.NAMES), len(features.CONTEXT_NAMES)
MEMBERS = [f"household-{number}/p" for number in range(4000)]


@pytest.fixture
def slot(tmp_path: Path) -> ModelSlot:
    return ModelSlot(tmp_path / "home")


@pytest.fixture
def candidate(folder: Path, tmp_path: Path) -> Path:
    return copy_as(folder, tmp_path / "candidate", "candidate-1")


def decisions(m: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X, offsets and C of decisions with two candidates each."""
    return np.zeros((2 * m, F), np.float32), np.arange(0, 2 * m + 1, 2), np.zeros((m, G), np.float32)


# --- shadow and split


def test_a_candidate_in_the_shadow_serves_nobody(slot: ModelSlot, folder: Path, candidate: Path) -> None:
    version, record = announcement(folder)
    assert slot.apply(LIVE, record)
    assert slot.apply(CANDIDATE, trial(candidate, SHADOW))
    assert slot.shadow is not None
    assert slot.shadow.version == "candidate-1"
    assert {slot.serving(member).version for member in MEMBERS[:200]} == {version}


def test_a_split_serves_its_share_of_members_always_the_same_ones(
    slot: ModelSlot, folder: Path, candidate: Path
) -> None:
    version, record = announcement(folder)
    slot.apply(LIVE, record)
    slot.apply(CANDIDATE, trial(candidate, SPLIT, 0.2))
    by = [slot.serving(member).version for member in MEMBERS]
    assert set(by) == {version, "candidate-1"}
    assert by.count("candidate-1") / len(by) == pytest.approx(0.2, abs=0.02)
    assert [slot.serving(member).version for member in MEMBERS] == by
    slot.apply(CANDIDATE, trial(candidate, SPLIT, 0.4, at=2))
    wider = [slot.serving(member).version for member in MEMBERS]
    assert all(after == "candidate-1" for before, after in zip(by, wider, strict=True) if before == "candidate-1")
    assert wider.count("candidate-1") / len(by) == pytest.approx(0.4, abs=0.03)


def test_two_experiments_take_members_that_have_nothing_to_do_with_each_other() -> None:
    one = {member for member in MEMBERS if in_share(member, "one", 0.5)}
    two = {member for member in MEMBERS if in_share(member, "two", 0.5)}
    assert len(one & two) / len(MEMBERS) == pytest.approx(0.25, abs=0.03)


def test_a_share_of_nothing_has_nobody_and_a_whole_one_everybody() -> None:
    assert not any(in_share(member, "x", 0.0) for member in MEMBERS)
    assert all(in_share(member, "x", 1.0) for member in MEMBERS)


def test_a_trial_that_ends_gives_its_members_back(slot: ModelSlot, folder: Path, candidate: Path) -> None:
    version, record = announcement(folder)
    slot.apply(LIVE, record)
    slot.apply(CANDIDATE, trial(candidate, SPLIT, 0.5))
    slot.apply(CANDIDATE, None)
    assert {slot.serving(member).version for member in MEMBERS[:200]} == {version}
    assert slot.shadow is None


def test_a_candidate_that_is_refused_leaves_the_live_one_alone(slot: ModelSlot, folder: Path, candidate: Path) -> None:
    version, record = announcement(folder)
    slot.apply(LIVE, record)
    record = trial(candidate, SPLIT, 0.5)
    (candidate / "ranker.onnx").write_bytes(b"changed on its way")
    assert not slot.apply(CANDIDATE, record)
    assert {slot.serving(member).version for member in MEMBERS[:200]} == {version}


def test_a_candidate_is_promoted_without_a_moment_of_anything_else(
    slot: ModelSlot, folder: Path, candidate: Path
) -> None:
    slot.apply(LIVE, announcement(folder)[1])
    slot.apply(CANDIDATE, trial(candidate, SHADOW))
    scorer = slot.shadow
    slot.apply(LIVE, announcement(candidate, at=2)[1])
    assert slot.current is scorer
    slot.apply(CANDIDATE, None)
    assert slot.current is scorer


def test_no_bundle_announced_any_more_is_recency(slot: ModelSlot, folder: Path) -> None:
    slot.apply(LIVE, announcement(folder)[1])
    slot.apply(LIVE, None)
    assert slot.current.version == "recency"


# --- set aside


def test_a_batch_that_a_bundle_fails_on_is_served_by_recency_and_says_so(slot: ModelSlot, folder: Path) -> None:
    slot.apply(LIVE, announcement(nan_at_zero(folder))[1])
    X, offsets, C = decisions()
    X[:, RATING] = 1
    assert slot.current.score(X, offsets, C).version == slot.current.version
    X[3, RATING] = 0
    failed = slot.current.score(X, offsets, C)
    assert (failed.version, failed.play_probability, failed.continuation) == ("recency", None, None)
    assert failed.score.tolist() == [0, -1, 0, -1, 0, -1]
    assert slot.current.version != "recency"


def test_a_bundle_that_goes_on_failing_is_set_aside_until_it_is_announced_anew(slot: ModelSlot, folder: Path) -> None:
    broken = nan_at_zero(folder)
    version, record = announcement(broken)
    slot.apply(LIVE, record)
    before = metrics.MODEL_FALLBACKS.labels("not_finite")._value.get()
    for _ in range(fallback.FAILURES):
        assert slot.current.version == version
        slot.current.score(*decisions())
    assert slot.current.version == "recency"
    assert metrics.MODEL_FALLBACKS.labels("not_finite")._value.get() == before + 1
    exposed = metrics.WORKER.expose().decode()
    assert f'cw_model_set_aside{{reason="not_finite",version="{version}"}} 1.0' in exposed
    assert 'cw_model_info{version="recency"} 1.0' in exposed
    slot.apply(LIVE, record)
    assert slot.current.version == "recency", "the same announcement read again is no news"
    slot.apply(LIVE, announcement(broken, at=2)[1])
    assert slot.current.version == version


def test_a_model_that_raises_is_an_error_that_costs_no_batch() -> None:
    class Raises(RecencyScorer):
        version = "raises"

        def score(self, X, offsets, C):
            raise RuntimeError("no\nmore")

    watched = Watched(Raises())
    assert [watched.score(*decisions()).version for _ in range(5)] == ["recency"] * 5
    assert watched.set_aside == "error"


def test_one_failure_among_successes_sets_nothing_aside(slot: ModelSlot, folder: Path) -> None:
    slot.apply(LIVE, announcement(nan_at_zero(folder))[1])
    X, offsets, C = decisions()
    good = X.copy()
    good[:, RATING] = 1
    for _ in range(5):
        slot.current.score(X, offsets, C)
        slot.current.score(X, offsets, C)
        slot.current.score(good, offsets, C)
    assert slot.current.version != "recency"


def busy(seconds: float):
    """A scorer that takes so much CPU time a batch."""
    import time

    class Busy(RecencyScorer):
        version = "busy"

        def score(self, X, offsets, C):
            until = time.thread_time() + seconds
            while time.thread_time() < until:
                pass
            return super().score(X, offsets, C)

    return Busy()


@pytest.mark.parametrize(
    ("seconds", "every_s", "calls", "reason"),
    [
        (0.007, 2.0, 20, "slow"),  # 3 decisions in 7 ms: above 2 ms each, 20 times, for 38 s
        (0.007, 1.0, 20, None),  # for 19 s only
        (0.007, 4.0, 10, None),  # for 36 s, but 10 times only
        (0.001, 2.0, 20, None),
    ],
)
def test_a_bundle_is_set_aside_once_it_has_been_slow_often_and_for_long(seconds, every_s, calls, reason) -> None:
    now = [0.0]
    watched = Watched(busy(seconds), clock=lambda: now[0])
    for _ in range(calls):
        watched.score(*decisions())
        now[0] += every_s
    assert watched.set_aside == reason


def test_what_is_set_aside_in_a_split_goes_to_the_live_bundle(slot: ModelSlot, folder: Path, tmp_path: Path) -> None:
    broken = nan_at_zero(copy_as(folder, tmp_path / "broken", "candidate-2"))
    version, record = announcement(folder)
    slot.apply(LIVE, record)
    slot.apply(CANDIDATE, trial(broken, SPLIT, 0.5))
    member = next(member for member in MEMBERS if slot.serving(member).version == "candidate-2")
    for _ in range(fallback.FAILURES):
        slot.serving(member).score(*decisions())
    assert slot.serving(member).version == version


# --- live outcomes


def verdict(version: str, at: int) -> bytes:
    return announcements.encode_verdict(Verdict(version, at, "precision at 1 is 0.02 below recency's"))


def test_a_bundle_that_outcomes_speak_against_is_set_aside_and_goes_on_in_the_shadow(
    slot: ModelSlot, folder: Path
) -> None:
    version, record = announcement(folder, at=100)
    slot.apply(LIVE, record)
    slot.apply(VERDICT + version, verdict(version, 200))
    assert slot.current.version == "recency"
    assert slot.shadow is not None
    assert slot.shadow.version == version


def test_a_verdict_from_before_the_announcement_counts_no_more(slot: ModelSlot, folder: Path) -> None:
    version, record = announcement(folder, at=300)
    slot.apply(VERDICT + version, verdict(version, 200))
    slot.apply(LIVE, record)
    assert slot.current.version == version


def test_a_verdict_counts_after_a_restart_whichever_record_is_read_first(slot: ModelSlot, folder: Path) -> None:
    version, record = announcement(folder, at=100)
    slot.apply(VERDICT + version, verdict(version, 200))
    slot.apply(LIVE, record)
    assert slot.current.version == "recency"


def test_a_verdict_that_is_taken_back_lets_the_bundle_serve(slot: ModelSlot, folder: Path) -> None:
    version, record = announcement(folder, at=100)
    slot.apply(LIVE, record)
    slot.apply(VERDICT + version, verdict(version, 200))
    slot.apply(VERDICT + version, None)
    assert slot.current.version == version


def test_a_verdict_on_another_bundle_changes_nothing(slot: ModelSlot, folder: Path) -> None:
    version, record = announcement(folder, at=100)
    slot.apply(LIVE, record)
    slot.apply(VERDICT + "another", verdict("another", 200))
    assert slot.current.version == version


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b'{"version": "x", "at": "soon", "reason": ""}'])
def test_a_verdict_that_makes_no_sense_changes_nothing(slot: ModelSlot, folder: Path, value: bytes) -> None:
    version, record = announcement(folder)
    slot.apply(LIVE, record)
    assert not slot.apply(VERDICT + version, value)
    assert slot.current.version == version
