"""`netflix_titles.csv`, the public table of what Netflix had: show_id, type, title, director, cast, listed_in, …

`listed_in` becomes categories, directors and cast people. The table has no tags; the rating and the length of a title
stand in for them (`rated TV-MA`, `about 90 min`, `2 seasons`).
"""

import re
from pathlib import Path
from typing import Final

from models.titles.delimited import DelimitedFile, Row
from models.titles.imports.imported import Imported
from models.titles.table import Titles, is_nothing, split

_NEEDED: Final = ("show_id", "type", "title", "listed_in")
_LENGTH: Final = re.compile(r"(\d+) (min|seasons?)", re.IGNORECASE)
_MOST_SEASONS: Final = 5


def read(files: list[Path]) -> Imported:
    """Reads one or more such tables as one. Raises CommandError where a file is none."""
    imported, titles = Imported(), Titles()
    for path in files:
        file = DelimitedFile(path, _NEEDED)
        before = len(titles.broken)
        for row in file:
            titles.add(
                row.line,
                row["show_id"],
                row["title"],
                row["type"],
                row["release_year"],
                "" if is_nothing(row["description"]) else row["description"],
                categories=split(row["listed_in"], ","),
                tags=_tags(row),
                people=[*split(row["director"], ","), *split(row["cast"], ",")],
                countries=split(row["country"], ","),
            )
        imported.report(path, [*file.broken, *titles.broken[before:]])
    imported.titles = titles.records
    return imported


def _tags(row: Row) -> list[str]:
    """Rating and length. In some rows the length stands in the rating's column."""
    tags = []
    for text in (row["rating"], row["duration"]):
        length = _LENGTH.fullmatch(text)
        if length and length[2].lower() == "min":
            tags.append(f"about {max(1, round(int(length[1]) / 30)) * 30} min")
        elif length:
            seasons = min(int(length[1]), _MOST_SEASONS)
            more = " or more" if seasons == _MOST_SEASONS else ""
            tags.append(f"{seasons}{more} season{'s' if seasons > 1 else ''}")
        elif not is_nothing(text):
            tags.append(f"rated {text}")
    return tags
