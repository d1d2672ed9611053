"""A table of histories judges every rule at once: each is what a monitor saw of one group on one partition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.monitor.rules import STALL_AFTER_S, Sample, Status, Verdict, evaluate, worst

NOW = 1_000_000.0


def seen(seconds_ago, committed, end, *, start=0, lag=None, lag_s=None, members=1, owned=True):
    """One sample, by default of a live group; the lag is what the offsets say unless told otherwise."""
    waiting = max(0, end - max(committed or 0, start)) if lag is None else lag
    return Sample(NOW - seconds_ago, committed, start, end, waiting, lag_s, members, owned)


def every(step, samples):
    """A history with one sample every `step` seconds, the last one now."""
    return [seen((len(samples) - 1 - i) * step, *sample) for i, sample in enumerate(samples)]


HISTORIES = {
    # rule 1: nobody is there
    "a worker that was killed while records arrive": (
        [seen(4, 70, 90), seen(2, 70, 95), seen(0, 70, 99, members=0)], Status.STOP, "no members"),
    "a group that left with nothing waiting": ([seen(0, 99, 99, members=0)], Status.OK, "no members"),
    "a group that left and never committed": (
        [seen(0, None, 99, members=0)], Status.STOP, "no members and never committed"),
    "an empty topic that nobody reads": ([seen(0, None, 0, members=0)], Status.OK, "no members"),
    # rule 2: nobody has the partition
    "a partition that no member was given": (
        [seen(0, 70, 99, owned=False)], Status.STOP, "no member of the group has this partition"),
    "a partition that no member was given, with nothing in it": ([seen(0, 99, 99, owned=False)], Status.OK, ""),
    "a group that is rebalancing": ([seen(2, 70, 90, owned=None), seen(0, 70, 99, owned=None)], Status.OK, ""),
    # rule 3: records wait and nothing moves
    "a stopped process, its session not yet timed out": (
        every(2, [(70, 70), (70, 90), (70, 95), (70, 97), (70, 99)]), Status.STALL, "committed nothing for 6 s"),
    "a stuck consumer that nothing new arrives for": (
        every(2, [(70, 99)] * 5), Status.STALL, "committed nothing for 8 s"),
    "a consumer that joined and never commits": (every(2, [(None, 99)] * 4), Status.STALL, "never committed"),
    "a consumer that joined just now": (every(2, [(None, 99)] * 2), Status.OK, "has not committed yet"),
    "an idle consumer for which one record just came": (every(20, [(99, 99), (99, 99), (99, 100)]), Status.OK, ""),
    "a consumer that idles": (every(20, [(99, 99)] * 4), Status.OK, "keeps up"),
    "a transaction marker at the end of the log": ([seen(9, 98, 99, lag=0), seen(0, 98, 99, lag=0)], Status.OK, ""),
    "a consumer that was stuck and moves again": (every(2, [(70, 99)] * 5 + [(80, 99)]), Status.OK, "keeps up"),
    "stuck after it went back": (
        every(2, [(90, 99), (70, 99), (70, 99), (70, 99), (70, 99)]), Status.STALL, "committed nothing"),
    # rule 4: the commit went back
    "a group that was set back": (every(2, [(90, 99), (70, 99), (75, 99)]), Status.REWIND, "from 90 to 75"),
    "a group that was set back and caught up": (every(2, [(90, 99), (70, 99), (99, 99)]), Status.OK, "keeps up"),
    "a topic that was made anew": ([seen(0, 500, 3, lag=3)], Status.REWIND, "the log ends at 3"),
    # rule 5: records were deleted unread
    "retention overtook the consumer": (
        [seen(2, 70, 990, start=100), seen(0, 80, 999, start=120)], Status.WARN, "40 records were deleted"),
    # rule 6: it moves, but the lag never falls
    "a consumer slower than its topic": (
        [seen(40 - 2 * i, 100 + i, 200 + 3 * i, lag_s=20.0 + i) for i in range(21)], Status.WARN, "not caught up"),
    "a backlog that shrinks": (
        [seen(40 - 2 * i, 100 + 30 * i, 9000 + i, lag_s=900.0) for i in range(21)], Status.OK, "keeps up"),
    "always a second behind, as its commits come": (
        [seen(40 - 2 * i, 100 + 10 * i, 110 + 10 * i, lag_s=1.0) for i in range(21)], Status.OK, "keeps up"),
    "slower than its topic, but only for a moment": (
        [seen(8 - 2 * i, 100 + i, 200 + 3 * i, lag_s=20.0 + i) for i in range(5)], Status.OK, "keeps up"),
    "caught up once within the window": (
        [seen(40 - 2 * i, 100 + i, (100 if i == 3 else 200) + i, lag_s=20.0) for i in range(21)], Status.OK, ""),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_each_history_gets_its_verdict(name):
    """The status is exact, and the reason says why in words."""
    history, status, reason = HISTORIES[name]
    verdict = evaluate(history, NOW)
    assert verdict.status is status
    assert reason in verdict.reason


def test_a_required_group_without_members_is_stopped_even_when_nothing_waits():
    """The worker must run also at night, when no event comes."""
    assert evaluate([seen(0, 99, 99, members=0)], NOW, required=True).status is Status.STOP
    assert evaluate([seen(0, 99, 99, members=1)], NOW, required=True).status is Status.OK


def test_stalled_from_the_limit_on_and_not_before():
    """STALL_AFTER_S is the shortest time without a commit that counts."""
    just_under = [seen(STALL_AFTER_S - 0.1, 70, 99), seen(0, 70, 99)]
    at_limit = [seen(STALL_AFTER_S, 70, 99), seen(0, 70, 99)]
    assert evaluate(just_under, NOW).status is Status.OK
    assert evaluate(at_limit, NOW).status is Status.STALL


def test_time_alone_turns_a_waiting_record_into_a_stall():
    """The same history judged later: no new sample is needed to see that nothing moved."""
    history = [seen(0, 70, 99)]
    assert evaluate(history, NOW + 4).status is Status.OK
    assert evaluate(history, NOW + 6).status is Status.STALL


def test_a_group_is_as_bad_as_its_worst_partition():
    """STOP is worse than STALL, then REWIND, WARN, OK."""
    verdicts = [Verdict(status, status.name) for status in (Status.OK, Status.STALL, Status.WARN, Status.REWIND)]
    assert worst(verdicts).status is Status.STALL
    assert worst([*verdicts, Verdict(Status.STOP, "")]).status is Status.STOP


@given(arrived=st.lists(st.integers(1, 50), min_size=2, max_size=40), pause=st.floats(0.1, STALL_AFTER_S - 0.1))
def test_a_consumer_one_look_behind_is_never_reported(arrived, pause):
    """Whatever arrives and however often one looks: a commit of all that was there a look earlier is keeping up."""
    ends = [sum(arrived[: i + 1]) for i in range(len(arrived))]
    history = [
        seen((len(ends) - 1 - i) * pause, ends[i - 1] if i else 0, ends[i], lag_s=pause) for i in range(len(ends))
    ]
    assert evaluate(history, NOW).status is Status.OK
