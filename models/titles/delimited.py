"""Reads delimited text as people save it: any delimiter, encoding or column order, some rows broken."""

import csv
import textwrap
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.errors import CommandError

_DELIMITERS: Final = (",", ";", "\t", "|")
_MOST_LINES: Final = 200  # a quoted field with more line breaks than this began with a stray quote
_FIELD_LIMIT: Final = 16 * 1024 * 1024  # characters; casts as JSON pass csv's default of 131,072


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that can't be used, or not the whole of it: then `kept` is true, and what can't be read is unknown."""

    line: int  # of the file, from 1; in Parquet the row, from 1
    reason: str
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row by column names, in lower case with _ for spaces. Values are stripped; a column that is not there is ''."""

    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")


class DelimitedFile:
    """The rows of a file with a header. `columns` are its names in order.

    Raises CommandError where the file is missing or empty, or lacks one of the columns `needed`.
    """

    def __init__(self, path: Path, needed: Iterable[str], delimiter: str | None = None) -> None:
        if not path.is_file():
            raise CommandError(f"there is no file {path}")
        csv.field_size_limit(_FIELD_LIMIT)
        self.path = path
        self.broken: list[BrokenRow] = []
        header = next((line for _, line in lines(path) if line.strip()), "")
        self._delimiter = delimiter or max(_DELIMITERS, key=lambda mark: len(_split(header, mark)))
        self.columns = [column_name(field) for field in _split(header, self._delimiter)]
        missing = [name for name in needed if name not in self.columns]
        if missing:
            found = textwrap.shorten(", ".join(self.columns), 200, placeholder=" …") or "nothing"
            raise CommandError(f"{path} has no column {', '.join(missing)}; its first line names: {found}")

    def __iter__(self) -> Iterator[Row]:
        """Rows in order; those with too many or too few fields go to `broken`."""
        width = len(self.columns)
        records = self._records()
        next(records, None)
        for line, fields in records:
            if len(fields) == width:
                yield Row(line, dict(zip(self.columns, (field.strip() for field in fields), strict=True)))
            else:
                self.broken.append(BrokenRow(line, f"{len(fields)} fields where the header has {width}"))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Line numbers and fields. A line whose quotes don't close goes on in the next ones, or else stands alone."""
        read = lines(self.path)
        back: deque[tuple[int, str]] = deque()  # read ahead in vain
        width = len(self.columns)
        while (following := back.popleft() if back else next(read, None)) is not None:
            number, text = following
            if not text.strip():
                continue
            fields = _split(text, self._delimiter)
            if text.count('"') % 2:
                ahead: list[tuple[int, str]] = []
                closed = False
                while len(ahead) < _MOST_LINES and (more := back.popleft() if back else next(read, None)) is not None:
                    ahead.append(more)
                    if closed := more[1].count('"') % 2 == 1:
                        break
                joined = _split("\n".join([text, *(line for _, line in ahead)]), self._delimiter)
                if closed and len(joined) == width:
                    fields = joined
                else:
                    back.extendleft(reversed(ahead))
            yield number, fields


def column_name(text: str) -> str:
    """`Release Year` to `release_year`."""
    return "_".join(text.strip().strip("\ufeff").casefold().split())


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers from 1, and lines without their ends, of a file in any usual encoding."""
    with path.open("rb") as file:
        start = file.read(2)
    if start in (b"\xff\xfe", b"\xfe\xff"):
        with path.open(encoding="utf-16", errors="replace") as text:
            for number, line in enumerate(text, 1):
                yield number, line.rstrip("\r\n").replace("\0", "")
        return
    with path.open("rb") as file:
        for number, octets in enumerate(file, 1):
            line = _decoded(octets.rstrip(b"\r\n")).replace("\0", "")
            yield number, line.removeprefix("\ufeff") if number == 1 else line


def _decoded(octets: bytes) -> str:
    """A line at a time, so that one bad byte does not turn the accents of a whole UTF-8 file into noise."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return octets.decode(encoding)
        except UnicodeDecodeError:
            continue
    return octets.decode("latin-1")


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return [text]
