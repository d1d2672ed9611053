"""Vectors of shows, from the bundle's titles.npz: what lies close together is alike.

A show's vector is that of its title: a film's title_id is its show_id, a series is one title. The file has `vectors`
float16 (n, d) and the ids of its rows as streams.id_index keeps them (`id_hashes`, `id_ends`, `id_text`). Nothing is
compressed and every array begins at a multiple of 64 bytes, so that the file is used where it lies: of a million titles
a process holds the pages alone that it looks at. A bundle without vectors has n = 0, and every closeness is then 0.
"""

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streams.id_index import IdIndex, build

_LOCAL_HEADER: Final = Struct("<26xHH")  # of a zip member: the lengths of its name and its extra field
_LOCAL_HEADER_BYTES: Final = 30
_ZIP64_EXTRA_BYTES: Final = 20
_PADDING_FIELD: Final = Struct("<HH")  # of a zip member's extra field: an id, here that of padding, and a length
_PADDING_ID: Final = 0xD935
_ALIGNED: Final = 64  # bytes


@dataclass(frozen=True, slots=True)
class Vectors:
    """`table` is float16 (n, d); `index` has the row of each id."""

    index: IdIndex = field(default_factory=lambda: build([])[0])
    table: npt.NDArray[np.float16] = field(default_factory=lambda: np.zeros((0, 0), np.float16))

    def __bool__(self) -> bool:
        return len(self.index) > 0

    @classmethod
    def of(cls, ids: Sequence[str], table: npt.NDArray[Any]) -> "Vectors":
        """The vectors of ids: row i of `table` (n, d) is the i-th's. Raises ValueError where an id stands twice."""
        index, order = build(ids)
        return cls(index, table[order].astype(np.float16))

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row numbers in `table`; -1 where an id has no vector."""
        return self.index.rows(ids)

    def unit(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """float32 (len(rows), d): vectors of length 1; zeros for -1 and for a vector of zeros."""
        vectors = self.table[np.maximum(rows, 0)].astype(np.float32)
        vectors[rows < 0] = 0.0
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        vectors /= np.where(lengths > 0, lengths, 1.0)[:, None]
        return vectors


def save(path: Path, vectors: Vectors) -> None:
    """Writes titles.npz."""
    arrays = {
        "id_hashes": vectors.index.hashes,
        "id_ends": vectors.index.ends,
        "id_text": vectors.index.text,
        "vectors": vectors.table,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            assert archive.fp is not None
            head = archive.fp.tell() + _LOCAL_HEADER_BYTES + len(member.filename) + _ZIP64_EXTRA_BYTES
            padding = -(head + _PADDING_FIELD.size) % _ALIGNED
            member.extra = _PADDING_FIELD.pack(_PADDING_ID, padding) + bytes(padding)
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def load(path: Path) -> Vectors:
    """Reads titles.npz, mapped into memory.

    Raises OSError, KeyError or ValueError where it is no such file, zipfile.BadZipFile where it is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    if "title_ids.npy" in names:  # as earlier releases wrote it
        with np.load(path, allow_pickle=False) as stored:
            ids = stored["title_ids"].tolist()
            return Vectors.of(ids, stored["vectors"]) if ids else Vectors()
    if _mapped(path, "id_hashes.npy").size == 0:
        return Vectors()
    index = IdIndex(*(_mapped(path, f"{name}.npy") for name in ("id_hashes", "id_ends", "id_text")))
    table = _mapped(path, "vectors.npy")
    if table.dtype != np.float16 or table.ndim != 2 or len(table) != len(index):
        raise ValueError(f"vectors are {table.dtype} {table.shape}; they must be float16 ({len(index)}, d)")
    return Vectors(index, np.asarray(table))


def _mapped(path: Path, name: str) -> npt.NDArray[Any]:
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
        if not all(shape):
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, mode="r", offset=file.tell(), shape=shape)
