"""Which feature moved a candidate's score by how much: Shapley values of the ranker's trees.

The values are those of path-dependent TreeSHAP (Lundberg, Erion and Lee, "Consistent individualized feature attribution
for tree ensembles", 2018), the same that LightGBM's pred_contrib gives. They are computed leaf by leaf. On the way to a
leaf of value v stand m distinct features; z_i is the share of training rows that pass all splits of feature i on it,
o_i is 1 where the candidate passes them, else 0. With the weight of a subset of k features, k! (m − 1 − k)! / m!,
written as the integral of t^k (1 − t)^(m − 1 − k) over 0 to 1, the sum over all subsets is one product:

    contribution of feature j = v (o_j − z_j) ∫ ∏_{i ≠ j} (z_i (1 − t) + o_i t) dt

The integrand is a polynomial of degree m − 1, which Gauss-Legendre quadrature with m / 2 nodes integrates exactly.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

ARRAYS: Final = ("value", "feature", "share", "low", "high", "missing", "linear")


class Explanation:
    """The leaves of a ranker's trees. Arrays, with L leaves, at most D distinct features on the way to one, F features:

    value    float32 (L,)
    feature  int16 (L, D), the column; where there are fewer than D: column 0, with a share of 1 and no bounds
    share    float64 (L, D), the share of training rows that pass this feature's splits, of those that come to them
    low, high  float32 (L, D): passed by low < x <= high
    missing  bool (L, D): passed by NaN
    linear   float64 (F,): what is added to the trees' sum for each unit of a feature
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raises ValueError or KeyError where the arrays don't fit together."""
        self._value = np.asarray(arrays["value"], np.float64)
        self._feature = np.asarray(arrays["feature"], np.int64)
        self._share = np.asarray(arrays["share"], np.float64)
        self._low, self._high = arrays["low"], arrays["high"]
        self._missing = arrays["missing"]
        self._linear = np.asarray(arrays["linear"], np.float64)
        shape = self._feature.shape
        if len(shape) != 2 or self._value.shape != shape[:1]:
            raise ValueError(f"{self._value.shape} leaves with features of {shape}")
        for array in (self._share, self._low, self._high, self._missing):
            if array.shape != shape:
                raise ValueError(f"arrays of {array.shape} and {shape}")
        if shape[0] and not (self._feature.min() >= 0 and self._feature.max() < len(self._linear)):
            raise ValueError("features that there are none of")
        nodes, weights = np.polynomial.legendre.leggauss(max(1, (shape[1] + 1) // 2))
        self._nodes: Doubles = (nodes + 1) / 2  # from -1..1 to 0..1
        self._weights: Doubles = weights / 2

    @property
    def base(self) -> float:
        """The score of a candidate of whom nothing is known: the mean over the training rows."""
        return float((self._value * self._share.prod(axis=1)).sum())

    def contributions(self, X: Floats) -> Doubles:
        """(n, F) float64 for X float32 (n, F); each row and `base` add up to the candidate's score.

        Takes 2 ms a row for 120 trees of 31 leaves: for people, not for every row.
        """
        return np.stack([self._of(x) for x in X]) if len(X) else np.zeros((0, len(self._linear)))

    def _of(self, x: Floats) -> Doubles:
        given = x[self._feature]
        passed = np.where(np.isnan(given), self._missing, (given > self._low) & (given <= self._high))
        integral = np.zeros(self._share.shape)
        for t, weight in zip(self._nodes, self._weights, strict=True):
            factor = self._share * (1 - t) + passed * t
            integral += weight * factor.prod(axis=1, keepdims=True) / factor  # no factor is 0: no share is
        moved = self._value[:, None] * (passed - self._share) * integral
        total: Doubles = np.bincount(self._feature.ravel(), moved.ravel(), len(self._linear)).astype(np.float64)
        used = self._linear != 0
        total[used] += self._linear[used] * x[used]
        return total


def load(path: Path) -> Explanation:
    """Reads what export.explanation wrote. Raises OSError, ValueError or KeyError where it can't be read."""
    with np.load(path, allow_pickle=False) as arrays:
        return Explanation({name: arrays[name] for name in ARRAYS})
