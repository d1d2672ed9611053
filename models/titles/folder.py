"""The folder of vectors: what `cw titles train` writes, and every tool reads.

    titles.parquet     the titles table; row i of every view is the vector of title i
    vectors/VIEW.npy   float32 (n, d), mapped when read; zeros where a title has no vector in this view
    countries.npz      codes (c,) and vectors float32 (c, d), where audiences by country were given
    audience.parquet   the audiences, where they were given
    meta.json          version, how each view was trained, figures

Other tools keep files of their own beside these.
"""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from models.titles import replacing, table
from models.titles.table import AudienceRow, TitleRecord
from streams.errors import CommandError

VERSION: Final = 1  # of the folder's layout
VIEWS: Final = ("category", "audience", "graph", "combined")  # in the order in which tools show them
# What a folder has of the titles and vectors; another space has none of them.
FILES: Final = ("vectors/*.npy", "countries.npz", "audience.parquet")
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
        """Writes the folder, all of it or nothing; what other tools keep in it stays."""
        with replacing.folder(folder, FILES) as new:
            self.write(new)

    def write(self, folder: Path) -> None:
        """Writes the files into an empty folder."""
        n = len(self.titles)
        for name, vectors in self.views.items():
            if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != n:
                raise ValueError(f"view {name} is {vectors.dtype} {vectors.shape}; it must be float32 ({n}, d)")
        (folder / "vectors").mkdir()
        table.write(folder / "titles.parquet", self.titles)
        for name, vectors in self.views.items():
            np.save(folder / "vectors" / f"{name}.npy", np.ascontiguousarray(vectors))
        if self.countries is not None:
            codes, of_countries = self.countries
            np.savez(folder / "countries.npz", codes=np.array(codes, np.str_), vectors=of_countries)
        if self.audience is not None:
            table.write_audience(folder / "audience.parquet", self.audience)
        meta = {**self.meta, "version": VERSION, "titles": n}
        (folder / replacing.META).write_bytes(
            orjson.dumps(meta, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
        )

    @classmethod
    def load(cls, folder: Path) -> "TitleSpace":
        """Reads a folder, its vectors mapped. Raises CommandError where it is none, or was not written to its end."""
        try:
            meta = orjson.loads((folder / "meta.json").read_bytes())
        except FileNotFoundError:
            raise CommandError(f"{folder} is no folder of vectors; 'cw titles train -o {folder}' makes one") from None
        except orjson.JSONDecodeError as error:
            raise CommandError(f"{folder / 'meta.json'} is damaged ({error}); train again") from None
        version = meta.get("version") if isinstance(meta, dict) else None
        if version != VERSION:
            raise CommandError(f"{folder} has layout {version}, this version reads {VERSION}; train again")
        titles = table.read_written(folder / "titles.parquet")
        views = {}
        paths = {path.stem: path for path in (folder / "vectors").glob("*.npy")}
        for name in sorted(paths, key=lambda name: (VIEWS.index(name) if name in VIEWS else len(VIEWS), name)):
            try:
                vectors = np.load(paths[name], mmap_mode="r")
            except (EOFError, ValueError) as error:
                raise CommandError(f"{paths[name]} is damaged ({error}); train again") from None
            if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != len(titles):
                raise CommandError(f"{paths[name]} does not fit the {len(titles):,} titles beside it; train again")
            views[name] = vectors
        if not views:
            raise CommandError(f"{folder / 'vectors'} has no vectors; train again")
        countries = audience = None
        if (folder / "countries.npz").is_file():
            codes, of_countries = arrays(folder / "countries.npz", ["codes", "vectors"])
            countries = (codes.tolist(), of_countries)
        if (folder / "audience.parquet").is_file():
            audience, _ = table.read_audience(folder / "audience.parquet")
        return cls(titles, views, countries, audience, meta)


def arrays(path: Path, names: Iterable[str]) -> list[npt.NDArray[Any]]:
    """These arrays of an .npz file of the folder. Raises CommandError where it is missing or damaged, or lacks one."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file), np.load(file) as stored:
            return [stored[name] for name in names]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CommandError(f"{path} cannot be read ({error}); train again") from None
