"""A batched table on a real RocksDB, without a broker: what is written with what, and what can't be decoded."""

import asyncio
import random
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.batching import App, Batch, Chunk, Output, Revoked, Table, store
from streams.batching.partition import Partition

IN_MEMORY = ("num-entries-active-mem-table", "num-immutable-mem-table")


@dataclass
class ChangelogRecord:
    offset: int
    key: bytes
    value: bytes | None


@pytest.fixture
def table(tmp_path: Path) -> Table[int]:
    app = App("test", broker="kafka://127.0.0.1:1", datadir=str(tmp_path))
    return Table(app, "counts", partitions=2, encode=lambda n: str(n).encode(), decode=int)


def batch_of(table: Table[int]) -> Batch[int]:
    partition: Partition[int] = Partition(0, None)  # type: ignore[arg-type]
    return Batch(table, partition, "events", Chunk((), 0, 0, 0))


def read_from_changelog(table: Table[int], partition: int, chunk: Chunk) -> None:
    message = SimpleNamespace(tp=TP(table.changelog, partition), value=chunk)
    table.apply_changelog_batch([SimpleNamespace(message=message)])


async def test_values_and_the_changelog_offset_are_written_together(table: Table[int]) -> None:
    table.data.write(0, [(b"a", b"1"), (b"b", b"2")], 41)
    assert table.data.persisted_offset(TP(table.changelog, 0)) == 41
    assert table.data.read(0, table.data.offset_key) == b"41"
    table.data.write(0, [(b"a", None)], 44)
    assert [table.data.read(0, key) for key in (b"a", b"b")] == [None, b"2"]
    assert table.data.persisted_offset(TP(table.changelog, 0)) == 44


async def test_a_database_that_exists_is_bounded_as_a_new_one_is(table: Table[int]) -> None:
    """All partitions read through one cache, after a restart, too."""
    for _ in range(2):
        table.data.write(0, [(b"a", b"1")], 1)
        assert table.data._dbs[0].property_value("rocksdb.block-cache-capacity") == str(store.BLOCK_CACHE_BYTES)
        table.data.close()


async def test_recovery_ends_at_the_position_behind_markers(table: Table[int]) -> None:
    """Offsets 10 to 12: two records and the marker of their transaction."""
    table.app.tables.recovery.active_tps.add(TP(table.changelog, 1))
    records = [ChangelogRecord(10, b"a", b"7"), ChangelogRecord(11, b"gone", None)]
    table.data.write(1, [(b"gone", b"1")], 3)
    read_from_changelog(table, 1, Chunk(records, 10, 13, 0))  # type: ignore[arg-type]
    assert [table.data.read(1, key) for key in (b"a", b"gone")] == [b"7", None]
    assert table.data.persisted_offset(TP(table.changelog, 1)) == 12


def crashed(table: Table[int], folder: Path) -> Table[int]:
    """The table as another process would find it if this one ended now: its files as they are."""
    shutil.copytree(table.app.conf.datadir, folder)
    app = App("test", broker="kafka://127.0.0.1:1", datadir=str(folder))
    return Table(app, "counts", partitions=2, encode=lambda n: str(n).encode(), decode=int)


