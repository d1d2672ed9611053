"""What a consumer's recent commits say about it: numbered rules, pure, with time as an argument.

The input is a history: what was seen of one consumer group on one partition, oldest first, over the last WINDOW_S
seconds. The first rule that answers, counting from 1, decides. A group is as bad as its worst partition.

A commit that repeats an offset leaves no trace that a monitor can ask the broker for, and most clients do not send it.
So "commits, but does not move" and "does not commit" are told apart by the group's members instead: STALL is somebody
there and nothing moving, STOP is nobody there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

WINDOW_S: Final = 60.0  # how much history the rules see
STALL_AFTER_S: Final = 5.0  # records wait and nothing is committed for this long: stalled
WARN_AFTER_S: Final = 30.0  # a lag that does not fall is judged over at least this long
WARN_LAG_S: Final = 5.0  # a steady lag below this is the pace of commits, not a consumer that can't keep up


class Status(IntEnum):
    """From best to worst; the numbers are those of the metric cw_group_status."""

    OK = 0
    WARN = 1
    REWIND = 2
    STALL = 3
    STOP = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one consumer group on one partition."""

    at: float  # when it was taken, seconds since the epoch
    committed: int | None  # the next offset that the group will read; None: it has never committed
    start: int  # first offset that the log still has
    end: int  # offset that the next record will get
    lag: int  # records that wait; 0 also where only transaction markers are left
    lag_s: float | None  # age of the oldest record that waits, seconds; 0.0: none waits; None: it has no timestamp
    members: int | None  # consumers in the group; None: the broker does not say
    owned: bool | None  # a member has this partition; None: the broker does not say, or the group is rebalancing


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status and why, in words."""

    status: Status
    reason: str


def evaluate(history: Sequence[Sample], now: float, required: bool = False) -> Verdict:
    """Judges one group on one partition by its history, oldest first, at least one sample.

    `required` says that this group must have members even when nothing waits for it.
    """
    return (
        _1_nobody_is_there(history, required)
        or _2_nobody_has_the_partition(history)
        or _3_records_wait_and_nothing_moves(history, now)
        or _4_the_commit_went_back(history)
        or _5_records_were_deleted_unread(history)
        or _6_it_moves_but_the_lag_never_falls(history, now)
        or _7_it_keeps_up(history)
    )


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a group: that of its worst partition."""
    return max(verdicts, key=lambda verdict: verdict.status)


def _1_nobody_is_there(history: Sequence[Sample], required: bool) -> Verdict | None:
    last = history[-1]
    if last.members != 0 or not (required or last.lag):
        return None
    never = " and never committed" if last.committed is None else ""
    return Verdict(Status.STOP, f"the group has no members{never}")


def _2_nobody_has_the_partition(history: Sequence[Sample]) -> Verdict | None:
    last = history[-1]
    if last.owned is not False or not last.lag:
        return None
    return Verdict(Status.STOP, "no member of the group has this partition")


def _3_records_wait_and_nothing_moves(history: Sequence[Sample], now: float) -> Verdict | None:
    last = history[-1]
    since = now
    for sample in reversed(history):
        if not sample.lag or sample.committed != last.committed:
            break
        since = sample.at
    if not last.lag or now - since < STALL_AFTER_S:
        return None
    if last.committed is None:
        return Verdict(Status.STALL, "has members, but never committed")
    return Verdict(Status.STALL, f"has members, but committed nothing for {now - since:.0f} s")


def _4_the_commit_went_back(history: Sequence[Sample]) -> Verdict | None:
    last = history[-1]
    if last.committed is None:
        return None
    if last.committed > last.end:
        return Verdict(Status.REWIND, f"committed {last.committed}, but the log ends at {last.end}: it was made anew")
    highest = max((sample.committed for sample in history if sample.committed is not None), default=last.committed)
    if last.committed >= highest:
        return None
    return Verdict(Status.REWIND, f"went back from {highest} to {last.committed}")


def _5_records_were_deleted_unread(history: Sequence[Sample]) -> Verdict | None:
    last = history[-1]
    if last.committed is None or last.committed >= last.start:
        return None
    return Verdict(Status.WARN, f"{last.start - last.committed} records were deleted before it read them")


def _6_it_moves_but_the_lag_never_falls(history: Sequence[Sample], now: float) -> Verdict | None:
    last = history[-1]
    if now - history[0].at < WARN_AFTER_S or (last.lag_s is not None and last.lag_s < WARN_LAG_S):
        return None
    middle = (history[0].at + now) / 2
    before = min((sample.lag for sample in history if sample.at < middle), default=0)
    after = min((sample.lag for sample in history if sample.at >= middle), default=0)
    if before == 0 or after < before:
        return None
    return Verdict(Status.WARN, f"moves, but has not caught up for {now - history[0].at:.0f} s")


def _7_it_keeps_up(history: Sequence[Sample]) -> Verdict:
    last = history[-1]
    if last.members == 0:
        return Verdict(Status.OK, "nothing waits; the group has no members")
    if last.committed is None:
        return Verdict(Status.OK, "has not committed yet")
    return Verdict(Status.OK, "keeps up")
