"""The lag of every consumer group, in records and in seconds, round after round, with a verdict on each."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from streams import topics
from streams.config import WORKER_APP_ID
from streams.metrics import MONITOR_RECORDS_READ
from streams.monitor.kafka import Group, Partition
from streams.monitor.rules import WINDOW_S, Sample, Status, Verdict, evaluate, worst

# Groups that must be there, and what they read: looked at even where the broker has never heard of them.
REQUIRED: Final[Mapping[str, str]] = {WORKER_APP_ID: topics.EVENTS}
# A log can change under a commit that stands still (compaction, a topic made anew), so an age is read again after this.
CACHE_S: Final = 60.0


class Source(Protocol):
    """Where the figures come from: `streams.monitor.kafka.Broker`."""

    def groups(self) -> dict[str, Group]: ...
    def partitions(self) -> dict[str, int]: ...
    def log_bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]: ...
    def first_timestamps(self, offsets: Mapping[Partition, tuple[int, int]]) -> dict[Partition, int | None]: ...


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One group on one partition."""

    topic: str
    partition: int
    committed: int | None  # None: never committed
    end: int  # offset that the next record will get
    lag: int  # records that wait
    lag_s: float | None  # age of the oldest of them, seconds; 0.0 where none waits, None where it has no timestamp
    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class GroupLag:
    """One group; `lag` is the sum over its partitions, `lag_s`, `status` and `reason` those of the worst."""

    group: str
    state: str
    members: int | None
    lag: int
    lag_s: float | None
    status: Status
    reason: str
    partitions: tuple[PartitionLag, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One round. `at` in seconds since the epoch."""

    at: float
    groups: tuple[GroupLag, ...]


@dataclass(frozen=True, slots=True)
class _Age:
    timestamp: int | None  # ms; None: nothing but markers up to `end`
    end: int
    read_at: float


class LagWatch:
    """Takes a round of measurements at each call, and remembers the last WINDOW_S seconds for the rules.

    Costs at most one read of one batch per partition and round, and only where the oldest record that waits is another
    one than in the round before.
    """

    def __init__(
        self, source: Source, required: Mapping[str, str] = REQUIRED, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._required = required
        self._clock = clock
        self._ages: dict[tuple[Partition, int], _Age] = {}
        self._histories: dict[tuple[str, Partition], deque[Sample]] = {}

    def round(self) -> Snapshot:
        """Measures every group now. Raises CommandError where the broker can't be reached."""
        groups = self._source.groups()
        for name in self._required:
            groups.setdefault(name, Group(name, "Dead", 0, None, {}))
        counts = self._source.partitions()
        read = {name: _partitions_of(group, self._required.get(name), counts) for name, group in groups.items()}
        # After the commits, so that a commit is beyond the end only where the log was made anew.
        bounds = self._source.log_bounds(set().union(*read.values()))
        now = self._clock()
        ages = self._read_ages(groups, read, bounds, now)
        seen: dict[tuple[str, Partition], deque[Sample]] = {}
        for name, group in groups.items():
            for partition in read[name]:
                sample = _sample(group, partition, bounds[partition], ages, now)
                seen[name, partition] = self._histories.get((name, partition), deque())
                seen[name, partition].append(sample)
                while now - seen[name, partition][0].at > WINDOW_S:
                    seen[name, partition].popleft()
        self._histories = seen
        return Snapshot(now, tuple(self._group_lag(groups[name], read[name], now) for name in sorted(groups)))

    def _read_ages(
        self,
        groups: Mapping[str, Group],
        read: Mapping[str, Iterable[Partition]],
        bounds: Mapping[Partition, tuple[int, int]],
        now: float,
    ) -> Mapping[tuple[Partition, int], _Age]:
        wanted = {
            (partition, first)
            for name, group in groups.items()
            for partition in read[name]
            if (first := _first_waiting(group, partition, bounds[partition])) < bounds[partition][1]
        }
        kept = {
            key: age
            for key, age in self._ages.items()
            if key in wanted
            and now - age.read_at < CACHE_S
            and (age.timestamp is not None or age.end == bounds[key[0]][1])
        }
        missing = wanted - kept.keys()
        while missing:  # groups that stand at different offsets of one partition take turns
            turn = {partition: (offset, bounds[partition][1]) for partition, offset in missing}
            found = self._source.first_timestamps(turn)
            MONITOR_RECORDS_READ.inc(len(found))
            for partition, timestamp in found.items():
                offset, end = turn[partition]
                kept[partition, offset] = _Age(timestamp, end, now)
            missing -= {(partition, offset) for partition, (offset, _) in turn.items()}
        self._ages = kept
        return kept

    def _group_lag(self, group: Group, partitions: Iterable[Partition], now: float) -> GroupLag:
        required = group.name in self._required
        lags = []
        for partition in sorted(partitions):
            history = self._histories[group.name, partition]
            verdict = evaluate(history, now, required)
            last = history[-1]
            lags.append(
                PartitionLag(
                    *partition, last.committed, last.end, last.lag, last.lag_s, verdict.status, verdict.reason
                )
            )
        ages = [lag.lag_s for lag in lags if lag.lag]
        known = [age for age in ages if age is not None]
        verdict = worst([Verdict(lag.status, lag.reason) for lag in lags] or [_without_partitions(group, required)])
        return GroupLag(
            group.name,
            group.state,
            group.members,
            sum(lag.lag for lag in lags),
            max(known) if known else (None if ages else 0.0),
            verdict.status,
            verdict.reason,
            tuple(lags),
        )


def _partitions_of(group: Group, required_topic: str | None, counts: Mapping[str, int]) -> set[Partition]:
    """The partitions that matter to a group: every one of each topic that it commits on, was given or must read.

    Faust hands its members changelogs and topics of its own too, which they read but do not commit on.
    """
    names = {partition.topic for partition in group.committed}
    names |= {
        partition.topic
        for partition in group.owned or ()
        if not partition.topic.endswith("-changelog") and "__" not in partition.topic
    }
    if required_topic:
        names.add(required_topic)
    return {Partition(topic, number) for topic in names for number in range(counts.get(topic, 0))}


def _first_waiting(group: Group, partition: Partition, bounds: tuple[int, int]) -> int:
    """Offset from which on the group has records to read: its commit, or the start of the log where there is none."""
    start, end = bounds
    committed = group.committed.get(partition)
    return start if committed is None or committed > end else max(committed, start)


def _sample(
    group: Group,
    partition: Partition,
    bounds: tuple[int, int],
    ages: Mapping[tuple[Partition, int], _Age],
    now: float,
) -> Sample:
    start, end = bounds
    first = _first_waiting(group, partition, bounds)
    sample = Sample(
        at=now,
        committed=group.committed.get(partition),
        start=start,
        end=end,
        lag=end - first,
        lag_s=0.0,
        members=group.members,
        owned=None if group.owned is None else partition in group.owned,
    )
    if not sample.lag:
        return sample
    age = ages.get((partition, first))
    if age is None or age.timestamp == -1:
        return replace(sample, lag_s=None)
    if age.timestamp is None:
        return replace(sample, lag=0)
    return replace(sample, lag_s=max(0.0, now - age.timestamp / 1000))


def _without_partitions(group: Group, required: bool) -> Verdict:
    if required and group.members == 0:
        return Verdict(Status.STOP, "the group has no members, and its topic does not exist")
    return Verdict(Status.OK, "reads nothing")
