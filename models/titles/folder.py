"""The folder of vectors: what `cw titles train` writes, and every tool reads.

    titles.parquet     the titles table; row i of every view is the vector of title i
    vectors/VIEW.npy   float32 (n, d), mapped when read; zeros where a title has no vector in this view
    countries.npz      codes (c,) and vectors float32 (c, d), where audiences by country were given
    audience.parquet   the audiences, where they were given
    meta.json          version, how each view was trained, figures

Other tools keep files of their own beside these.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from models.titles import table
from models.titles.table import AudienceRow, TitleRecord
from streams.errors import CommandError

VERSION: Final = 1  # of the folder's layout
VIEWS: Final = ("category", "audience", "graph", "combined")  # in the order in which tools show them
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TitleSpace:
    """Titles and their vectors. Each of `views` is float32 (len(titles), d of the view)."""

    titles: list[TitleRecord]
    views: Mapping[str, Vectors]
    countries: tuple[list[str], Vectors] | None = None
    audience: list[AudienceRow] | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each title_id."""
        return {title.title_id: row for row, title in enumerate(self.titles)}

    def view(self, name: str) -> Vectors:
        """One view. Raises CommandError where it was not trained."""
        if name not in self.views:
            raise CommandError(f"there is no view {name}; this folder has {', '.join(self.views) or 'none'}")
        return self.views[name]

    def save(self, folder: Path) -> None:
        """Writes the folder. A file is replaced at once, so that those who have it mapped keep what they read."""
        n = len(self.titles)
        for name, vectors in self.views.items():
            if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != n:
                raise ValueError(f"view {name} is {vectors.dtype} {vectors.shape}; it must be float32 ({n}, d)")
        (folder / "vectors").mkdir(parents=True, exist_ok=True)
        for old in set((folder / "vectors").glob("*.npy")) - {folder / "vectors" / f"{v}.npy" for v in self.views}:
            old.unlink()
        table.write(folder / "titles.parquet", self.titles)
        for name, vectors in self.views.items():
            _replace_array(folder / "vectors" / f"{name}.npy", vectors)
        if self.countries is not None:
            codes, of_countries = self.countries
            np.savez(folder / "countries.npz", codes=np.array(codes, np.str_), vectors=of_countries)
        else:
            (folder / "countries.npz").unlink(missing_ok=True)
        if self.audience is not None:
            table.write_audience(folder / "audience.parquet", self.audience)
        else:
            (folder / "audience.parquet").unlink(missing_ok=True)
        meta = {**self.meta, "version": VERSION, "titles": n}
        (folder / "meta.json").write_bytes(orjson.dumps(meta, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))

    @classmethod
    def load(cls, folder: Path) -> "TitleSpace":
        """Reads a folder, its vectors mapped. Raises CommandError where it is none, or was not written to its end."""
        try:
            meta = orjson.loads((folder / "meta.json").read_bytes())
        except FileNotFoundError:
            raise CommandError(f"{folder} is no folder of vectors; 'cw titles train -o {folder}' makes one") from None
        except orjson.JSONDecodeError as error:
            raise CommandError(f"{folder / 'meta.json'} is damaged ({error}); train again") from None
        if meta.get("version") != VERSION:
            raise CommandError(f"{folder} has layout {meta.get('version')}, this version reads {VERSION}; train again")
        titles = table.read_written(folder / "titles.parquet")
        views = {}
        paths = {path.stem: path for path in (folder / "vectors").glob("*.npy")}
        for name in sorted(paths, key=lambda name: (VIEWS.index(name) if name in VIEWS else len(VIEWS), name)):
            try:
                vectors = np.load(paths[name], mmap_mode="r")
            except ValueError as error:
                raise CommandError(f"{paths[name]} is damaged ({error}); train again") from None
            if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != len(titles):
                raise CommandError(f"{paths[name]} does not fit the {len(titles):,} titles beside it; train again")
            views[name] = vectors
        countries = audience = None
        if (folder / "countries.npz").is_file():
            with np.load(folder / "countries.npz") as stored:
                countries = (stored["codes"].tolist(), stored["vectors"])
        if (folder / "audience.parquet").is_file():
            audience, _ = table.read_audience(folder / "audience.parquet")
        return cls(titles, views, countries, audience, meta)


def _replace_array(path: Path, values: Vectors) -> None:
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        np.save(file, np.ascontiguousarray(values))
    os.replace(new, path)
