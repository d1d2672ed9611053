"""The newest row of every member and device, on disk so that memory stays bounded however many members there are.

The store is a copy of cw.rows, which is compacted: it is thrown away at every start and filled from the topic again.
"""

import logging
import shutil
import struct
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch, WriteOptions

from streams import metrics
from streams.gateway.log_reader import Record
from streams.gateway.versions import parse_version
from streams.row import Version

log = logging.getLogger(__name__)

CACHE_BYTES: Final = 64 * 1024 * 1024
# One key of each block stays in memory, beside the cache: in the cache, the index of 100,000 rows is larger than one of
# its shards, and is read and decoded again for every row asked for (measured: 1 ms instead of 20 us).
BLOCK_BYTES: Final = 16 * 1024
WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
RECENT_MEMBERS: Final = 200  # offered to the page as profiles
_SEPARATOR: Final = b"\0"  # no id contains it
_HEAD: Final = struct.Struct(">QQQQ")  # in front of the JSON, version and log offset: comparing needs no decoding


class UnreadableRow(ValueError):
    """A record of cw.rows is no row; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as cw.rows holds it."""

    member_id: str
    device_id: str
    version: Version
    log_offset: int  # of its record in cw.rows
    body: bytes  # its JSON, one line

    def fields(self) -> dict[str, Any]:
        """The decoded JSON."""
        decoded: dict[str, Any] = orjson.loads(self.body)
        return decoded


class RowStore:
    """Rows by member and device; of two versions the higher one stays. Made by `open_store`."""

    def __init__(self, folder: Path) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        blocks = BlockBasedOptions()
        blocks.set_block_cache(Cache(CACHE_BYTES))
        blocks.set_block_size(BLOCK_BYTES)
        blocks.set_bloom_filter(10.0, False)
        options.set_block_based_table_factory(blocks)
        options.set_compression_type(DBCompressionType.lz4())
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder = folder
        self._db = Rdict(str(folder), options)
        self._unlogged = WriteOptions()
        self._unlogged.disable_wal = True  # after a crash the topic is read again
        self._db.set_write_options(self._unlogged)
        self._recent: OrderedDict[str, None] = OrderedDict()
        self.count = 0

    def apply(self, records: Sequence[Record]) -> set[str]:
        """Takes records of cw.rows; returns the members of whom something changed. Never raises."""
        fresh: dict[bytes, Row | None] = {}
        outcomes = dict.fromkeys(("new", "old", "removed", "unreadable"), 0)
        for key, value, offset in records:
            if value is None:
                outcomes["removed"] += self._remove(key or b"", fresh)
                continue
            try:
                row = parse_row(value, offset)
            except UnreadableRow as error:
                outcomes["unreadable"] += 1
                log.warning("a record of cw.rows is left out: %s", error)
                continue
            place = _place(row.member_id, row.device_id)
            held = fresh[place] if place in fresh else self._read(place)
            if held is not None and held.version >= row.version:
                outcomes["old"] += 1
                continue
            self.count += held is None
            fresh[place] = row
            outcomes["new"] += 1
        for outcome, count in outcomes.items():
            metrics.ROWS_READ.labels(outcome).inc(count)
        return self._write(fresh)

    def row(self, member_id: str, device_id: str | None) -> Row | None:
        """The row of that device; of the device of the newest session where none is named; None where there is none."""
        if device_id is not None:
            return self._read(_place(member_id, device_id))
        return newest_session(self.rows(member_id))

    def rows(self, member_id: str) -> list[Row]:
        """The rows of all devices of the member."""
        prefix = member_id.encode() + _SEPARATOR
        found = []
        for key, value in self._db.items(from_key=prefix):
            if not key.startswith(prefix):
                break
            found.append(_stored(key, value))
        return found

    def recent_members(self) -> Iterator[str]:
        """Members whose rows changed last, newest first; a bounded number."""
        return reversed(self._recent)

    def close(self) -> None:
        """Closes the database and removes its files."""
        self._db.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self, place: bytes) -> Row | None:
        value = self._db.get(place)
        return None if value is None else _stored(place, value)

    def _remove(self, key: bytes, fresh: dict[bytes, Row | None]) -> int:
        # Ids may contain the '|' that joins them, so every way to split the key is tried.
        removed = 0
        parts = key.split(b"|")
        for cut in range(1, len(parts)):
            place = b"|".join(parts[:cut]) + _SEPARATOR + b"|".join(parts[cut:])
            held = fresh[place] if place in fresh else self._read(place)
            if held is not None:
                fresh[place] = None
                removed += 1
        self.count -= removed
        return removed

    def _write(self, fresh: dict[bytes, Row | None]) -> set[str]:
        if not fresh:
            return set()
        batch = WriteBatch(raw_mode=True)
        changed = set()
        for place, row in fresh.items():
            member_id = place.split(_SEPARATOR)[0].decode()
            changed.add(member_id)
            if row is None:
                batch.delete(place)
                self._recent.pop(member_id, None)
            else:
                batch.put(place, _HEAD.pack(*row.version, row.log_offset) + row.body)
                self._recent[member_id] = None
                self._recent.move_to_end(member_id)
        self._db.write(batch)
        while len(self._recent) > RECENT_MEMBERS:
            self._recent.popitem(last=False)
        metrics.ROWS_HELD.set(self.count)
        return changed


def parse_row(value: bytes, log_offset: int) -> Row:
    """One value of cw.rows, and the offset of its record. Raises UnreadableRow."""
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise UnreadableRow(f"not JSON: {error}") from None
    if type(fields) is not dict:
        raise UnreadableRow("a row is a JSON object")
    member_id, device_id = _id(fields, "member_id"), _id(fields, "device_id")
    version = parse_version(fields.get("version"))
    if version is None:
        raise UnreadableRow("version must be EPOCH-OFFSET-MS")
    body = value if b"\n" not in value and b"\r" not in value else orjson.dumps(fields)
    return Row(member_id, device_id, version, log_offset, body)


def _id(fields: dict[str, Any], name: str) -> str:
    text = fields.get(name)
    if not isinstance(text, str) or not text or "\0" in text:
        raise UnreadableRow(f"{name} must be a string, not empty, no NUL")
    return text


def newest_session(rows: Sequence[Row]) -> Row | None:
    """Of a member's rows the one of the device whose session is the newest, or None where there is none.

    An event makes the rows of all devices with a recent session, and the worker writes that of the newest first: of
    the rows that cover the member's last event, it is the one that stands first in the log.
    """
    return max(rows, key=lambda row: (row.version.epoch, row.version.offset, -row.log_offset), default=None)


def _place(member_id: str, device_id: str) -> bytes:
    return member_id.encode() + _SEPARATOR + device_id.encode()


def _stored(place: bytes, value: bytes) -> Row:
    member_id, device_id = place.split(_SEPARATOR)
    *version, log_offset = _HEAD.unpack_from(value)
    return Row(member_id.decode(), device_id.decode(), Version(*version), log_offset, value[_HEAD.size :])
