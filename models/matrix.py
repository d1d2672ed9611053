"""Matrices too large for memory: rows in a file, read a stretch at a time.

What is built with `concatenate` or `empty` is a numpy array as long as it is small, and else an OnDisk, which can be
cut and written to by rows like an array. A selection of rows is a view: nothing is read before it is asked for.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

IN_MEMORY_BYTES: Final = 512 << 20  # of one matrix; a larger one goes to a file
CHUNK_BYTES: Final = 16 << 20  # read at once

Array: TypeAlias = NDArray[Any]


class OnDisk:
    """Rows of numbers in a file that has no name and goes with the last matrix that reads it.

    `rows` are those of the file that this matrix has, rising; None for all of them.
    """

    def __init__(self, columns: int, dtype: DTypeLike, length: int = 0) -> None:
        """`length` rows of zeros."""
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (it lives as long as this)
        self.dtype = np.dtype(dtype)
        self._columns = columns
        self._width = self.dtype.itemsize * columns
        self._length = length
        self._rows: NDArray[np.int64] | None = None
        self._file.truncate(length * self._width)

    def __len__(self) -> int:
        return self._length if self._rows is None else len(self._rows)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self._columns

    @property
    def nbytes(self) -> int:
        return len(self) * self._width

    def append(self, rows: Array) -> None:
        """Adds rows (k, columns) at the end of a matrix that is no selection."""
        assert self._rows is None
        data = np.ascontiguousarray(rows, self.dtype)
        _write(self._file.fileno(), data, self._length * self._width)
        self._length += len(data)

    def __getitem__(self, key: Any) -> Any:
        """A view of some rows, by a slice, a mask or rising row numbers; with a column's number behind, that column."""
        if isinstance(key, tuple):
            rows, column = key
            return np.concatenate([chunk[:, column] for chunk in self[rows].chunks()] or [np.empty(0, self.dtype)])
        view = copy(self)
        if self._rows is not None:
            view._rows = self._rows[key]
        elif isinstance(key, slice):
            view._rows = np.arange(*key.indices(self._length))
        else:
            view._rows = np.flatnonzero(key) if np.asarray(key).dtype == np.bool_ else np.asarray(key, np.int64)
        return view

    def __setitem__(self, key: Any, values: Any) -> None:
        """Writes rows: of a slice, a mask or rising row numbers."""
        at = self[key]._rows
        for first in range(0, len(at), self._chunk):
            rows = at[first : first + self._chunk]
            data = np.asarray(values[first : first + self._chunk], self.dtype)
            breaks = np.flatnonzero(np.diff(rows) != 1) + 1
            for begin, end in zip([0, *breaks], [*breaks, len(rows)], strict=True):
                _write(self._file.fileno(), np.ascontiguousarray(data[begin:end]), int(rows[begin]) * self._width)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        whole = np.empty(self.shape, self.dtype)
        at = 0
        for chunk in self.chunks():
            whole[at : at + len(chunk)] = chunk
            at += len(chunk)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def chunks(self) -> Iterator[Array]:
        """All rows in order, some megabytes at a time."""
        if self._rows is None:
            for first in range(0, self._length, self._chunk):
                yield self._read(first, min(first + self._chunk, self._length))
            return
        rows, at = self._rows, 0
        while at < len(rows):
            begin = int(rows[at])
            end = int(np.searchsorted(rows, begin + self._chunk, "left"))
            near = rows[at:end]
            block = self._read(begin, int(near[-1]) + 1)
            yield block if len(block) == len(near) else block[near - begin]
            at = end

    @property
    def _chunk(self) -> int:
        return max(1, CHUNK_BYTES // self._width)

    def _read(self, first: int, last: int) -> Array:
        data = bytearray((last - first) * self._width)
        at = 0
        while at < len(data):
            got = os.preadv(self._file.fileno(), [memoryview(data)[at:]], first * self._width + at)
            if not got:
                raise EOFError("a scratch file is shorter than what was written to it")
            at += got
        return np.frombuffer(data, self.dtype).reshape(-1, self._columns)


Matrix: TypeAlias = Array | OnDisk


def empty(rows: int, columns: int, dtype: DTypeLike = np.float32) -> Any:
    """A matrix to be written to."""
    if rows * columns * np.dtype(dtype).itemsize <= IN_MEMORY_BYTES:
        return np.empty((rows, columns), dtype)
    return OnDisk(columns, dtype, rows)


def concatenate(parts: Iterable[Callable[[], Array]], nbytes: int) -> Any:
    """One matrix of several, in their order. `nbytes` is how large it will be; parts are read one at a time."""
    if nbytes <= IN_MEMORY_BYTES:
        return np.concatenate([part() for part in parts])
    whole: OnDisk | None = None
    for part in parts:
        rows = part()
        whole = whole or OnDisk(rows.shape[1], rows.dtype)
        whole.append(rows)
    return whole


def by_chunks(of: Callable[[Array], Array], matrix: Matrix) -> Array:
    """(rows,) what `of` says of rows (k, columns), asked a stretch at a time where they are on disk."""
    if not isinstance(matrix, OnDisk):
        return of(matrix)
    return np.concatenate([of(chunk) for chunk in matrix.chunks()] or [of(np.empty(matrix.shape, matrix.dtype))])


def _write(descriptor: int, data: Array, offset: int) -> None:
    view = memoryview(data.tobytes())
    while len(view):
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
