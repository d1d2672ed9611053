"""A folder of title vectors with a map, small enough to know what is near what."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streams.title_map import print_of

# Two crime series, two cartoons, and one of which nothing is known by graph.
CATEGORY = np.array([[4, 0, 1], [4, 1, 1], [0, 4, 0], [0, 5, 1], [1, 1, 5]], np.float32)
GRAPH = np.array([[1, 0], [0, 1], [1, 1], [1, 2], [0, 0]], np.float32)


def write_map(folder: Path, **changes: Any) -> Path:
    """Writes the folder; `changes` are fields of map.json."""
    (folder / "vectors").mkdir(parents=True, exist_ok=True)
    vectors = {"category": CATEGORY, "graph": GRAPH}
    for view, values in vectors.items():
        np.save(folder / "vectors" / f"{view}.npy", values)
    clusters = [
        {"name": "Crime · US", "terms": ["Crime", "US"], "size": 3, "middle": 0},
        {"name": "Cartoons", "terms": ["Cartoons"], "size": 2, "middle": 2},
    ]
    stored = {
        "format": 1,
        "titles": {
            "id": ["t0", "t1", "t/2", "t3", "t4"],
            "title": ["Harbour Nights", "Harbour Days", "Moon Pups", "Sun Pups", "Élan"],
            "kind": ["series", "series", "series", "film", "film"],
            "year": [2019, 2021, 2018, 2020, None],
            "summary": ["A port town keeps a secret.", "It is found out.", "Dogs in orbit.", "Dogs by day.", ""],
        },
        "facts": {
            "categories": {"names": ["Crime", "Drama", "Cartoons"], "of": [[0, 1], [0], [2], [2], [1]]},
            "people": {"names": ["Ada Bee", "Cy Dee"], "of": [[0, 1], [0, 1], [], [1], []]},
            "countries": {"names": ["US"], "of": [[0], [0], [0], [0], []]},
        },
        "views": {
            view: {
                "x": [0.0, 1.0, 10.0, 11.5, None if view == "graph" else 5.0],
                "y": [0.0, 0.5, 8.0, 9.0, None if view == "graph" else 20.0],
                "of": [0, 0, 1, 1, -1 if view == "graph" else 0],
                "clusters": clusters,
                "silhouette": 0.5,
                "print": print_of(values),
            }
            for view, values in vectors.items()
        },
        **changes,
    }
    (folder / "map.json").write_bytes(orjson.dumps(stored))
    return folder


def write_audience(folder: Path) -> Path:
    """Adds estimates for Spain and Japan, and country vectors, to a folder of `write_map`. Of t0 Spain is known."""
    estimate = np.array([[[900, 1800, 4000], [5, 12.25, 40]]] * 5, np.float32)
    actual = np.full((5, 2), np.nan, np.float32)
    actual[0, 0], actual[1, 0], actual[1, 1] = 2100, 3000, 7
    past = np.array([[1, 3], [0, -1], [3, -1], [2, -1], [-1, -1]], np.int32)
    share = np.array([[0.75, 0.25], [1, 0], [1, 0], [1, 0], [0, 0]], np.float32)
    usual = np.array([1000, 10], np.float32)
    arrays = {"estimate": estimate, "actual": actual, "usual": usual, "past": past, "share": share}
    np.savez(folder / "audience.npz", codes=np.array(["ES", "JP"]), **arrays)
    vectors = np.array([[1, 0], [0, 2], [3, 1]], np.float32)
    np.savez(folder / "countries.npz", codes=np.array(["ES", "JP", "MX"]), vectors=vectors)
    return folder
