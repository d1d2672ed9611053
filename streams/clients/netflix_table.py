"""Reads a viewing export's table: any column order, delimiter, quoting or encoding, with or without a header.

Columns are found by the header's names, or without a header by what stands in them. `Latest Bookmark` is recognised
only so that it is not taken for another column: it is written when the export is made, and tells the future.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from streams.clients.netflix_device import classify
from streams.clients.netflix_values import looks_like_duration, looks_like_start, parse_duration
from streams.clients.places import country_code
from streams.errors import CommandError

PROFILE, START, DURATION, ATTRIBUTES, TITLE = "profilename", "starttime", "duration", "attributes", "title"
SUPPLEMENTAL, DEVICE, BOOKMARK, COUNTRY = "supplementalvideotype", "devicetype", "bookmark", "country"
_LATEST: Final = "latestbookmark"
_COLUMNS: Final = {PROFILE, START, DURATION, ATTRIBUTES, TITLE, SUPPLEMENTAL, DEVICE, BOOKMARK, _LATEST, COUNTRY}
_NEEDED: Final = {START: "Start Time", DURATION: "Duration", TITLE: "Title"}

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE: Final = 300  # records looked at to find the delimiter and the columns
_JOINED_LINES: Final = 3  # a field with line breaks in it spans at most so many lines; beyond, its quote is a stray one
_UPPER_CASE: Final = re.compile(r"[A-Z][A-Z_]+")


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one export. `columns` gives each column's place in a record."""

    columns: dict[str, int]
    fields_a_row: int  # in most records
    records: list[tuple[int, list[str]]]  # line number, from 1, and fields

    def fields(self, record: Sequence[str]) -> dict[str, str]:
        """The record's fields by column name, stripped; a column that the export lacks is missing."""
        return {name: record[at].strip() for name, at in self.columns.items()}

    @property
    def width(self) -> int:
        """Fields a record needs, so that every known column is there."""
        return max(self.columns.values()) + 1


def read_table(data: bytes, name: str) -> Table:
    """Bytes of an export to its rows. Raises CommandError, naming `name`, where it is not a viewing export."""
    lines = _decode(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    candidates = [(delimiter, list(_records(lines, delimiter, _SAMPLE))) for delimiter in _DELIMITERS]
    delimiter, sample = max(candidates, key=lambda candidate: _plausibility(candidate[1]))
    header = next((record for _, record in sample[:5] if _is_header(record)), None)
    rows = [record for _, record in sample if record != header]
    widths = Counter(len(record) for record in rows if any(map(looks_like_start, record)))
    usual, count = widths.most_common(1)[0] if widths else (0, 0)
    columns, width = _named(header or []), len(header or [])
    if not columns.keys() >= _NEEDED.keys() or (usual != width and count > widths.total() / 2):
        # No header, a damaged one, or one that does not fit the rows: what stands in the columns tells them.
        width = usual
        columns = _infer([record for record in rows if len(record) == width])
    columns.pop(_LATEST, None)
    missing = [shown for column, shown in _NEEDED.items() if column not in columns]
    if missing:
        raise CommandError(
            f"{name} has no column {' or '.join(missing)}: this is not a viewing export; "
            "use ViewingActivity.csv from the account's personal data (not the short NetflixViewingHistory.csv)"
        )
    records = [(line, record) for line, record in _records(lines, delimiter) if record != header]
    return Table(columns, width, records)


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        # Line by line, so that one bad byte does not turn the accents of a whole UTF-8 file into noise.
        return "\n".join(_decode_line(line) for line in data.splitlines()).replace("\0", "").removeprefix("\ufeff")


def _decode_line(line: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def _records(lines: list[str], delimiter: str, most: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields. Each line stands alone unless its quotes close within the next lines."""
    at = yielded = 0
    width: int | None = None
    while at < len(lines) and yielded != most:
        start = at
        at += 1
        if not lines[start].strip():
            continue
        record = _split(lines[start], delimiter)
        if lines[start].count('"') % 2:
            for end in range(start + 2, min(start + 1 + _JOINED_LINES, len(lines) + 1)):
                text = "\n".join(lines[start:end])
                if text.count('"') % 2 == 0:
                    joined = _split(text, delimiter)
                    if len(joined) == width:
                        record, at = joined, end
                    break
        else:
            width = len(record) if width is None else width
        yielded += 1
        yield start + 1, record


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(StringIO(text), delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:  # a field beyond csv's limit: the row's columns will not fit, and the row is reported
        return [text]


def _plausibility(records: list[tuple[int, list[str]]]) -> int:
    """How much the records look like an export: fields that are times, and header names."""
    score = 0
    for _, record in records:
        score += any(looks_like_start(field) for field in record) + any(looks_like_duration(field) for field in record)
        score += sum(_key(field) in _COLUMNS for field in record)
    return score


def _is_header(record: list[str]) -> bool:
    return len(_COLUMNS.intersection(map(_key, record))) >= 2


def _key(field: str) -> str:
    """`Start Time`, `Start.Time` and `StartTime (UTC)` to `starttime`."""
    return "".join(c for c in field.partition("(")[0].casefold() if c.isalpha())


def _named(header: list[str]) -> dict[str, int]:
    """The columns that the header names; of two of one name the first."""
    return {_key(field): at for at, field in reversed(list(enumerate(header))) if _key(field) in _COLUMNS}


def _infer(records: list[list[str]]) -> dict[str, int]:
    """Finds the columns by their values, in records of one width."""
    values = list(zip(*records, strict=True))
    columns: dict[str, int] = {}
    # Without columns that are empty, or numbers throughout: somebody's row numbers.
    free = [
        at for at in range(len(values)) if any(not value.strip().isdigit() for value in values[at] if value.strip())
    ]

    def share(at: int, test: object) -> float:
        filled = [value.strip() for value in values[at] if value.strip()]
        return sum(bool(test(value)) for value in filled) / len(filled)  # type: ignore[operator]

    def take(name: str, at: int) -> None:
        columns[name] = at
        free.remove(at)

    for at in list(free):
        if START not in columns and share(at, looks_like_start) > 0.8:
            take(START, at)
    # Two of the three columns of times tell where the playhead was; what was played is never more than that, mostly.
    times = [at for at in free if share(at, looks_like_duration) > 0.2]
    whole = [at for at in times if share(at, looks_like_duration) > 0.8]
    if len(whole) == 1:
        take(DURATION, whole[0])
    elif len(whole) >= 2:
        sums = {at: sum(parse_duration(value.strip()) or 0 for value in values[at]) for at in whole[:2]}
        duration, bookmark = sorted(sums, key=lambda at: sums[at])
        take(DURATION, duration)
        take(BOOKMARK, bookmark)
    free = [at for at in free if at not in times]
    for at in list(free):
        if COUNTRY not in columns and share(at, country_code) > 0.8 and share(at, _UPPER_CASE.match) > 0.8:
            take(COUNTRY, at)
        elif ATTRIBUTES not in columns and share(at, lambda value: value.endswith(";")) > 0.8:
            take(ATTRIBUTES, at)
        elif SUPPLEMENTAL not in columns and share(at, _UPPER_CASE.fullmatch) > 0.8 and "" in values[at]:
            take(SUPPLEMENTAL, at)
    if free:
        take(TITLE, max(free, key=lambda at: len(set(values[at]))))
    if free:
        device = max(free, key=lambda at: share(at, lambda value: classify(value) != "other"))
        if share(device, lambda value: classify(value) != "other") > 0.5:
            take(DEVICE, device)
    if free:
        take(PROFILE, free[0])
    return columns
