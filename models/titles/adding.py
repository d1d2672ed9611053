"""Adds titles to a folder of vectors without a training: its encoders place them in the spaces that are there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.titles import encoder_files, texts, training, views
from models.titles.folder import TitleSpace
from models.titles.table import TitleRecord
from streams.errors import CommandError
from streams.nearest import Nearest, units

ENCODED: Final = ("category", "audience")  # views whose encoders are kept
NEIGHBOURS: Final = 10

Progress = Callable[[str, int, int], None]  # stage, done, total


def add(space: TitleSpace, folder: Path, titles: Sequence[TitleRecord], progress: Progress) -> TitleSpace:
    """The space with `titles` behind those it has, whose vectors stay as they are; ids that it has are left out.

    A view without an encoder (the graph knows the titles alone that it was trained with) has zeros for them. In
    `combined` its part is what their nearest titles have there: with zeros, titles added would be nearest each other.
    Raises CommandError where no view has an encoder.
    """
    new = [title for title in titles if title.title_id not in space.index]
    encoded = [name for name in space.views if name in ENCODED]
    if not encoded:
        raise CommandError(f"{folder} has no view that is learned from what titles are about; train it with --titles")
    if not new:
        return space
    added: dict[str, Any] = {}
    for name in encoded:
        inputs, encoder = encoder_files.load_encoder(folder, name)
        read = texts.read(inputs.text, [title.summary for title in new], progress)
        added[name] = training.vectors(encoder, inputs.table(new, read))
    for name, vectors in space.views.items():
        if name not in encoded and name != "combined":
            added[name] = np.zeros((len(new), vectors.shape[1]), np.float32)
    if "combined" in space.views:
        parts = space.meta["views"]["combined"]["of"]
        nearest = _nearest(
            views.combined([space.views[name] for name in encoded]), views.combined([added[name] for name in encoded])
        )
        added["combined"] = views.combined(
            [added[name] if name in encoded else _mean(space.views[name], nearest) for name in parts]
        )
        if added["combined"].shape[1] != space.views["combined"].shape[1]:
            raise CommandError(f"{folder}: view combined is not made of {', '.join(parts)}; train again")
    together = {name: np.concatenate([vectors, added[name]]) for name, vectors in space.views.items()}
    return TitleSpace([*space.titles, *new], together, space.countries, space.audience, space.meta)


def _nearest(known: np.ndarray, new: np.ndarray) -> np.ndarray:
    """int64 (new, NEIGHBOURS): the rows of the known titles that are nearest each new one; -1 where there are fewer."""
    return Nearest(known).search(new, NEIGHBOURS).rows


def _mean(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """float32 (len(rows), d): points where the mean of these rows does, each at length one; rows of -1 do not count."""
    each = units(vectors)[rows]
    each[rows < 0] = 0.0
    return np.asarray(each.sum(axis=1), np.float32)
