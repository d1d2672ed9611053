"""Files of events split by member into parts, a stretch of a file at a time, so that several processes can do it.

Every stretch is written anew with the lines of a part together; a part is then its slice of every stretch, in log
order. Nothing here depends on how many processes there are.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import orjson

from streams.errors import CommandError
from streams.events import InvalidEvent, validate

STRETCH_BYTES: Final = 8 * 2**20
PARQUET: Final = ".parquet"
PARQUET_EVENT_BYTES: Final = 250  # of an event as JSON, about
PARQUET_ROWS: Final = 10_000  # rows held as objects at once
_NAME: Final = b'"member_id"'
_MEMBER: Final = re.compile(_NAME + rb'[ \t]*:[ \t]*"([^"]+)"').search
_INDEX: Final = "index.npy"


class Invalid(NamedTuple):
    """A record that is no event. Sorted, they stand in log order."""

    stretch: int  # number of the stretch
    record: int  # number of the record in it, from 1
    where: str  # where it stands in a topic; "" in a file, whose line number follows from the stretches before
    reason: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """The lines that begin at bytes `start` to `end` of a file; of a Parquet file, the rows of the groups `start` to
    `end`. `number` counts the stretches of all files."""

    number: int
    source: str  # the file's name for messages
    path: Path
    start: int
    end: int
    size: int  # bytes, of JSON Lines or about as many


@dataclass(frozen=True, slots=True)
class Split:
    """What splitting a stretch has found."""

    ends: "array[int]"  # (parts,) where each part ends in what was written, bytes
    lines: int  # blank ones, too
    invalid: list[Invalid]


def stretches(source: str, path: Path, first: int) -> list[Stretch]:
    """A file as stretches, whose numbers begin at `first`. Raises CommandError where a Parquet file is none."""
    if path.suffix == PARQUET:
        return [
            Stretch(number, source, path, group, group + 1, rows * PARQUET_EVENT_BYTES)
            for number, (group, rows) in enumerate(_row_groups(source, path), first)
        ]
    size = path.stat().st_size
    starts = range(0, size, STRETCH_BYTES)
    return [
        Stretch(number, source, path, start, min(size, start + STRETCH_BYTES), min(STRETCH_BYTES, size - start))
        for number, start in enumerate(starts, first)
    ]


def _row_groups(source: str, path: Path) -> list[tuple[int, int]]:
    """Row groups of a Parquet file, each with its rows."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        about = pq.read_metadata(path)
        return [(group, about.row_group(group).num_rows) for group in range(about.num_row_groups)]
    except (OSError, ArrowException) as error:
        raise CommandError(f"{source} is no Parquet file that can be read: {error}") from None


def split(stretch: Stretch, folder: Path, parts: int) -> Split:
    """Writes the lines of a stretch by part. Raises CommandError where the file can't be read."""
    by_part: list[list[bytes]] = [[] for _ in range(parts)]
    invalid = []
    lines = _lines(stretch)
    for number, line in enumerate(lines, 1):
        value = line.strip()
        if not value:
            continue
        try:
            member = member_of(value)
        except InvalidEvent as error:
            invalid.append(Invalid(stretch.number, number, "", str(error)))
            continue
        by_part[part_of(member, parts)].append(b"%d\t%s\n" % (number, value))
    ends = array("q")
    with _split_path(folder, stretch.number).open("wb") as file:
        for some in by_part:
            file.write(b"".join(some))
            ends.append(file.tell())
    return Split(ends, len(lines), invalid)


def part_of(member: bytes, parts: int) -> int:
    """The part that a member's events are in."""
    return crc32(member) % parts


def _split_path(folder: Path, number: int) -> Path:
    return folder / f"stretch-{number}"


def _lines(stretch: Stretch) -> list[bytes]:
    if stretch.path.suffix == PARQUET:
        return _parquet_lines(stretch)
    try:
        with stretch.path.open("rb") as file:
            at = stretch.start
            if at:  # a line that began before is the stretch before's
                file.seek(at - 1)
                at += len(file.readline()) - 1
            block = file.read(max(0, stretch.end - at))
            if block and not block.endswith(b"\n"):
                block += file.readline()
    except OSError as error:
        raise CommandError(f"can't read {stretch.source}: {error.strerror}") from None
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _parquet_lines(stretch: Stretch) -> list[bytes]:
    """The rows as events in JSON: a column is a field, a null is none."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    lines = []
    try:
        with pq.ParquetFile(stretch.path) as file:
            for batch in file.iter_batches(PARQUET_ROWS, row_groups=range(stretch.start, stretch.end)):
                for row in batch.to_pylist():
                    event = {name: value for name, value in row.items() if value is not None}
                    # What JSON has no word for is no event either: it is refused as the text that it is.
                    lines.append(orjson.dumps(event, default=repr))
    except (OSError, ArrowException) as error:
        raise CommandError(f"can't read {stretch.source}: {error}") from None
    return lines


def write_index(folder: Path, splits: Sequence[Split], parts: int) -> None:
    """Writes where the parts lie, for `lines_of`, once every stretch is split."""
    index = np.zeros((len(splits), parts + 1), np.int64)
    for row, done in zip(index, splits, strict=True):
        row[1:] = done.ends
    np.save(folder / _INDEX, index)


def lines_of(folder: Path, part: int) -> Iterator[tuple[int, int, bytes]]:
    """The lines of a part in log order, each behind its stretch and its number in it."""
    index = np.load(folder / _INDEX)
    for stretch, (start, end) in enumerate(index[:, part : part + 2].tolist()):
        if start == end:
            continue
        with _split_path(folder, stretch).open("rb") as file:
            file.seek(start)
            entries = file.read(end - start).split(b"\n")
        for entry in entries[:-1]:
            number, _, line = entry.partition(b"\t")
            yield stretch, int(number), line


def member_of(line: bytes) -> bytes:
    """The member that a line is about, UTF-8. Raises InvalidEvent where that can't be told.

    A line is decoded only where looking for the name could mislead: where it stands twice, or where anything in the
    line is escaped. A name inside of another object is found as well, but then the line is no valid event.
    """
    if line.count(_NAME) == 1 and b"\\" not in line:
        found = _MEMBER(line)
        if found is not None:
            return found[1]
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error}") from None
    member = event.get("member_id") if type(event) is dict else None
    if type(member) is not str:
        validate(event)
    return str(member).encode()
