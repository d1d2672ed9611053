"""Where features are declared: a name, a group, what it means, and one function from a batch to a column."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

from streams.features.batch import Batch

Float32: TypeAlias = npt.NDArray[np.float32]
Column: TypeAlias = Callable[[Batch], npt.NDArray[np.float64]] | Callable[[Batch], npt.NDArray[np.int64]]
C = TypeVar("C", bound=Column)


@dataclass(frozen=True, slots=True)
class Feature:
    """`version` is raised when the meaning changes under the same name, so that old bundles are refused."""

    name: str
    group: str
    meaning: str
    column: Column
    version: int = 1


CANDIDATE: list[Feature] = []
CONTEXT: list[Feature] = []


def candidate(group: str, meaning: str, version: int = 1) -> Callable[[C], C]:
    """Declares a feature of a candidate, named as its function; the column has one value a candidate."""
    return _declare(CANDIDATE, group, meaning, version)


def context(group: str, meaning: str, version: int = 1) -> Callable[[C], C]:
    """Declares a feature of a decision, named as its function; the column has one value a decision."""
    return _declare(CONTEXT, group, meaning, version)


def shared(function: C) -> C:
    """A column that others are made from, too: worked out once for a batch, whoever asks for it. Not to be changed."""

    @functools.wraps(function)
    def column(batch: Batch) -> object:
        values = batch.columns.get(function)
        if values is None:
            values = batch.columns[function] = function(batch)
        return values

    return cast(C, column)


def fill(features: Sequence[Feature], batch: Batch, rows: int) -> Float32:
    """float32 (rows, len(features)), C-contiguous. Raises ValueError where a column has another length."""
    columns = np.empty((len(features), rows), dtype=np.float32)
    for at, feature in enumerate(features):
        values = feature.column(batch)
        if values.shape != (rows,):
            raise ValueError(f"feature {feature.name} gave shape {values.shape} for {rows} rows")
        columns[at] = values
    return np.ascontiguousarray(columns.T)


def schema_hash(features: Sequence[Feature]) -> str:
    """Changes with any name, version or order of the features."""
    text = "\n".join(f"{feature.name} {feature.version}" for feature in features)
    return hashlib.sha256(text.encode()).hexdigest()


def _declare(registry: list[Feature], group: str, meaning: str, version: int) -> Callable[[C], C]:
    def register(function: C) -> C:
        name = function.__name__
        if any(feature.name == name for feature in registry):
            raise ValueError(f"two features are named {name}")
        registry.append(Feature(name, group, meaning, function, version))
        return function

    return register
