"""Trained trees to ONNX, so that every comparison falls the same way as in LightGBM.

LightGBM compares in double, ONNX Runtime in float32. Features are float32, so `x <= t` is kept exactly by rounding the
threshold down to the nearest float32: no float32 lies between the two. Leaf values are rounded to nearest, and their
sum in float32 is all the difference that remains.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, compose, helper

from models.boosting import CUT

OPSET: Final = 17
ML_OPSET: Final = 3
IR_VERSION: Final = 8
INPUT: Final = "inputs"
OUTPUT: Final = "output"
OPERATORS: Final = frozenset(
    {
        "Add",
        "Clip",
        "ConstantOfShape",
        "Div",
        "Gather",
        "Log",
        "Mul",
        "Neg",
        "Reshape",
        "Shape",
        "Sigmoid",
        "Sub",
        "TreeEnsembleRegressor",
    }
)


def trees(booster: lgb.Booster, sigmoid: bool, first: int | None = None) -> ModelProto:
    """float32 (rows, features) to float32 (rows, 1): the sum of (the `first`) trees, or its logistic function.

    Raises ValueError where a tree has a split that is no plain comparison.
    """
    raw = "raw" if sigmoid else OUTPUT
    nodes = [_ensemble_node(_ensemble(booster, first), raw)]
    if sigmoid:
        nodes.append(helper.make_node("Sigmoid", [raw], [OUTPUT]))
    return _model(nodes, booster.num_feature(), [None, 1])


def corrected(booster: lgb.Booster | None, column: int, width: int, slope: float, shift: float) -> ModelProto:
    """float32 (rows, width) to float32 (rows, 1): the probability in a column with its log-odds put right.

    The logistic function of slope × logit(column) + shift, and the sum of the trees where there are any. The
    probability is cut at 1e-6 from 0 and 1, as models.boosting.logit does.
    """
    constants = [
        helper.make_tensor("column", TensorProto.INT64, [1], [column]),
        *_LOGIT_CONSTANTS,
        helper.make_tensor("slope", TensorProto.FLOAT, [], [slope]),
        helper.make_tensor("shift", TensorProto.FLOAT, [], [shift]),
    ]
    nodes = [
        helper.make_node("Gather", [INPUT, "column"], ["said"], axis=1),
        *_logit("said"),
        helper.make_node("Mul", ["logit", "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["start"]),
    ]
    if booster is None:
        nodes.append(helper.make_node("Sigmoid", ["start"], [OUTPUT]))
    else:
        nodes += [
            _ensemble_node(_ensemble(booster), "trees"),
            helper.make_node("Add", ["start", "trees"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], [OUTPUT]),
        ]
    return _model(nodes, width, [None, 1], constants)


def joined(prior: ModelProto, booster: lgb.Booster, first: int | None = None) -> ModelProto:
    """A graph of `trees` without the logistic function, with the booster's (first) trees in the same ensemble.

    Raises ValueError where `prior` is another graph.
    """
    if [node.op_type for node in prior.graph.node] != ["TreeEnsembleRegressor"]:
        raise ValueError("trees can be joined to trees alone")
    columns = {attribute.name: helper.get_attribute_value(attribute) for attribute in prior.graph.node[0].attribute}
    more = _ensemble(booster, first)
    taken = max(columns["nodes_treeids"]) + 1
    for name in ("nodes_treeids", "target_treeids"):
        more[name] = [taken + tree for tree in more[name]]
    for name, values in more.items():
        columns[name] = [*columns[name], *values]
    return _model([_ensemble_node(columns, OUTPUT)], booster.num_feature(), [None, 1])


def over(prior: ModelProto, booster: lgb.Booster) -> ModelProto:
    """float32 (rows, features) to float32 (rows, 1): the probability of a graph, the trees added to its log-odds."""
    inner = compose.add_prefix(prior, "prior_")
    for node in inner.graph.node:
        node.input[:] = [INPUT if name == f"prior_{INPUT}" else name for name in node.input]
    nodes = [
        *inner.graph.node,
        helper.make_node("Reshape", [f"prior_{OUTPUT}", "column_shape"], ["said"]),
        *_logit("said"),
        _ensemble_node(_ensemble(booster), "trees"),
        helper.make_node("Add", ["logit", "trees"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], [OUTPUT]),
    ]
    shape = helper.make_tensor("column_shape", TensorProto.INT64, [2], [-1, 1])
    return _model(nodes, booster.num_feature(), [None, 1], [*inner.graph.initializer, *_LOGIT_CONSTANTS, shape])


def negated_column(column: int, width: int) -> ModelProto:
    """float32 (rows, width) to float32 (rows,): one column, its sign turned."""
    index = helper.make_tensor("column", TensorProto.INT64, [], [column])
    nodes = [
        helper.make_node("Gather", [INPUT, "column"], ["chosen"], axis=1),
        helper.make_node("Neg", ["chosen"], [OUTPUT]),
    ]
    return _model(nodes, width, [None], [index])


def constant(value: float, width: int) -> ModelProto:
    """float32 (rows, width) to float32 (rows,): the same value for every row."""
    first = helper.make_tensor("first", TensorProto.INT64, [1], [0])
    nodes = [
        helper.make_node("Shape", [INPUT], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["rows"], axis=0),
        helper.make_node(
            "ConstantOfShape", ["rows"], [OUTPUT], value=helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
        ),
    ]
    return _model(nodes, width, [None], [first])


def write(model: ModelProto, path: Path) -> None:
    """Checks a model and writes it. Raises ValueError where it uses what the runtime is not known to have."""
    unknown = {node.op_type for node in model.graph.node} - OPERATORS
    if unknown:
        raise ValueError(f"{path.name} uses {', '.join(sorted(unknown))}")
    checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _model(nodes: list[NodeProto], width: int, output: list[int | None], constants: Any = ()) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, output)],
        initializer=list(constants),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="continue-watching")


_LOGIT_CONSTANTS: Final = (
    helper.make_tensor("low", TensorProto.FLOAT, [], [CUT]),
    helper.make_tensor("high", TensorProto.FLOAT, [], [1 - CUT]),
    helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
)


def _logit(probability: str) -> list[NodeProto]:
    """The nodes of ln(p / (1 − p)), named logit."""
    return [
        helper.make_node("Clip", [probability, "low", "high"], ["p"]),
        helper.make_node("Sub", ["one", "p"], ["rest"]),
        helper.make_node("Div", ["p", "rest"], ["odds"]),
        helper.make_node("Log", ["odds"], ["logit"]),
    ]


def _ensemble_node(columns: dict[str, list[Any]], output: str) -> NodeProto:
    return helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [output],
        domain="ai.onnx.ml",
        **{**columns, "n_targets": 1, "aggregate_function": "SUM", "post_transform": "NONE"},
    )


def _ensemble(booster: lgb.Booster, first: int | None = None) -> dict[str, list[Any]]:
    """The attributes of a TreeEnsembleRegressor for LightGBM's trees, all or the first of them."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "nodes_treeids",
            "nodes_nodeids",
            "nodes_featureids",
            "nodes_modes",
            "nodes_values",
            "nodes_truenodeids",
            "nodes_falsenodeids",
            "nodes_hitrates",
            "nodes_missing_value_tracks_true",
            "target_treeids",
            "target_nodeids",
            "target_ids",
            "target_weights",
        )
    }
    for tree, info in enumerate(booster.dump_model(num_iteration=first)["tree_info"]):
        for number, node, left, right in _numbered(info["tree_structure"]):
            columns["nodes_treeids"].append(tree)
            columns["nodes_nodeids"].append(number)
            columns["nodes_truenodeids"].append(left)
            columns["nodes_falsenodeids"].append(right)
            leaf = "leaf_value" in node
            # The rows that came here in training: serving does not need them, explaining does (export.explanation).
            columns["nodes_hitrates"].append(float(node.get("leaf_count" if leaf else "internal_count", 1)))
            columns["nodes_missing_value_tracks_true"].append(0 if leaf else _missing_goes_left(node))
            columns["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            columns["nodes_featureids"].append(0 if leaf else node["split_feature"])
            columns["nodes_values"].append(0.0 if leaf else round_down(node["threshold"]))
            if leaf:
                columns["target_treeids"].append(tree)
                columns["target_nodeids"].append(number)
                columns["target_ids"].append(0)
                columns["target_weights"].append(float(node["leaf_value"]))
    return columns


def _numbered(root: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any], int, int]]:
    """Nodes with their number and their children's, the root first."""
    waiting = [(0, root)]
    used = 1
    while waiting:
        number, node = waiting.pop()
        if "leaf_value" in node:
            yield number, node, 0, 0
            continue
        yield number, node, used, used + 1
        waiting += [(used, node["left_child"]), (used + 1, node["right_child"])]
        used += 2


def _missing_goes_left(node: dict[str, Any]) -> int:
    """Where NaN goes: LightGBM learned a side, or reads NaN as 0 where training saw none."""
    if node["decision_type"] != "<=":
        raise ValueError(f"a split by {node['decision_type']} can't be exported")
    if node["missing_type"] == "NaN":
        return int(node["default_left"])
    if node["missing_type"] == "None":
        return int(node["threshold"] >= 0.0)
    raise ValueError(f"missing values of type {node['missing_type']} can't be exported")


def round_down(threshold: float) -> float:
    """The largest float32 not above `threshold`: `x <= threshold` is the same for every float32 x."""
    with np.errstate(over="ignore"):  # LightGBM writes 1e300 for "everything"
        nearest = np.float32(threshold)
    return float(np.nextafter(nearest, np.float32(-np.inf)) if float(nearest) > threshold else nearest)
