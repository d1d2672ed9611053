"""The parts of streams/batching that need no broker: what is committed, what is evicted, what is delivered."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from faust.types import TP, ConsumerMessage
from hypothesis import given
from hypothesis import strategies as st

from streams.batching import App, Chunk, Table, flushing
from streams.batching.flushing import SLICE, Flushing
from streams.batching.handling import Handling
from streams.batching.partition import Partition
from streams.batching.transport import Consumer

SOURCE = TP("events", 0)


class Producer:
    """Stands where a FencedProducer does for tests that flush nothing."""


def make_consumer() -> Consumer:
    app = App("test", broker="kafka://127.0.0.1:1", web_enabled=False)
    app.topics._acking_topics.add("events")
    app.batched_topic("events")
    app.consumer_generation_id = 7
    return app.consumer


@pytest.fixture
def consumer() -> Consumer:
    return make_consumer()


def deliver(consumer: Consumer, *ends: int) -> list[ConsumerMessage]:
    """Messages as `getmany` makes them, one for each batch; `ends` are the positions after each."""
    messages = []
    start = 0
    for end in ends:
        consumer._delivered[SOURCE].append(end - 1)
        messages.append(consumer._batch_message(SOURCE, Chunk((), start, end, 0)))
        start = end
    return messages


class TestCommit:
    async def test_a_batch_commits_the_position_after_its_last_record(self, consumer: Consumer) -> None:
        (first,) = deliver(consumer, 4003)
        assert consumer.ack(first)
        assert consumer._new_offset(SOURCE) == 4003

    async def test_nothing_is_committed_past_a_batch_that_is_not_acknowledged(self, consumer: Consumer) -> None:
        first, second, third = deliver(consumer, 10, 25, 31)
        consumer.ack(third)
        consumer.ack(first)
        assert consumer._new_offset(SOURCE) == 10
        assert consumer._new_offset(SOURCE) is None
        consumer.ack(second)
        assert consumer._new_offset(SOURCE) == 31

    async def test_an_ack_from_before_a_rebalance_counts_for_nothing(self, consumer: Consumer) -> None:
        (first,) = deliver(consumer, 10)
        consumer.app.consumer_generation_id = 8
        assert not consumer.ack(first)
        assert consumer._new_offset(SOURCE) is None

    @given(st.permutations(range(6)))
    def test_acks_in_any_order_commit_the_end_of_what_is_whole(self, order: list[int]) -> None:
        consumer = make_consumer()
        ends = [3, 4, 9, 20, 21, 50]
        messages = deliver(consumer, *ends)
        acked: set[int] = set()
        committed = 0
        for index in order:
            consumer.ack(messages[index])
            acked.add(index)
            committed = consumer._new_offset(SOURCE) or committed
            whole = next((i for i in range(6) if i not in acked), 6)
            assert committed == (ends[whole - 1] if whole else 0)


class FoundRecord:
    def __init__(self, offset: int) -> None:
        self.offset = offset


def chunk(start: int, end: int) -> Chunk:
    return Chunk([FoundRecord(offset) for offset in range(start, end)], start, end, 0)  # type: ignore[misc]


class TestContinuity:
    async def test_a_batch_that_follows_on_is_delivered_as_it_is(self, consumer: Consumer) -> None:
        consumer._next[SOURCE] = 5
        follows = chunk(5, 9)
        assert await consumer._continuing(SOURCE, follows) is follows

    async def test_of_a_batch_that_overlaps_only_the_rest_is_delivered(self, consumer: Consumer) -> None:
        consumer._next[SOURCE] = 7
        rest = await consumer._continuing(SOURCE, chunk(5, 9))
        assert rest is not None
        assert [record.offset for record in rest.records] == [7, 8]
        assert (rest.start, rest.end) == (7, 9)

    async def test_what_was_delivered_before_is_not_delivered_again(self, consumer: Consumer) -> None:
        consumer._next[SOURCE] = 9
        assert await consumer._continuing(SOURCE, chunk(5, 9)) is None

    async def test_a_gap_is_read_again_and_accepted_only_where_the_log_has_it(
        self, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sought: list[Any] = []

        async def seek(tp: TP, offset: int) -> None:
            sought.append((tp, offset))

        monkeypatch.setattr(consumer, "seek", seek)
        consumer._next[SOURCE] = 5
        late = chunk(8, 9)
        assert await consumer._continuing(SOURCE, late) is None
        assert sought == [(SOURCE, 5)]
        assert await consumer._continuing(SOURCE, late) == Chunk(late.records, 5, late.end, late.behind)


class TestPartition:
    def partition(self) -> Partition[int]:
        return Partition(0, Producer())  # type: ignore[arg-type]

    def stored(self, _partition: int, key: bytes) -> tuple[int | None, int]:
        """Values of 100 bytes each; an entry takes 300 with what it takes beside."""
        value = {b"a": 1, b"b": 2, b"c": 3, b"d": 4, b"e": 5}.get(key)
        return value, 0 if value is None else 100

    async def test_values_used_since_the_last_eviction_stay(self) -> None:
        partition = self.partition()
        for key in (b"a", b"b", b"c"):
            partition.get(key, self.stored)
        partition.evict(1_200)
        partition.get(b"b", self.stored)
        partition.get(b"d", self.stored)
        partition.get(b"e", self.stored)
        partition.evict(1_200)
        assert set(partition.recent) | set(partition.older) == {b"b", b"d", b"e"}

    async def test_few_large_values_leave_as_many_small_ones_do(self) -> None:
        """The bound is in bytes, those of values that grow while they are in use, too."""
        partition = self.partition()
        for key in (b"a", b"b"):
            partition.get(key, self.stored)
        partition.evict(1_200)
        assert set(partition.recent) == {b"a", b"b"}
        partition.put_many({b"a": 10})
        partition.take_dirty()
        partition.resize(b"a", 5_000)
        partition.flushing = {}
        partition.evict(1_200)
        partition.get(b"c", self.stored)
        assert (set(partition.recent), set(partition.older)) == ({b"c"}, {b"a", b"b"})
        partition.get(b"a", self.stored)
        assert partition.recent_bytes == 300 + 5_200
        partition.evict(1_200)
        assert (set(partition.recent), set(partition.older)) == (set(), {b"a", b"c"})

    async def test_what_is_changed_counts_once_with_its_bytes_until_it_is_on_its_way(self) -> None:
        partition = self.partition()
        partition.get(b"a", self.stored)
        partition.put_many({b"a": 10})
        partition.put_many({b"a": 11, b"new": 1})
        assert partition.dirty_bytes == 300 + 200
        partition.take_dirty()
        assert partition.dirty_bytes == 0

    async def test_a_changed_value_stays_until_it_is_flushed(self) -> None:
        partition = self.partition()
        partition.put_many({b"a": 10, b"b": 20})

        def nowhere(_partition: int, key: bytes) -> tuple[int, int]:
            raise AssertionError(f"{key!r} was evicted")

        for _ in range(5):
            partition.evict(0)
        assert partition.get(b"a", nowhere) == 10
        assert dict(partition.take_dirty()) == {b"a": 10, b"b": 20}
        for _ in range(5):
            partition.evict(0)
        assert partition.get(b"a", nowhere) == 10, "it is on its way, not there"
        partition.flushing = {}
        for _ in range(5):
            partition.get(b"c", self.stored)
            partition.evict(0)
        assert partition.get(b"b", self.stored) == 2, "evicted, and read from where it is stored"

    async def test_a_value_changed_while_it_is_flushed_is_changed_still(self) -> None:
        partition = self.partition()
        partition.put_many({b"a": 1})
        partition.take_dirty()
        partition.put_many({b"a": 2})
        assert dict(partition.take_dirty()) == {b"a": 2}

    async def test_of_marks_only_what_changed_since_the_last_flush_is_written(self) -> None:
        partition = self.partition()
        partition.marked.update(dict.fromkeys([b"a", b"b"]))
        assert partition.take_marks() == {b"a": True, b"b": True}
        del partition.marked[b"a"]
        partition.marked.update(dict.fromkeys([b"b", b"c", b"d"]))
        del partition.marked[b"d"]
        assert partition.take_marks() == {b"a": False, b"c": True}
        assert partition.take_marks() == {}

    async def test_absence_is_remembered_too(self) -> None:
        partition = self.partition()
        assert partition.get(b"none", self.stored) is None
        assert partition.recent == {b"none": None}


@pytest.mark.timeout(20)
async def test_settling_waits_for_a_handler_that_takes_the_next_batch_meanwhile(consumer: Consumer) -> None:
    """As when a worker stops under load: while one batch is flushed, the handler is at work on the next."""
    table: Table[int] = Table(consumer.app, "t", partitions=1, encode=str, decode=int)  # type: ignore[arg-type]
    partition = table.live[0] = Partition(0, Producer())  # type: ignore[arg-type]
    first, second = deliver(consumer, 10, 20)
    sent = asyncio.get_running_loop().create_future()
    partition.held.append(first)
    partition.outputs.append(sent)
    settling = asyncio.create_task(table.settle())
    await asyncio.sleep(0.01)
    partition.idle.clear()
    partition.held.append(second)
    sent.set_result(None)
    await asyncio.sleep(0.01)
    assert not settling.done()
    partition.idle.set()
    await settling
    assert consumer._new_offset(SOURCE) == 20


@pytest.mark.timeout(20)
async def test_a_value_changed_while_a_flush_encodes_is_in_the_next_one_too(consumer: Consumer) -> None:
    """The handler has its turns meanwhile, so that a flush of thousands holds nobody up."""
    app = consumer.app
    table: Table[list[int]] = Table(app, "t", partitions=1, encode=bytes, decode=list)
    partition: Partition[list[int]] = Partition(0, Producer())  # type: ignore[arg-type]
    keys = [b"%d" % number for number in range(2 * SLICE)]
    partition.put_many({key: [1] for key in keys})
    flush = asyncio.create_task(Flushing(table)._encoded(partition))
    await asyncio.sleep(0)
    for key in (keys[0], keys[-1]):
        partition.recent[key].append(2)  # type: ignore[union-attr]
        partition.put_many({key: partition.recent[key]})
    written = dict(await flush)
    assert (written[keys[0]], written[keys[-1]], len(written)) == (b"\1", b"\1\2", 2 * SLICE)
    assert dict(partition.take_dirty()) == {keys[0]: [1, 2], keys[-1]: [1, 2]}


@pytest.mark.timeout(20)
async def test_a_flush_that_is_stuck_gives_its_partition_up(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "TIMEOUT_S", 0.01)
    rejoined: list[bool] = []
    monkeypatch.setattr(consumer, "rejoin", lambda: rejoined.append(True))
    table: Table[int] = Table(consumer.app, "t", partitions=1, encode=str, decode=int)  # type: ignore[arg-type]
    partition = table.live[0] = Partition(0, Producer())  # type: ignore[arg-type]
    (message,) = deliver(consumer, 10)
    partition.held.append(message)
    partition.outputs.append(asyncio.get_running_loop().create_future())  # never delivered
    await Flushing(table)._flush(partition)
    assert (partition.dropped, rejoined, message.acked) == (True, [True], False)


async def test_a_batch_that_does_not_follow_on_gives_its_partition_up(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a batch lost between consumer and handler, what comes behind it must not be applied."""
    monkeypatch.setattr(consumer, "rejoin", lambda: None)
    table: Table[int] = Table(consumer.app, "t", partitions=1, encode=str, decode=int)  # type: ignore[arg-type]
    partition: Partition[int] = Partition(0, Producer())  # type: ignore[arg-type]

    async def nothing(_batches: Any) -> None:
        pass

    handling = Handling(table, "events", nothing)
    first, second, third = deliver(consumer, 10, 20, 30)
    assert handling._continues(partition, first)
    assert not handling._continues(partition, third)
    assert partition.dropped
    consumer._committed_offset[SOURCE] = 10
    for message, follows in ((first, False), (second, True), (third, False)):
        anew: Partition[int] = Partition(0, Producer())  # type: ignore[arg-type]
        assert (handling._continues(anew, message), anew.dropped) == (follows, not follows)


async def test_partitions_take_turns_at_flushing_and_none_waits_longer_than_the_interval(consumer: Consumer) -> None:
    table: Table[int] = Table(consumer.app, "t", partitions=4, encode=str, decode=int)  # type: ignore[arg-type]
    flushing, now = Flushing(table), 100.3
    due = sorted(flushing._slot(number, now) for number in range(4))
    assert now < due[0]
    assert due[-1] <= now + table.flush_interval
    assert min(later - earlier for earlier, later in pairwise(due)) > 0.1
    assert flushing._slot(2, now) == pytest.approx(flushing._slot(2, due[0] - 0.01))


def test_a_second_table_is_refused() -> None:
    app = App("test", broker="kafka://127.0.0.1:1")
    Table(app, "one", partitions=1, encode=bytes, decode=bytes)
    with pytest.raises(Exception, match="has a table already"):
        Table(app, "two", partitions=1, encode=bytes, decode=bytes)


def test_settings_of_faust_may_be_overridden() -> None:
    app = App("test", broker="kafka://127.0.0.1:1", broker_session_timeout=20.0)
    assert app.conf.broker_session_timeout == 20.0
    assert app.conf.stream_buffer_maxsize == 4
