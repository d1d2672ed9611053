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
