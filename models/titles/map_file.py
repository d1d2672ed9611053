"""map.json: what the tools draw and the gateway's page shows, made of a folder of vectors.

titles   columns id, title, kind, year, summary
facts    what titles may share (streams.alike), by kind: names, and for each title their indexes
views    of each: x and y on the map (null without a vector), `of` (each title's cluster, -1 without),
         clusters (name, terms, size, middle: the row nearest to the centre), silhouette, print of its vectors
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from models.titles import clusters, facts, replacing
from models.titles import map as layout
from models.titles.folder import TitleSpace
from streams.alike import encoded
from streams.errors import CommandError
from streams.title_map import FORMAT, NAME, print_of

MOST: Final = 50_000  # titles that a map of points can show, and that t-SNE lays out in minutes

Counter = Callable[[str, int], Callable[..., None]]


def make(space: TitleSpace, folder: Path, counter: Counter) -> dict[str, Any]:
    """The map of a loaded folder. `counter(stage, total)` gives a function to be called as the stage goes on.

    A view whose titles all stand on the folder's map of before, with the same vectors, keeps it: titles that are
    new are placed among those. Raises CommandError for more than MOST titles.
    """
    if len(space.titles) > MOST:
        raise CommandError(f"a map shows {MOST:,} titles at most, and there are {len(space.titles):,}; train on fewer")
    before = _before(folder)
    views = {}
    for view, vectors in space.views.items():
        places = _places(space, view, vectors, before, counter)
        made = clusters.make(space.titles, vectors, counter(f"Clusters by {view}", len(clusters.NUMBERS)))
        views[view] = {
            "x": _rounded(places[:, 0]),
            "y": _rounded(places[:, 1]),
            **as_json(made),
            "print": print_of(vectors),
        }
    return {
        "format": FORMAT,
        "titles": {
            "id": [title.title_id for title in space.titles],
            "title": [title.title for title in space.titles],
            "kind": [title.kind for title in space.titles],
            "year": [title.release_year for title in space.titles],
            "summary": [title.summary for title in space.titles],
        },
        "facts": encoded(facts.read(space, folder)),
        "views": views,
    }


def as_json(made: clusters.Clustering) -> dict[str, Any]:
    """A clustering as map.json and clusters.json keep it."""
    return {
        "of": made.of.tolist(),
        "clusters": [
            {"name": each.name, "terms": list(each.terms), "size": each.size, "middle": each.middle}
            for each in made.clusters
        ],
        "silhouette": round(made.silhouette, 4),
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Replaces a file of JSON at once."""
    with replacing.file(path) as new:
        new.write_bytes(orjson.dumps(content))


def _places(
    space: TitleSpace, view: str, vectors: npt.NDArray[Any], before: dict[str, Any], counter: Counter
) -> layout.Places:
    rows = [space.index.get(title_id, -1) for title_id in before.get("titles", {}).get("id", [])]
    old = before.get("views", {}).get(view)
    if old is None or -1 in rows or old["print"] != print_of(vectors[rows]):
        return layout.lay_out(vectors, counter(f"Map by {view}", layout.TICKS))
    places = np.full((len(vectors), 2), np.nan)
    places[rows] = np.array([old["x"], old["y"]], float).T
    new = np.setdiff1d(np.arange(len(vectors)), rows)
    if len(new):
        places[new] = layout.place(vectors[rows], places[rows], vectors[new], counter(f"New titles by {view}", 1))
    return places


def _before(folder: Path) -> dict[str, Any]:
    try:
        before = orjson.loads((folder / NAME).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return before if isinstance(before, dict) and before.get("format") == FORMAT else {}


def _rounded(values: npt.NDArray[np.float64]) -> Sequence[float | None]:
    return [None if np.isnan(value) else round(float(value), 2) for value in values]
