"""What a ranker's scores are explained from (streams.scoring.explanation), taken from the very graph that serves."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper

UNBOUNDED: Final = (1.0, -np.inf, np.inf, True)


class _Leaf(NamedTuple):
    value: float
    bounds: dict[int, tuple[float, float, float, bool]]  # feature -> share, low, high, passed by NaN


def leaves(model: ModelProto, width: int) -> dict[str, NDArray[Any]]:
    """The arrays of an Explanation for a graph that export.onnx made: trees, or one column with its sign turned.

    Raises ValueError where it is neither.
    """
    linear = np.zeros(width)
    nodes = list(model.graph.node)
    found: list[_Leaf] = []
    if [node.op_type for node in nodes] == ["Gather", "Neg"]:
        (column,) = (t for t in model.graph.initializer if t.name == "column")
        linear[column.int64_data[0]] = -1.0
    elif [node.op_type for node in nodes] == ["TreeEnsembleRegressor"]:
        found = _leaves(nodes[0])
    else:
        raise ValueError(f"a ranker of {', '.join(node.op_type for node in nodes)} can't be explained")
    depth = max((len(leaf.bounds) for leaf in found), default=1)
    shape = (len(found), max(depth, 1))
    arrays: dict[str, NDArray[Any]] = {
        "value": np.array([leaf.value for leaf in found], np.float32),
        "feature": np.zeros(shape, np.int16),
        "share": np.full(shape, UNBOUNDED[0]),
        "low": np.full(shape, UNBOUNDED[1], np.float32),
        "high": np.full(shape, UNBOUNDED[2], np.float32),
        "missing": np.full(shape, UNBOUNDED[3], np.bool_),
        "linear": linear,
    }
    for row, leaf in enumerate(found):
        for column, (feature, bounds) in enumerate(leaf.bounds.items()):
            arrays["feature"][row, column] = feature
            for name, value in zip(("share", "low", "high", "missing"), bounds, strict=True):
                arrays[name][row, column] = value
    return arrays


def write(model: ModelProto, width: int, path: Path) -> None:
    """Writes them as an archive of arrays."""
    np.savez_compressed(path, **leaves(model, width))  # type: ignore[arg-type]


def _leaves(node: NodeProto) -> list[_Leaf]:
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    at = {key: row for row, key in enumerate(zip(given["nodes_treeids"], given["nodes_nodeids"], strict=True))}
    values: dict[tuple[int, int], float] = defaultdict(float)
    for tree, number, weight in zip(
        given["target_treeids"], given["target_nodeids"], given["target_weights"], strict=True
    ):
        values[tree, number] += weight
    found = []
    waiting: list[tuple[int, int, dict[int, tuple[float, float, float, bool]]]] = [
        (tree, 0, {}) for tree in sorted(set(given["nodes_treeids"]))
    ]
    while waiting:
        tree, number, bounds = waiting.pop()
        row = at[tree, number]
        if given["nodes_modes"][row] == b"LEAF":
            found.append(_Leaf(values[tree, number], bounds))
            continue
        feature, cut = given["nodes_featureids"][row], given["nodes_values"][row]
        share, low, high, missing = bounds.get(feature, UNBOUNDED)
        goes_left = bool(given["nodes_missing_value_tracks_true"][row])
        rows = given["nodes_hitrates"][row]
        for child, left in ((given["nodes_truenodeids"][row], True), (given["nodes_falsenodeids"][row], False)):
            here = share * (given["nodes_hitrates"][at[tree, child]] / rows)
            inside = (low, min(high, cut)) if left else (max(low, cut), high)
            passed = (here, *inside, missing and goes_left is left)
            waiting.append((tree, child, {**bounds, feature: passed}))
    return found
