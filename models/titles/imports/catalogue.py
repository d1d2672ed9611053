"""A catalogue as workers read it (catalog.titles, the .titles.jsonl beside an event file): shows to titles.

A show's episodes become one title whose title_id is the show_id: what vectors of the ranking are looked up by. Genres
become categories. A catalogue's countries are where a show can be watched and not where it was made, its dates when it
was added and not when it came out: both are left out.
"""

from pathlib import Path

import orjson

from models.titles.delimited import BrokenRow
from models.titles.imports.imported import Imported
from models.titles.table import Titles
from streams.catalog import InvalidTitle, parse_title
from streams.errors import CommandError


def read(files: list[Path]) -> Imported:
    """Reads files of JSON Lines; of a show's episodes the one added first tells its summary."""
    imported, titles = Imported(), Titles()
    for path in files:
        if not path.is_file():
            raise CommandError(f"there is no file {path}")
        broken: list[BrokenRow] = []
        shows: dict[str, tuple[int, dict[str, object]]] = {}
        with path.open("rb") as file:
            for line, octets in enumerate(file, 1):
                if not octets.strip():
                    continue
                try:
                    record = orjson.loads(octets)
                    parse_title(record)
                except (orjson.JSONDecodeError, InvalidTitle, ValueError, TypeError, AttributeError) as error:
                    broken.append(BrokenRow(line, str(error)))
                    continue
                known = shows.get(record["show_id"])
                if known is None or _added(record) < _added(known[1]):
                    shows[record["show_id"]] = line, record
        before = len(titles.broken)
        for show_id, (line, record) in shows.items():
            titles.add(
                line,
                show_id,
                str(record.get("name") or ""),
                str(record.get("kind") or ""),
                summary=str(record.get("summary") or ""),
                categories=_texts(record.get("genres")),
                tags=_texts(record.get("tags")),
            )
        imported.report(path, [*broken, *titles.broken[before:]])
    imported.titles = titles.records
    return imported


def _added(record: dict[str, object]) -> int:
    """When it came out, ms; 0 where that is not known."""
    value = record.get("added_at")
    return int(value) if isinstance(value, int | float) else 0


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
