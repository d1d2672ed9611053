"""Finds the title that somebody means, by id or name; offers close names where there is none."""

from collections.abc import Sequence

from models.titles.table import TitleRecord
from streams.clients.text import plain
from streams.errors import UsageError

OFFERED = 5


def find(titles: Sequence[TitleRecord], text: str) -> int:
    """The row of the title with this id, or this name whatever its case and accents.

    Raises UsageError where there is none, naming close ones, or where several have the name, naming their ids.
    """
    wanted = plain(text)
    named = []
    for row, title in enumerate(titles):
        if title.title_id == text:
            return row
        if plain(title.title) == wanted:
            named.append(row)
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(f"{len(named)} titles are called {text!r}: {_listed(titles, named)}; name one by its id")
    near = close(titles, text)
    hint = f"did you mean {_listed(titles, near)}?" if near else "give a title_id of the table or a title as it stands"
    raise UsageError(f"there is no title {text!r}; {hint}")


def close(titles: Sequence[TitleRecord], text: str, most: int = OFFERED) -> list[int]:
    """Rows of titles whose names have much in common with the text, closest first.

    By the share of three-letter pieces in common (Jaccard), at least a quarter; a name that holds the text whole
    comes before all that don't.
    """
    wanted = plain(text)
    pieces = _pieces(wanted)
    scored = []
    for row, title in enumerate(titles):
        name = plain(title.title)
        theirs = _pieces(name)
        share = len(pieces & theirs) / len(pieces | theirs)
        holds = len(wanted) >= 3 and wanted in name
        if holds or share >= 0.25:
            scored.append((not holds, -share, row))
    return [row for _, _, row in sorted(scored)[:most]]


def _pieces(text: str) -> set[str]:
    padded = f"  {text} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


def _listed(titles: Sequence[TitleRecord], rows: Sequence[int]) -> str:
    return ", ".join(
        f"{titles[row].title} ({', '.join(filter(None, (str(titles[row].release_year or ''), titles[row].title_id)))})"
        for row in rows
    )
