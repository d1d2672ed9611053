"""The row store on a real RocksDB: the highest version stays, whatever the order of arrival."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.gateway.log_reader import Record
from streams.gateway.store import RowStore


def record(member: str, device: str, version: str, at: int = 0) -> Record:
    row = {"member_id": member, "device_id": device, "version": version, "items": []}
    return Record(f"{member}|{device}".encode(), orjson.dumps(row), at)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RowStore]:
    rows = RowStore(tmp_path / "rows")
    yield rows
    rows.close()


def version(store: RowStore, member: str, device: str | None) -> str | None:
    row = store.row(member, device)
    return None if row is None else str(row.version)


def test_an_older_version_never_replaces_a_newer_one(store: RowStore) -> None:
    assert store.apply([record("ada", "tv", "0-10-5")]) == {"ada"}
    assert store.apply([record("ada", "tv", "0-9-9"), record("ada", "tv", "0-10-5")]) == set()
    assert version(store, "ada", "tv") == "0-10-5"


def test_a_higher_epoch_wins_over_any_offset(store: RowStore) -> None:
    store.apply([record("ada", "tv", "0-900-5"), record("ada", "tv", "1-0-1")])
    assert version(store, "ada", "tv") == "1-0-1"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 200), st.integers(0, 3)), min_size=1), st.integers(1, 5))
def test_in_any_order_and_any_batches_the_highest_version_stays(
    tmp_path: Path, versions: list[tuple[int, int, int]], batch: int
) -> None:
    store = RowStore(tmp_path / "rows")
    records = [record("ada", "tv", f"{e}-{o}-{ms}") for e, o, ms in versions]
    for at in range(0, len(records), batch):
        store.apply(records[at : at + batch])
    assert version(store, "ada", "tv") == "{}-{}-{}".format(*max(versions))
    assert store.count == 1
    store.close()


def test_devices_and_members_are_kept_apart(store: RowStore) -> None:
    store.apply([record("a", "tv", "0-1-1"), record("a", "phone", "0-2-1"), record("ab", "tv", "0-3-1")])
    assert {row.device_id for row in store.rows("a")} == {"tv", "phone"}
    assert store.row("a", "tablet") is None
    assert store.row("b", None) is None


def test_without_a_device_the_one_that_the_worker_wrote_first_for_the_last_event_answers(store: RowStore) -> None:
    store.apply([record("ada", "tv", "0-7-3", at=1), record("ada", "phone", "0-6-9", at=2)])
    assert device(store) == "tv"
    store.apply([record("ada", "phone", "0-8-5", at=3), record("ada", "tv", "0-8-5", at=4)])
    assert device(store) == "phone"
    store.apply([record("ada", "tv", "0-9-6", at=5), record("ada", "phone", "0-9-6", at=6)])
    assert device(store) == "tv"


def device(store: RowStore) -> str | None:
    row = store.row("ada", None)
    return None if row is None else row.device_id


def test_a_tombstone_removes_the_row_even_where_ids_contain_the_separator(store: RowStore) -> None:
    store.apply([record("house|ada", "tv|den", "0-7-3"), record("house|ada", "phone", "0-7-3")])
    assert store.apply([Record(b"house|ada|tv|den", None, 9)]) == {"house|ada"}
    assert store.row("house|ada", "tv|den") is None
    assert store.row("house|ada", "phone") is not None
    assert store.count == 1


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"{}",
        b'{"member_id":"a","device_id":"tv","version":"1-2"}',
        b'{"member_id":7,"device_id":"tv","version":"1-2-3"}',
        b'{"member_id":"a\\u0000b","device_id":"tv","version":"1-2-3"}',
        b"[" * 1_000_000,
    ],
)
def test_a_record_that_is_no_row_is_left_out_and_the_rest_goes_on(store: RowStore, value: bytes) -> None:
    assert store.apply([Record(b"a|tv", value, 0), Record(None, None, 1), record("ada", "tv", "0-1-1")]) == {"ada"}


def test_a_row_is_served_on_one_line_even_where_it_was_written_on_several(store: RowStore) -> None:
    store.apply([Record(b"ada|tv", b'{\n"member_id": "ada", "device_id": "tv",\r\n"version": "0-1-1"}', 0)])
    row = store.row("ada", "tv")
    assert row is not None
    assert row.body == b'{"member_id":"ada","device_id":"tv","version":"0-1-1"}'
