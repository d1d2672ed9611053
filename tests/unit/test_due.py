"""Which members' rows a batch makes, and which are put off."""

from collections.abc import Iterable

from streams.agents import due
from streams.agents.fold import Folded


class FakeBatch:
    """A batch of so many records, and the marks of its partition."""

    def __init__(self, records: int, marked: Iterable[str] = ()) -> None:
        self.records = [None] * records
        self.marked = dict.fromkeys(name.encode() for name in marked)

    def mark(self, keys: Iterable[bytes]) -> None:
        self.marked.update(dict.fromkeys(keys))

    def unmark(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self.marked.pop(key, None)


def names(prefix: str, count: int) -> dict[bytes, None]:
    return dict.fromkeys(f"{prefix}{number}".encode() for number in range(count))


def test_with_room_left_every_event_makes_a_row_at_once() -> None:
    batch = FakeBatch(3)
    chosen = due.members(batch, Folded(urgent=names("u", 1), quiet=names("q", 2)), batches=1)
    assert list(chosen) == [b"u0", b"q0", b"q1"]
    assert not batch.marked


def test_what_was_put_off_goes_before_the_quiet_events_of_the_batch() -> None:
    batch = FakeBatch(4, marked=["old0", "old1"])
    chosen = due.members(batch, Folded(quiet=names("q", 4)), batches=due.ROOM // 4)
    assert list(chosen) == [b"old0", b"old1", b"q0", b"q1"]
    assert list(batch.marked) == [b"q2", b"q3"]


def test_urgent_events_make_rows_without_room_and_quiet_ones_wait() -> None:
    batch = FakeBatch(100, marked=["u3", "old"])
    chosen = due.members(batch, Folded(urgent=names("u", 70), quiet=names("q", 2)), batches=1)
    assert list(chosen) == list(names("u", 70))
    assert list(batch.marked) == [b"old", b"q0", b"q1"]


def test_a_member_put_off_is_not_put_off_twice_when_an_urgent_event_makes_the_row() -> None:
    batch = FakeBatch(1, marked=["m"])
    due.members(batch, Folded(urgent={b"m": None}), batches=1)
    assert not batch.marked


def test_a_batch_of_many_records_has_room_for_a_share_of_them() -> None:
    batch = FakeBatch(1000)
    chosen = due.members(batch, Folded(quiet=names("q", 1000)), batches=1)
    assert len(chosen) == 300
    assert len(batch.marked) == 700


def test_batches_handled_at_once_share_the_room() -> None:
    chosen = due.members(FakeBatch(20), Folded(quiet=names("q", 20)), batches=4)
    assert len(chosen) == due.ROOM // 4


def test_without_records_what_was_put_off_has_its_turn() -> None:
    batch = FakeBatch(0, marked=["a", "b"])
    assert list(due.members(batch, Folded(), batches=1)) == [b"a", b"b"]
    assert not batch.marked
