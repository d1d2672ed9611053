"""The tables that title vectors are made from: titles, and their audiences by country; CSV or Parquet.

A titles table has the columns of `TitleRecord`, lists separated by |; only title_id and title are needed. An audience
table has title_id, country and audience; without a country an audience is the world's.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

from models.titles import replacing
from models.titles.delimited import BrokenRow, DelimitedFile, Row, column_name
from streams.errors import CommandError

FILM: Final = "film"
SERIES: Final = "series"
WORLD: Final = ""  # the country of an audience that is not divided by country
TITLE_COLUMNS: Final = (
    "title_id",
    "title",
    "kind",
    "release_year",
    "categories",
    "tags",
    "people",
    "countries",
    "summary",
)
AUDIENCE_COLUMNS: Final = ("title_id", "country", "audience")

_LISTS: Final = ("categories", "tags", "people", "countries")
_KINDS: Final = {
    **dict.fromkeys(("film", "films", "movie", "movies", "feature", "tv movie", "tvmovie", "short"), FILM),
    **dict.fromkeys(("series", "show", "shows", "tv", "tv show", "tv series", "miniseries", "tvseries"), SERIES),
}
NAMIBIA: Final = "NA"  # as a country's code it does not say that nothing is known
_NOTHING: Final = frozenset({"", "nan", "none", "null", "n/a", "na", "\\n", "-"})
_YEAR: Final = re.compile(r"(1[89]\d\d|20\d\d)(?:\.0+|-\d\d?(?:-\d\d?.*)?)?")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class TitleRecord:
    """A film or a series. What is not known is empty."""

    title_id: str
    title: str
    kind: str = ""  # FILM or SERIES
    release_year: int | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    summary: str = ""


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """How many watch a title in a country, in whatever unit the table has; WORLD where it is not divided."""

    title_id: str
    country: str
    audience: float


class Titles:
    """Collects the titles that a reader finds: the first of each id, and the rows that are broken."""

    def __init__(self) -> None:
        self.records: list[TitleRecord] = []
        self.broken: list[BrokenRow] = []
        self._ids: set[str] = set()

    def add(
        self,
        line: int,
        title_id: str,
        title: str,
        kind: str = "",
        release_year: str = "",
        summary: str = "",
        **lists: Iterable[str],
    ) -> bool:
        """Adds a title of text values; false where the row can't be used."""
        if not title_id or not title:
            return self._drop(line, "no title_id" if not title_id else f"no title for title_id {title_id}")
        if title_id in self._ids:
            return self._drop(line, f"title_id {title_id} stands in an earlier row")
        self._ids.add(title_id)
        year = year_of(release_year)
        if year is None and not is_nothing(release_year):
            self._lacking(line, f"release_year {_shown(release_year)} of {title_id} is not a year")
        known_kind = kind_of(kind)
        if not known_kind and not is_nothing(kind):
            self._lacking(line, f"kind {_shown(kind)} of {title_id} is neither film nor series")
        values = {name: tuple(dict.fromkeys(filter(None, map(str.strip, each)))) for name, each in lists.items()}
        self.records.append(TitleRecord(title_id, title, known_kind, year, summary=summary, **values))
        return True

    def _drop(self, line: int, reason: str) -> bool:
        self.broken.append(BrokenRow(line, reason))
        return False

    def _lacking(self, line: int, reason: str) -> None:
        self.broken.append(BrokenRow(line, reason, kept=True))


def read(path: Path) -> tuple[list[TitleRecord], list[BrokenRow]]:
    """A titles table, and the rows of it that can't be used.

    A year or a kind that can't be read is unknown, and the row stays (`BrokenRow.kept`).
    Raises CommandError where the file is no such table, or has no title at all.
    """
    titles = Titles()
    rows, broken = _rows(path, ("title_id", "title"))
    for row in rows:
        lists = {name: split(row[name]) for name in _LISTS}
        if row["countries"].strip() == NAMIBIA:
            lists["countries"] = [NAMIBIA]
        titles.add(row.line, row["title_id"], row["title"], row["kind"], row["release_year"], row["summary"], **lists)
    all_broken = sorted([*broken, *titles.broken], key=lambda each: each.line)
    if not titles.records:
        reason = f"; line {all_broken[0].line}: {all_broken[0].reason}" if all_broken else ""
        raise CommandError(f"{path} has no title that can be used{reason}")
    return titles.records, all_broken


def write(path: Path, titles: Iterable[TitleRecord]) -> None:
    """Writes a titles table: Parquet with real lists where the name ends in .parquet, else CSV."""
    if path.suffix == ".parquet":
        _write_parquet(path, list(titles))
        return
    with replacing.file(path) as new, new.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TITLE_COLUMNS)
        for title in titles:
            values = (getattr(title, name) for name in TITLE_COLUMNS)
            writer.writerow(join(value) if isinstance(value, tuple) else value for value in values)


