"""Title vectors as a side input of the ranking: one view of a folder of vectors, as the bundle's titles.npz.

Features look shows up by show_id, so the titles table's title_id must be that: of a film its title_id, of a series the
show_id, not those of its episodes. Cosines alone are used, so vectors are stored at length 1, in float16, and in as few
numbers as keep them: each candidate of each decision pays for their length.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from models.titles import replacing
from models.titles.folder import TitleSpace
from streams import population, vectors
from streams.errors import CommandError
from streams.nearest import units
from streams.scoring import bundle
from streams.scoring.bundle import MANIFEST, Manifest, sha256_of
from streams.vectors import Vectors

# What titles are about comes first: all have a vector of it, whole, also those that were added after the training.
PREFERRED: Final = ("category", "audience", "combined", "graph")
DIMS: Final = 64
_COMPARED: Final = 2000  # pairs of titles
_ROUNDING: Final = 0.02  # what float16 and a run on another machine may do to a cosine


@dataclass(frozen=True, slots=True)
class Change:
    """What new vectors are beside those they replace. `moved` is the mean absolute difference of the cosines of pairs
    of titles that both have; None where there are no such pairs."""

    titles: int
    dims: int
    added: int
    gone: int
    moved: float | None

    @property
    def lies_alike(self) -> bool:
        """Whether titles lie as they did in the vectors before."""
        return self.moved is not None and self.moved <= _ROUNDING


@dataclass(frozen=True, slots=True)
class Replaced:
    """A bundle with other vectors. `as_learned`: titles lie as they did when the bundle's models learned from them.
    `known` of the `shows` that members had played by then have a vector."""

    manifest: Manifest
    change: Change
    as_learned: bool
    known: int
    shows: int


def view_of(space: TitleSpace, name: str | None) -> str:
    """The view asked for, or else the first there is of PREFERRED. Raises CommandError where it was not trained."""
    chosen = name or next((view for view in PREFERRED if view in space.views), PREFERRED[0])
    space.view(chosen)
    return chosen


def vectors_of(space: TitleSpace, view: str) -> Vectors:
    """A view as vectors of the ranking; titles that have none in this view are left out.

    Vectors longer than DIMS are projected on the DIMS directions that keep most of their products (those of the largest
    eigenvalues of their second moments). Raises CommandError where no title has one.
    """
    table = space.view(view)
    rows = np.flatnonzero(table.any(axis=1))
    if not len(rows):
        raise CommandError(f"no title has a vector in view {view}; choose another with --view")
    unit = units(table[rows])
    if unit.shape[1] > DIMS:
        unit = units(unit @ np.linalg.eigh(unit.T @ unit)[1][:, -DIMS:])
    return Vectors.of([space.titles[row].title_id for row in rows], unit)


def write(path: Path, of_view: Vectors) -> None:
    """Writes the vectors alone. Raises CommandError where that can't be."""
    try:
        with replacing.file(path) as new:
            vectors.save(new, of_view)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}; name another file with --npz") from None


def compare(old: Vectors, new: Vectors) -> Change:
    """What changes."""
    before, after = old.index.ids(), new.index.ids()
    stayed = sorted(set(before) & set(after))
    moved = None
    if len(stayed) > 1:
        pairs = np.random.default_rng(0).integers(0, len(stayed), (2, _COMPARED))
        pairs = pairs[:, pairs[0] != pairs[1]]
        ids = [[stayed[at] for at in side] for side in pairs]
        cosines = [np.einsum("ij,ij->i", *(of.unit(of.rows(side)) for side in ids)) for of in (old, new)]
        moved = float(np.abs(cosines[0] - cosines[1]).mean())
    return Change(len(after), new.table.shape[1], len(after) - len(stayed), len(before) - len(stayed), moved)


def replace(folder: Path, new: Vectors, output: Path, about: Mapping[str, Any]) -> Replaced:
    """Writes the bundle in `folder` to `output` (the same, or another folder) with other vectors and all else as it is.

    It is another version, with the hash of its file put right; `about` is kept in its manifest under `vectors`.
    Raises BundleRefused where the bundle is damaged, CommandError where `output` can't be written.
    """
    before = bundle.read(folder)
    name = before.roles["titles"]
    change = compare(vectors.load(folder / name), new)
    as_learned = change.lies_alike and bool(before.raw.get("vectors", {}).get("as_learned", True))
    shows = list(population.load(folder / before.roles["population"]).show_index)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for other in before.files if output.resolve() != folder.resolve() else ():
            if other != name:
                shutil.copyfile(folder / other, output / other)
        vectors.save(output / f"{name}.new", new)
        files = {**before.files, name: sha256_of(output / f"{name}.new")}
        created = datetime.now(UTC)
        content = hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest()
        manifest = {
            **before.raw,
            "version": f"{created:%Y%m%dT%H%M%SZ}-{content[:8]}",
            "created": created.isoformat(timespec="seconds"),
            "files": files,
            "vectors": {
                **about,
                "titles": change.titles,
                "dims": change.dims,
                "as_learned": as_learned,
                "bundle_before": before.version,
            },
        }
        (output / f"{MANIFEST}.new").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        for file in (name, MANIFEST):
            os.replace(output / f"{file}.new", output / file)
    except OSError as error:
        raise CommandError(f"{output} can't be written: {error.strerror}; name another folder with -o") from None
    known = int((new.rows(shows) >= 0).sum())
    return Replaced(bundle.read(output), change, as_learned, known, len(shows))