async def test_a_crash_takes_what_is_in_no_file_and_its_offset_with_it(
    table: Table[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    tp = TP(table.changelog, 0)
    table.data.write(0, [(b"a", b"7")], 10)
    table.data._dbs[0].flush()
    table.data.write(0, [(b"a", b"8"), (b"b", b"9")], 12)
    left = crashed(table, tmp_path_factory.mktemp("crashed") / "data").data
    assert [left.read(0, b"a"), left.read(0, b"b"), left.persisted_offset(tp)] == [b"7", None, 10]


def wait_until_filed(table: Table[int], partition: int) -> None:
    """Returns once nothing of a partition is in memory alone."""
    database = table.data._dbs[partition]
    for _ in range(500):
        if not any(database.property_int_value(f"rocksdb.{name}") for name in IN_MEMORY):
            return
        time.sleep(0.01)
    raise AssertionError("still in memory alone after 5 s")


async def test_what_was_written_reaches_a_file_in_time(
    table: Table[int], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FILE_EVERY_S", 0.0)
    table.data.write(0, [(b"a", b"7")], 10)
    wait_until_filed(table, 0)
    left = crashed(table, tmp_path_factory.mktemp("crashed") / "data").data
    assert [left.read(0, b"a"), left.persisted_offset(TP(table.changelog, 0))] == [b"7", 10]


async def test_what_was_written_is_there_after_a_clean_end(table: Table[int]) -> None:
    table.data.write(0, [(b"a", b"7")], 10)
    table.data.close()
    assert table.data.read(0, b"a") == b"7"
    assert table.data.persisted_offset(TP(table.changelog, 0)) == 10


async def test_what_recovery_wrote_is_there_after_a_clean_end(table: Table[int]) -> None:
    table.app.tables.recovery.active_tps.add(TP(table.changelog, 1))
    read_from_changelog(table, 1, Chunk([ChangelogRecord(10, b"a", b"7")], 10, 11, 0))  # type: ignore[list-item]
    table.data.close()
    assert table.data.read(1, b"a") == b"7"
    assert table.data.persisted_offset(TP(table.changelog, 1)) == 10


def read_much_from_changelog(table: Table[int], partition: int) -> None:
    """More than RocksDB keeps in memory before it writes a file."""
    for offset in range(1, 200):
        record = ChangelogRecord(offset, b"%d" % offset, random.randbytes(1 << 20))
        read_from_changelog(table, partition, Chunk([record], offset, offset + 1, 0))  # type: ignore[list-item]


async def test_without_room_for_what_recovery_or_a_standby_reads_the_worker_ends(table: Table[int]) -> None:
    """The system lets files grow no more (RLIMIT_FSIZE): Faust alone would log it and read on."""
    table.app.tables.recovery.standby_tps.add(TP(table.changelog, 1))
    table.data.write(1, [(b"a", b"1")], 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
    try:
        with pytest.raises(Exception, match="File too large"):
            read_much_from_changelog(table, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await asyncio.sleep(0)
    assert table.app.crashed
    assert "File too large" in str(table.app.crash_reason)


async def test_what_was_read_for_a_partition_that_is_gone_opens_no_database(table: Table[int]) -> None:
    read_from_changelog(table, 1, Chunk([ChangelogRecord(0, b"a", b"7")], 0, 1, 0))  # type: ignore[list-item]
    assert not table.data.partition_path(1).exists()


async def test_a_value_that_cannot_be_decoded_is_set_aside_as_it_is(table: Table[int]) -> None:
    table.data.write(0, [(b"good", b"7"), (b"bad", b"x7")], 1)
    values, unreadable = batch_of(table).get_many([b"good", b"bad", b"none"])
    assert values == {b"good": 7, b"none": None}
    assert list(unreadable) == [b"bad"]
    assert "counts" in str(unreadable[b"bad"])
    assert table.data.read(0, b"bad") == b"x7"


async def test_a_batch_whose_partition_was_given_up_can_change_nothing(table: Table[int]) -> None:
    batch = batch_of(table)
    batch.put_many({b"a": 1})
    batch._state.discard()
    with pytest.raises(Revoked):
        batch.put_many({b"a": 2})
    with pytest.raises(Revoked):
        batch.get_many([b"a"])
    assert not batch._state.dirty


async def test_nothing_is_sent_once_the_session_has_run_out(table: Table[int]) -> None:
    output = Output(table.app)
    table.app.consumer._thread.last_heartbeat = -1e9
    with pytest.raises(Revoked, match="no heartbeat"):
        await output.send("rows", 0, [(b"k", b"v", ())])


async def test_closing_lets_another_worker_open_the_database(table: Table[int]) -> None:
    table.data.write(0, [(b"a", b"1")], 1)
    table.data.revoke_partitions(table, {TP(table.changelog, 0)})
    other = Table(
        App("test", broker="kafka://127.0.0.1:1", datadir=table.app.conf.datadir),
        "counts", partitions=2, encode=lambda n: str(n).encode(), decode=int,
    )  # fmt: skip
    assert other.data.read(0, b"a") == b"1"