def read_written(path: Path) -> list[TitleRecord]:
    """Parquet that `write` wrote, as it was: nothing in it is judged anew.

    Raises CommandError where it is missing or no such file.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=list(TITLE_COLUMNS))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} can't be read: {str(error).splitlines()[0]}") from None
    columns = [table[name].to_pylist() for name in TITLE_COLUMNS]
    for place, name in enumerate(TITLE_COLUMNS):
        if name in _LISTS:
            columns[place] = [tuple(values) for values in columns[place]]
    return list(map(TitleRecord, *columns))


def read_audience(path: Path) -> tuple[list[AudienceRow], list[BrokenRow]]:
    """An audience table, and its broken rows. Raises CommandError where the file is no such table, or has no row."""
    rows, broken = _rows(path, ("title_id", "audience"))
    audience: dict[tuple[str, str], AudienceRow] = {}
    for row in rows:
        country = row["country"].strip()
        key = (row["title_id"], WORLD if is_nothing(country) and country != NAMIBIA else country)
        size = number(row["audience"])
        if not key[0]:
            broken.append(BrokenRow(row.line, "no title_id"))
        elif size is None:
            broken.append(BrokenRow(row.line, f"audience {_shown(row['audience'])} is no number of 0 or more"))
        elif key in audience:
            broken.append(BrokenRow(row.line, f"title_id {key[0]} stands in an earlier row for country {key[1]!r}"))
        else:
            audience[key] = AudienceRow(*key, size)
    broken.sort(key=lambda each: each.line)
    if not audience:
        reason = f"; line {broken[0].line}: {broken[0].reason}" if broken else ""
        raise CommandError(f"{path} has no audience that can be used{reason}")
    return list(audience.values()), broken


def write_audience(path: Path, audience: Iterable[AudienceRow]) -> None:
    """Writes an audience table: Parquet where the name ends in .parquet, else CSV."""
    rows = list(audience)
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({name: [getattr(row, name) for row in rows] for name in AUDIENCE_COLUMNS}), path)
        return
    with replacing.file(path) as new, new.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(AUDIENCE_COLUMNS)
        writer.writerows((row.title_id, row.country, f"{row.audience:.15g}") for row in rows)


def make_folder(path: Path) -> None:
    """Makes a folder where there is none. Raises CommandError where that can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"can't make {path}: {error.strerror}; name another folder with -o") from None


def kind_of(text: str) -> str:
    """FILM, SERIES, or '' for what is neither."""
    return _KINDS.get(" ".join(text.casefold().replace("_", " ").split()), "")


def year_of(text: str) -> int | None:
    """The year of `1999`, `1999.0` or `1999-05-01`; None for anything else."""
    found = _YEAR.fullmatch(text.strip())
    return int(found[1]) if found else None


def number(text: str) -> float | None:
    """A number of 0 or more, with or without commas between thousands; None for anything else."""
    text = text.strip()
    try:
        value = float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 else None


def is_nothing(text: str) -> bool:
    """Whether it is one of the ways to say that nothing is known."""
    return text.strip().casefold() in _NOTHING


def split(text: str, mark: str = "|") -> list[str]:
    """A list written as text; empty for what says that nothing is known."""
    return [] if is_nothing(text) else text.split(mark)


def join(values: Iterable[str]) -> str:
    """A list as text. A | inside a value becomes / so that the list can be read again."""
    return "|".join(value.replace("|", "/") for value in values)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _rows(path: Path, needed: tuple[str, ...]) -> tuple[Iterator[Row], list[BrokenRow]]:
    """Rows as text, and a list that fills with broken ones while they are read."""
    if path.suffix == ".parquet":
        return _parquet_rows(path, needed), []
    file = DelimitedFile(path, needed)
    return iter(file), file.broken


def _parquet_rows(path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    import pyarrow.parquet as pq

    if not path.is_file():
        raise CommandError(f"there is no file {path}")
    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} is no Parquet file: {str(error).splitlines()[0]}") from None
    names = [column_name(name) for name in file.schema_arrow.names]
    missing = [name for name in needed if name not in names]
    if missing:
        raise CommandError(f"{path} has no column {', '.join(missing)}; its columns are {', '.join(names[:20])}")

    def rows() -> Iterator[Row]:
        line = 0
        for batch in file.iter_batches():
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                line += 1
                yield Row(line, dict(zip(names, map(_text, values), strict=True)))

    return rows()


def _text(value: Any) -> str:
    if value is None:
        return ""
    return join(map(str, value)) if isinstance(value, list) else str(value).strip()


def _write_parquet(path: Path, titles: list[TitleRecord]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {name: pa.list_(pa.string()) for name in _LISTS} | {"release_year": pa.int32()}
    columns = {
        name: pa.array([getattr(title, name) for title in titles], types.get(name, pa.string()))
        for name in TITLE_COLUMNS
    }
    pq.write_table(pa.table(columns), path, compression="zstd")
