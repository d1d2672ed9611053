"""Titles like a title, by each view of a folder of vectors, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.titles import index
from models.titles.folder import TitleSpace
from streams.alike import Facts, Reason
from streams.nearest import Metric, Nearest

EXACT_BELOW: Final = 100_000  # titles; from here on an index answers, which may miss some


@dataclass(frozen=True, slots=True)
class Similar:
    """One title that is like another: its row, how far away its vector is, and what both have."""

    row: int
    distance: float
    why: list[Reason]


def searcher(
    space: TitleSpace, view: str, metric: Metric, folder: Path, counter: index.Counter
) -> Nearest | index.Index:
    """What finds the nearest vectors of a view: exactly below EXACT_BELOW titles, else by an index kept in the folder.

    Raises CommandError where there is no such view.
    """
    vectors = space.view(view)
    if len(vectors) < EXACT_BELOW:
        return Nearest(vectors, metric)
    return index.kept(vectors, metric, folder / "index" / f"{view}-{metric}.faiss", counter)


def similar(
    space: TitleSpace, facts: Facts, view: str, search: Nearest | index.Index, rows: Iterable[int], count: int
) -> list[list[Similar]]:
    """The `count` most similar titles of each row, nearest first. None for a title that the view does not have."""
    asked = list(rows)
    found = search.search(space.view(view)[asked], count + 1)
    return [
        [
            Similar(int(other), float(distance), facts.why(row, int(other), view))
            for other, distance in zip(others, distances, strict=True)
            if other not in (row, -1)
        ][:count]
        for row, others, distances in zip(asked, found.rows, found.distances, strict=True)
    ]
