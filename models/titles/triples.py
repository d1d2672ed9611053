"""What is known of titles as a graph: (head, relation, tail), derived from the titles table or read from a file.

Entities are named by their kind: `title:s1`, `tag:time travel`, `person:Baran bo Odar`, `year:2017`. A file has a
triple a line, tab-separated, and may know other entities (`book:Heart of Darkness`); a title is `title:` and title_id.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from models.titles.delimited import BrokenRow, lines
from models.titles.table import TitleRecord
from streams.errors import CommandError

TITLE: Final = "title:"
_LISTS: Final = (
    ("in_category", "category:", "categories"),
    ("has_tag", "tag:", "tags"),
    ("made_by", "person:", "people"),
    ("from_country", "country:", "countries"),
)


class Triple(NamedTuple):
    """A fact."""

    head: str
    relation: str
    tail: str


def derive(titles: Iterable[TitleRecord]) -> list[Triple]:
    """What the table says of each title and of another one, too, in the order of the table. A summary is no fact.

    What stands with a single title says nothing of likeness (most people do); where nothing is shared, all is kept.
    """
    triples: dict[Triple, None] = {}
    for title in titles:
        name = TITLE + title.title_id
        for relation, prefix, column in _LISTS:
            triples.update((Triple(name, relation, prefix + value), None) for value in getattr(title, column))
        if title.kind:
            triples[Triple(name, "is_a", f"kind:{title.kind}")] = None
        if title.release_year is not None:
            triples[Triple(name, "came_out", f"year:{title.release_year}")] = None
    titles_with = Counter(triple.tail for triple in triples)
    return [triple for triple in triples if titles_with[triple.tail] > 1] or list(triples)


def read(path: Path) -> tuple[list[Triple], list[BrokenRow]]:
    """The triples of a file, each once, and its broken lines.

    Raises CommandError where the file is missing or has no triple.
    """
    if not path.is_file():
        raise CommandError(f"there is no file {path}")
    triples: dict[Triple, None] = {}
    broken = []
    for number, line in lines(path):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != 3:
            broken.append(BrokenRow(number, f"{len(fields)} tab-separated fields; a triple is head, relation, tail"))
        elif not all(fields):
            broken.append(BrokenRow(number, f"no {('head', 'relation', 'tail')[fields.index('')]}"))
        else:
            triples[Triple(*fields)] = None
    if not triples:
        reason = f"; line {broken[0].line}: {broken[0].reason}" if broken else ""
        raise CommandError(f"{path} has no triple{reason}")
    return list(triples), broken


def write(path: Path, triples: Iterable[Triple]) -> None:
    """Writes triples, a line each; a tab or a line break inside a name becomes a space."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(" ".join(part.split()) for part in triple) + "\n" for triple in triples)
