"""MovieLens: movies.csv, and beside it ratings.csv, tags.csv and links.csv, told apart by their columns.

An audience is the number of members who rated a film: nobody's country is known, so it is the world's, in raters. That
is a lower bound of who saw it, and skewed to those who rate; but it orders films by how many know them. With links.csv
titles get TMDB's ids, so that these audiences join a table made of TMDB.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

from models.titles.delimited import BrokenRow, DelimitedFile
from models.titles.imports.imported import Imported, by_columns
from models.titles.imports.tmdb import film_id
from models.titles.table import FILM, WORLD, AudienceRow, Titles
from streams.errors import CommandError

_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "movies": ("movieid", "title", "genres"),
    "ratings": ("userid", "movieid", "rating"),
    "tags": ("userid", "movieid", "tag"),
    "links": ("movieid", "tmdbid"),
    "genome": ("tagid",),  # how well each of a thousand tags fits each film, by a model: left out
}
_MOST_TAGS: Final = 20  # of a title, those that most members gave
_YEAR: Final = re.compile(r"\s*\((\d{4})(?:[-–]\d{0,4})?\)\s*$")
_ARTICLE: Final = re.compile(r"^(.*?), (The|A|An|Le|La|Les|L'|Il|El|Los|Las|Die|Der|Das|Un|Une)(?= \(|$)")
_NO_GENRE: Final = "(no genres listed)"


def read(files: list[Path]) -> Imported:
    """Reads the tables. Raises CommandError where there is no movies.csv among them."""
    tables = by_columns(files, _KINDS, "MovieLens")
    if not any(kind == "movies" for kind, _ in tables):
        raise CommandError(
            "movies.csv is not among the files; the other tables of MovieLens only say more of its films"
        )
    imported, titles = Imported(unit="members who rated it"), Titles()
    raters: Counter[str] = Counter()
    tags: dict[str, Counter[str]] = {}
    ids: dict[str, str] = {}
    for kind, file in tables:
        if kind == "ratings":
            _count_raters(file, raters)
        elif kind == "tags":
            for row in file:
                if row["tag"]:
                    tags.setdefault(row["movieid"], Counter())[row["tag"].casefold()] += 1
        elif kind == "links":
            for row in file:
                if row["tmdbid"].isdigit():
                    ids[row["movieid"]] = film_id(row["tmdbid"])
                else:
                    file.broken.append(BrokenRow(row.line, f"movieId {row['movieid']} has no tmdbId", kept=True))
    for kind, file in tables:
        before = len(titles.broken)
        for row in file if kind == "movies" else ():
            movie = row["movieid"]
            name, year = _name_and_year(row["title"])
            title_id = ids.get(movie, movie)
            ranked = sorted(tags.get(movie, Counter()).items(), key=lambda item: (-item[1], item[0]))
            known = [genre for genre in row["genres"].split("|") if genre != _NO_GENRE]
            added = titles.add(
                row.line, title_id, name, FILM, year, categories=known, tags=[tag for tag, _ in ranked[:_MOST_TAGS]]
            )
            if added and raters:
                imported.audience.append(AudienceRow(title_id, WORLD, float(raters[movie])))
        imported.report(file.path, [*file.broken, *titles.broken[before:]])
    imported.titles = titles.records
    return imported


def _count_raters(file: DelimitedFile, raters: Counter[str]) -> None:
    """One rating a member and film, as MovieLens has it."""
    for row in file:
        if row["movieid"] and row["rating"]:
            raters[row["movieid"]] += 1
        else:
            file.broken.append(BrokenRow(row.line, "no movieId or no rating"))


def _name_and_year(text: str) -> tuple[str, str]:
    """`Matrix, The (1999)` to `The Matrix` and `1999`."""
    found = _YEAR.search(text)
    name = text[: found.start()] if found else text.strip()
    return _ARTICLE.sub(lambda match: f"{match[2]}{'' if match[2].endswith(chr(39)) else ' '}{match[1]}", name), (
        found[1] if found else ""
    )
