"""Exports of TMDB: the daily lists of ids, dumps of its API, and the public tables made of these.

    movie_ids_*.json[.gz], tv_series_ids_*.json[.gz]   a JSON object a line: id and original title, nothing more
    dumps of the API                                    a JSON object a line, with genres, keywords, overview, credits
    tmdb_5000_movies.csv, movies_metadata.csv, …        columns named as in the API; lists as JSON, Python, or a, b, c
    tmdb_5000_credits.csv, credits.csv, keywords.csv    cast, crew and keywords by id

Categories are genres, tags keywords, people the directors and the first of the cast. An audience is the number of
members who voted: the world's, as with MovieLens.
"""

import ast
import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from models.titles.delimited import BrokenRow, DelimitedFile
from models.titles.imports.imported import Imported
from models.titles.table import FILM, SERIES, WORLD, AudienceRow, Titles, is_nothing, number
from streams.errors import CommandError

_MOST_CAST: Final = 10
_ID: Final = re.compile(r"(\d+)(?:\.0+)?")
_SERIES_FIELDS: Final = ("original_name", "first_air_date", "number_of_seasons")


def film_id(tmdb_id: str) -> str:
    """The title_id of a film. TMDB counts series apart: theirs is `tmdb-tv-…`."""
    return f"tmdb-{tmdb_id}"


def read(files: list[Path]) -> Imported:
    """Reads titles, and what tables of credits and keywords say of them.

    Raises CommandError where a file is missing or none of these, or where no file has titles.
    """
    imported, titles = Imported(unit="members who voted"), Titles()
    tables = [_Json(path) if _is_json(path) else _Csv(path) for path in files]
    if all(table.is_extra for table in tables):
        raise CommandError(
            "there are credits and keywords here, and no titles; give the table of movies or series as well"
        )
    extra: dict[str, dict[str, Any]] = {}
    for table in tables:
        for line, values in table.rows() if table.is_extra else ():
            if (key := _id(values)) is None:
                table.broken.append(BrokenRow(line, "no id"))
            else:
                extra.setdefault(key, {}).update({name: values.get(name) for name in ("cast", "crew", "keywords")
                                                  if values.get(name)})  # fmt: skip
    for table in tables:
        before = len(titles.broken)
        for line, values in table.rows() if not table.is_extra else ():
            key = _id(values)
            if key is None:
                table.broken.append(BrokenRow(line, "id is no whole number"))
                continue
            _add(imported, titles, line, key, {**values, **extra.get(key, {})})
        imported.report(table.path, [*table.broken, *titles.broken[before:]])
    imported.titles = titles.records
    return imported


def _add(imported: Imported, titles: Titles, line: int, key: str, values: Mapping[str, Any]) -> None:
    is_series = any(values.get(name) for name in _SERIES_FIELDS)
    title_id = f"tmdb-tv-{key}" if is_series else film_id(key)
    credits = values.get("credits") or {}
    crew = _objects(values.get("crew") or credits.get("crew")) + _objects(values.get("created_by"))
    cast = _objects(values.get("cast") or credits.get("cast"))
    directors = [_name(who) for who in crew if who.get("job", "Director") == "Director"]
    keywords = values.get("keywords")
    if isinstance(keywords, dict):  # as the API nests them
        keywords = keywords.get("keywords") or keywords.get("results")
    added = titles.add(
        line,
        title_id,
        _text(values, "title", "name", "original_title", "original_name"),
        SERIES if is_series else FILM,
        _text(values, "release_date", "first_air_date"),
        _text(values, "overview"),
        categories=[_name(each) for each in _objects(values.get("genres"))],
        tags=[_name(each) for each in _objects(keywords)],
        people=directors + [_name(who) for who in cast[:_MOST_CAST]],
        countries=[_name(each) for each in _objects(values.get("production_countries"))],
    )
    votes = number(str(values.get("vote_count", "")))
    if added and votes is not None:
        imported.audience.append(AudienceRow(title_id, WORLD, votes))


class _Csv:
    """A table by columns; one without titles tells more of another's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = DelimitedFile(path, ())
        self.broken = self._file.broken
        columns = set(self._file.columns)
        if not columns & {"id", "movie_id"}:
            raise CommandError(f"{path} has no column id or movie_id; its first line names {', '.join(columns) or '–'}")
        self.is_extra = bool({"cast", "crew", "keywords"} & columns) and not {"overview", "release_date"} & columns

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for row in self._file:
            yield row.line, row.values


class _Json:
    """A JSON object a line, maybe compressed with gzip."""

    is_extra = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken: list[BrokenRow] = []

    def rows(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        with gzip.open(self.path) if _is_gzip(self.path) else self.path.open("rb") as file:
            try:
                for line, octets in enumerate(file, 1):
                    if not octets.strip():
                        continue
                    try:
                        values = orjson.loads(octets.removeprefix(b"\xef\xbb\xbf"))
                    except orjson.JSONDecodeError as error:
                        self.broken.append(BrokenRow(line, f"not JSON: {error}"))
                        continue
                    if isinstance(values, dict):
                        yield line, values
                    else:
                        self.broken.append(BrokenRow(line, "not a JSON object"))
            except (EOFError, gzip.BadGzipFile) as error:
                raise CommandError(f"{self.path} is cut off or damaged ({error}); fetch it again") from None


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _is_json(path: Path) -> bool:
    if not path.is_file():
        raise CommandError(f"there is no file {path}")
    if _is_gzip(path):
        return True
    with path.open("rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def _id(values: Mapping[str, Any]) -> str | None:
    found = _ID.fullmatch(str(values.get("id", values.get("movie_id", ""))))
    return found[1] if found else None


def _text(values: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that says anything."""
    texts = (str(values.get(name) or "").strip() for name in names)
    return next((text for text in texts if not is_nothing(text)), "")


def _objects(value: Any) -> list[Any]:
    """A list of objects or names, or a text that holds one as JSON, in Python's notation, or with commas."""
    if isinstance(value, list):
        return value
    if not isinstance(value, str) or is_nothing(value):
        return []
    if not value.startswith("["):
        return [part.strip() for part in value.split(",")]
    try:
        read = orjson.loads(value)
    except orjson.JSONDecodeError:
        try:
            read = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return []
    return read if isinstance(read, list) else []


def _name(value: Any) -> str:
    return str(value.get("name") or "") if isinstance(value, dict) else str(value)
