"""The audience model of a folder of vectors, kept in DIR/sizing.npz once it was learned.

It holds arrays, and the trees as LightGBM's text; nothing in it is run. `key` says what it was learned from: titles,
audiences and vectors, and the code that learned. Where anything of that is another, the model is learned anew.
"""

import hashlib
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import orjson

from models.titles import audience, bags, past, replacing, sizing, sizing_features
from models.titles.audience import AudienceTable
from models.titles.sizing import STEPS, Sizing, Spread
from models.titles.sizing_features import Described, Features, Linear

NAME: Final = "sizing.npz"
_LINEAR: Final = ("centre", "usual", "weights", "own", "turn")
_CODE: Final = (audience, bags, past, sizing, sizing_features, sys.modules[__name__])

Counter = Callable[[str, int], Callable[..., None]]


def fitted(folder: Path, described: Described, table: AudienceTable, counter: Counter) -> Sizing:
    """The model of a folder, whose titles are `described` and whose audiences `table`: the kept one, or learned now.

    Where the folder can't be written to, it says so and goes on. Raises CommandError as `Sizing.learn` does.
    """
    path, key = folder / NAME, _key(described, table)
    kept = _read(path, key, described, table)
    if kept is not None:
        return kept
    made = Sizing.learn(described, table, counter("Learning from past titles", STEPS))
    try:
        with replacing.file(path) as new, new.open("wb") as file:
            np.savez(file, **_arrays(made, key))
    except OSError as error:
        print(f"{path} can't be written ({error.strerror}), so that the next call will learn from past titles again")
    return made


def _arrays(made: Sizing, key: str) -> dict[str, Any]:
    arrays: dict[str, Any] = {"key": key, "views": np.array(made.features.views, np.str_), "fold": made.fold}
    arrays |= {"mix": made.mix, "widen": made.spread.widen}
    arrays |= {f"linear.{name}": getattr(made.features.linear, name) for name in _LINEAR}
    trees = {"levels": made.levels, "departures": made.departures, "low": made.spread.low, "high": made.spread.high}
    for name, models in trees.items():
        for number, model in enumerate(models):
            arrays[f"{name}.{number}"] = np.frombuffer(model.model_to_string().encode(), np.uint8)
    return arrays


def _read(path: Path, key: str, described: Described, table: AudienceTable) -> Sizing | None:
    """The kept model; None where there is none, it can't be read, or it was learned from something else."""
    try:
        with np.load(path) as stored:
            if stored["key"] != key:
                return None
            linear = Linear(**{name: stored[f"linear.{name}"] for name in _LINEAR})
            features = Features(described, table, (linear, stored["views"].tolist()))
            spread = Spread(_trees(stored, "low"), _trees(stored, "high"), float(stored["widen"]))
            levels, departures = _trees(stored, "levels"), _trees(stored, "departures")
            return Sizing(features, stored["fold"], levels, departures, stored["mix"], spread)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, lgb.basic.LightGBMError):
        return None


def _trees(stored: Any, name: str) -> list[lgb.Booster]:
    places = (f"{name}.{number}" for number in range(len(stored.files)))
    return [lgb.Booster(model_str=stored[each].tobytes().decode()) for each in places if each in stored.files]


def _key(described: Described, table: AudienceTable) -> str:
    digest = hashlib.sha256(lgb.__version__.encode())
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    for title in described.titles:
        digest.update(orjson.dumps(title))
    digest.update(orjson.dumps(table.codes))
    for array in (table.title, table.country, table.log_size):
        digest.update(array.tobytes())
    for name, view in described.views.items():  # bags follow from the titles
        digest.update(name.encode())
        if not hasattr(view, "todense"):
            digest.update(orjson.dumps(view.shape) + view.tobytes())
    return digest.hexdigest()
