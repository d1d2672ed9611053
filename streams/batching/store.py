"""RocksDB, one database a partition, as Faust's own store keeps it, with writes and recovery in batches.

Every write batch carries the changelog offset that it brings the database to, so local state and its offset are one
and never ahead of the changelog. Nothing goes to RocksDB's own log: the changelog is the log already. A crash takes
what is in no file yet, its offset with it, and recovery reads that part of the changelog again.
"""

from collections.abc import Iterable
from itertools import islice, takewhile
from time import monotonic
from typing import Any

import rocksdict
from faust.stores import rocksdb
from faust.types import TP
from mode import get_logger

from streams.batching.chunks import Chunk

__all__ = ["MARK", "Store"]

logger = get_logger(__name__)

MARK = b"\0"  # before a key: the key is marked; the value is empty
_PAST_MARKS = b"\1"
_BEING_FILED = "rocksdb.num-immutable-mem-table"
# Shared by all partitions, however many: data, index and filter blocks, and what was written and is in no file yet.
BLOCK_CACHE_BYTES = 64 << 20
WRITE_BUFFERS_BYTES = 64 << 20
WRITE_BUFFER_BYTES = 16 << 20  # of one partition; a second one fills while the first is written to a file
BLOCK_BYTES = 16 << 10  # a few values each: with RocksDB's 4 KiB the indexes of a million values would fill the cache
BLOOM_BITS = 10  # a key; most keys of a growing table are new, and a miss should cost no read

FILE_EVERY_S = 60.0  # at most, that a write stays in memory alone once another comes: what a crash has to read again
UNLOGGED = rocksdict.WriteOptions()
UNLOGGED.disable_wal = True


class Store(rocksdb.Store):  # type: ignore[misc]
    """Faust's RocksDB store (rocksdict) for one batched table. Keys and values are bytes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._block_cache = rocksdict.Cache(BLOCK_CACHE_BYTES)
        self._filed: dict[int, float] = {}  # when what was in memory was last asked to be written to a file, monotonic
        self._write_buffers = rocksdict.WriteBufferManager(WRITE_BUFFERS_BYTES, allow_stall=False)

    def _open_for_partition(self, partition: int) -> rocksdict.Rdict:
        blocks = rocksdict.BlockBasedOptions()
        blocks.set_block_cache(self._block_cache)
        blocks.set_block_size(BLOCK_BYTES)
        blocks.set_cache_index_and_filter_blocks(True)
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
        blocks.set_bloom_filter(BLOOM_BITS, block_based=False)
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_compression_type(rocksdict.DBCompressionType.lz4())
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_max_write_buffer_number(2)
        options.set_write_buffer_manager(self._write_buffers)
        options.set_keep_log_file_num(2)
        options.set_block_based_table_factory(blocks)
        path = self.partition_path(partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without `column_families`, a database that exists is opened with the options of its first day.
        database = rocksdict.Rdict(str(path), options=options, column_families={"default": options})
        database.set_write_options(UNLOGGED)
        self._filed[partition] = monotonic()
        return database

    def read(self, partition: int, key: bytes) -> bytes | None:
        """The stored value. Opens the partition's database where it is not open."""
        value: bytes | None = self._db_for_partition(partition).get(key)
        return value

    def write(self, partition: int, items: Iterable[tuple[bytes, bytes | None]], offset: int | None) -> None:
        """Writes (key, value; None deletes) and the changelog offset they reach, all or nothing."""
        database = self._db_for_partition(partition)
        database.write(self._batch(items, offset))
        # While RocksDB writes a file by itself, as it does under load, `flush` would wait for it.
        if monotonic() - self._filed[partition] >= FILE_EVERY_S and not database.property_int_value(_BEING_FILED):
            self._filed[partition] = monotonic()
            database.flush(wait=False)

    def _batch(self, items: Iterable[tuple[bytes, bytes | None]], offset: int | None) -> rocksdict.WriteBatch:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in items:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if offset is not None:
            batch.put(self.offset_key, str(offset).encode())
        return batch

    def marks(self, partition: int) -> list[bytes]:
        """The keys that are marked, in order."""
        keys = self._db_for_partition(partition).keys(from_key=MARK)
        return [key[len(MARK) :] for key in takewhile(lambda key: key.startswith(MARK), keys)]

    def page(self, partition: int, after: bytes, count: int) -> list[tuple[bytes, bytes]]:
        """The next `count` keys and values behind a key, in the order of keys. Keeps nothing of the database open."""
        items = self._db_for_partition(partition).items(from_key=max(after, _PAST_MARKS))
        values = ((key, value) for key, value in items if key not in (after, self.offset_key))
        return list(islice(values, count))

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Applies what recovery or a standby read: Faust events whose value is a Chunk of the changelog."""
        recovery = self.app.tables.recovery
        for event in batch:
            tp: TP = event.message.tp
            if tp not in recovery.active_tps and tp not in recovery.standby_tps:
                continue  # read before the last rebalance; opening its database would keep the owner out
            chunk: Chunk = event.message.value
            items = ((record.key, record.value) for record in chunk.records if record.key is not None)
            self.write(tp.partition, items, chunk.end - 1)

    def close(self) -> None:
        """Closes every database at once, so that another worker on this machine may open them."""
        while self._dbs:
            _, db = self._dbs.popitem()
            db.close()

    async def stop(self) -> None:
        self.close()

    def revoke_partitions(self, table: Any, tps: set[TP]) -> None:
        for tp in tps:
            if tp.topic in table.changelog_topic.topics and (db := self._dbs.pop(tp.partition, None)) is not None:
                db.close()
