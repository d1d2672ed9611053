"""map.json and the vectors beside it: what `cw titles map` writes and the gateway shows.

titles   columns id, title, kind, year, summary
facts    what titles may share (streams.alike), by kind: names, and for each title their indexes
views    of each: x and y on the map (null without a vector), `of` (each title's cluster, -1 without),
         clusters (name, terms, size, middle: the row nearest to the centre), silhouette, print of its vectors
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from streams.alike import Facts, decoded
from streams.nearest import Metric, Nearest

NAME: Final = "map.json"
FORMAT: Final = 1


@dataclass(frozen=True)
class TitleMap:
    """What map.json says, and the vectors of each view, float32 (n, d), mapped."""

    titles: Mapping[str, Sequence[Any]]
    facts: Facts
    views: Mapping[str, Mapping[str, Any]]
    vectors: Mapping[str, npt.NDArray[np.float32]]

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each title_id."""
        return {title_id: row for row, title_id in enumerate(self.titles["id"])}

    @cached_property
    def _searchers(self) -> dict[tuple[str, Metric], Nearest]:
        return {}

    def similar(self, row: int, view: str, metric: Metric, count: int) -> list[dict[str, Any]]:
        """The titles nearest to one, each with its distance and why; none where it has no vector in the view."""
        search = self._searchers.get((view, metric))
        if search is None:
            search = self._searchers[view, metric] = Nearest(self.vectors[view], metric)
        found = search.search(self.vectors[view][[row]], count + 1)
        return [
            {
                "title_id": self.titles["id"][other],
                "distance": float(distance),
                "why": [
                    {"kind": reason.kind, "names": reason.names, "titles": reason.titles}
                    for reason in self.facts.why(row, other, view)
                ],
            }
            for other, distance in zip(found.rows[0].tolist(), found.distances[0], strict=True)
            if other not in (row, -1)
        ][:count]


def load(folder: Path) -> TitleMap:
    """Reads a folder's map. Raises ValueError with a line that says what to do where there is none that can be used."""
    again = f"run 'cw titles map {folder}'"
    try:
        stored = orjson.loads((folder / NAME).read_bytes())
        if stored["format"] != FORMAT:
            raise ValueError(f"its format is {stored['format']}, not {FORMAT}")
        prints = {view: of["print"] for view, of in stored["views"].items()}
        facts = decoded(stored["facts"])
        titles = {name: stored["titles"][name] for name in ("id", "title", "kind", "year", "summary")}
        _check(len(titles["id"]), titles, facts, stored["views"])
    except FileNotFoundError:
        raise ValueError(f"there is no {folder / NAME}; {again}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder / NAME} can't be used ({type(error).__name__}: {error}); {again}") from None
    vectors = {}
    for view, of_map in prints.items():
        try:
            vectors[view] = np.load(folder / "vectors" / f"{view}.npy", mmap_mode="r")
        except (OSError, EOFError, ValueError) as error:
            raise ValueError(f"the vectors by {view} can't be read ({error}); {again}") from None
        if len(vectors[view]) != len(titles["id"]) or print_of(vectors[view]) != of_map:
            raise ValueError(f"the vectors by {view} have changed since the map was made; {again}")
    return TitleMap(titles, facts, stored["views"], vectors)


def _check(n: int, titles: Mapping[str, Any], facts: Facts, views: Mapping[str, Any]) -> None:
    """Raises ValueError or KeyError where a part is not of n titles, so that no call finds out later."""
    columns = {**titles, **{f"{view}.{name}": of[name] for view, of in views.items() for name in ("x", "y", "of")}}
    columns |= {kind: lists.of for kind, lists in facts.kinds.items()}
    for name, column in columns.items():
        if len(column) != n:
            raise ValueError(f"{name} has {len(column)} titles where there are {n}")
    for kind, lists in facts.kinds.items():
        if not all(0 <= index < len(lists.names) for indexes in lists.of for index in indexes):
            raise ValueError(f"{kind} has an index beyond its names")
    for of in views.values():
        if any(not 0 <= cluster["middle"] < n for cluster in of["clusters"]):
            raise ValueError("a cluster's middle is no title")


def print_of(vectors: npt.NDArray[Any]) -> str:
    """Tells vectors, float (n, d), from others."""
    return blake2b(np.ascontiguousarray(vectors, np.float32).tobytes(), digest_size=16).hexdigest()
