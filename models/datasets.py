"""LightGBM's datasets of matrices, also of those that are too large for memory."""

from typing import Any

import lightgbm as lgb
import numpy as np

from models.matrix import CHUNK_BYTES, Array, Matrix, OnDisk


class _Rows(lgb.Sequence):  # type: ignore[misc]
    """The rows of a matrix on disk, as LightGBM asks for them."""

    def __init__(self, matrix: OnDisk) -> None:
        self._matrix = matrix
        self.batch_size = max(1, CHUNK_BYTES // (matrix.dtype.itemsize * matrix.shape[1]))

    def __len__(self) -> int:
        return len(self._matrix)

    def __getitem__(self, key: Any) -> Array:
        one = isinstance(key, int | np.integer)
        rows: Array = np.asarray(self._matrix[slice(int(key), int(key) + 1) if one else key])
        return rows[0].astype(np.float64) if one else rows  # one by one it samples, in double precision


def dataset(matrix: Matrix, params: dict[str, Any], **given: Any) -> lgb.Dataset:
    """A LightGBM dataset; of a matrix on disk only the bins are in memory, a byte a number."""
    # Which features can't be split it tells from memory otherwise than from a file; left out or not, features are
    # drawn otherwise then, and the trees differ.
    params = params | {"feature_pre_filter": False}
    return lgb.Dataset(_Rows(matrix) if isinstance(matrix, OnDisk) else matrix, params=params, **given)
