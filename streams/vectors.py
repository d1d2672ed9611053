"""Vectors of shows and titles, from the bundle's titles.npz: what lies close together is alike.

The file has `title_ids` (n,) and `vectors` float16 (n, d), not compressed, so that the vectors of a million titles stay
on disk until they are looked at. A bundle without vectors has n = 0, and every closeness is then 0.
"""

import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

_LOCAL_HEADER: Final = struct.Struct("<26xHH")  # of a zip member: the lengths of its name and its extra field


@dataclass(frozen=True, slots=True)
class Vectors:
    """`table` is float16 (n, d); `index` has the row of each id."""

    index: Mapping[str, int] = field(default_factory=dict)
    table: npt.NDArray[np.float16] = field(default_factory=lambda: np.zeros((0, 0), np.float16))

    def __bool__(self) -> bool:
        return bool(self.index)

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row numbers in `table`; -1 where an id has no vector."""
        get = self.index.get
        return np.array([get(each, -1) for each in ids], dtype=np.int64)

    def unit(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """float32 (len(rows), d): vectors of length 1; zeros for -1 and for a vector of zeros."""
        vectors = self.table[np.maximum(rows, 0)].astype(np.float32)
        vectors[rows < 0] = 0.0
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        vectors /= np.where(lengths > 0, lengths, 1.0)[:, None]
        return vectors


def save(path: Path, vectors: Vectors) -> None:
    """Writes titles.npz."""
    with path.open("wb") as file:
        np.savez(file, title_ids=np.array(list(vectors.index), dtype=np.str_), vectors=vectors.table)


def load(path: Path) -> Vectors:
    """Reads titles.npz, its vectors mapped into memory.

    Raises OSError, KeyError or ValueError where it is no such file, zipfile.BadZipFile where it is damaged.
    """
    with np.load(path, allow_pickle=False) as stored:
        ids: list[str] = stored["title_ids"].tolist()
    if not ids:
        return Vectors()
    table = _mapped(path, "vectors.npy")
    if table.dtype != np.float16 or table.ndim != 2 or len(table) != len(ids):
        raise ValueError(f"vectors are {table.dtype} {table.shape}; they must be float16 ({len(ids)}, d)")
    return Vectors({title_id: row for row, title_id in enumerate(ids)}, table)


def _mapped(path: Path, name: str) -> npt.NDArray[np.float16]:
    """An array of an .npz file, mapped where it lies in it."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        member = archive.getinfo(name)
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed; write it with numpy.savez")
        file.seek(member.header_offset)
        file.seek(sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))), 1)
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        if fortran:
            raise ValueError(f"{name} is in Fortran order; it must be in C order")
        return np.memmap(path, dtype, mode="r", offset=file.tell(), shape=shape)
