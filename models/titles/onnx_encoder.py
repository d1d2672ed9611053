"""The encoders as ONNX graphs, from `encoders/TASK.npz`: what models.titles.encoder computes, without JAX."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.titles.inputs import BAGS, Inputs
from models.titles.onnx_graph import Graph
from streams.errors import CommandError

_PREFIX: Final = "encoder."

Arrays = Mapping[str, np.ndarray]


def exported(folder: Path, task: str) -> Path:
    """The ONNX file of a task's encoder in a folder of vectors, made where it is not there or the encoder is newer.

    Its inputs are the arrays of `models.titles.inputs.Table.batch`, those that the encoder has a part for; its output
    is the title vectors, f32 (b, d). Raises CommandError where the encoder is not there.
    """
    stored, path = folder / "encoders" / f"{task}.npz", folder / "encoders" / f"{task}.onnx"
    try:
        if path.is_file() and path.stat().st_mtime >= stored.stat().st_mtime:
            return path
        with np.load(stored) as arrays:
            own = {name.removeprefix(_PREFIX): arrays[name] for name in arrays.files if name.startswith(_PREFIX)}
    except (OSError, ValueError) as error:
        raise CommandError(f"{stored} cannot be read ({error}); train again") from None
    write(path, Inputs.load(stored.with_name("inputs.json")), own)
    return path


def write(path: Path, inputs: Inputs, arrays: Arrays) -> None:
    """Writes the graph of an encoder whose arrays have the names that encoder_files gives them, less `encoder.`."""
    graph = Graph()
    given: list[tuple[str, Any, list[int | str]]] = [("year", np.float32, ["b", 2])]
    parts = {"year": "year"}
    if inputs.sentence_dim:
        given.append(("sentence", np.float32, ["b", inputs.sentence_dim]))
        parts["sentence"] = _sentence(graph, arrays["sentence_unknown"])
    if inputs.word_dim:
        given.append(("words", np.float32, ["b", "longest", inputs.word_dim]))
        given.append(("lengths", np.int32, ["b"]))
        parts["words"] = _states(graph, arrays)
    for bag in BAGS:
        if inputs.vocabularies[bag]:
            given.append((bag, np.int32, ["b", f"{bag}_width"]))
            parts[bag] = _bag(graph, bag, arrays[f"bags.{bag}.vectors"])
    joined = graph.add("Concat", *(parts[name] for name in sorted(parts)), axis=1)
    weight, bias = graph.constant(arrays["join.weight"]), graph.constant(arrays["join.bias"])
    output = gelu(graph, graph.add("Gemm", joined, weight, bias, transB=1))
    graph.write(path, given, output, ["b", len(arrays["join.bias"])])


def gelu(graph: Graph, x: str) -> str:
    """x · (1 + erf(x / √2)) / 2, the exact one."""
    scaled = graph.add("Div", x, graph.constant(np.sqrt(2.0)))
    erf = graph.add("Add", graph.add("Erf", scaled), graph.constant(1.0))
    return graph.add("Mul", graph.add("Mul", x, graph.constant(0.5)), erf)


def _sentence(graph: Graph, unknown: np.ndarray) -> str:
    length = graph.add("ReduceMax", graph.add("Abs", "sentence"), axes=[1], keepdims=1)
    known = graph.add("Greater", length, graph.constant(0.0))
    scaled = graph.add("Mul", "sentence", graph.constant(np.sqrt(len(unknown) / 2)))
    return graph.add("Where", known, scaled, graph.constant(unknown))


def _states(graph: Graph, arrays: Arrays) -> str:
    """ONNX's own GRU, both ways. Its gates are in the order update, reset, new; Equinox's are reset, update, new, with
    the bias of the new state's recurrent part inside the reset (`linear_before_reset`)."""
    directions = ("words.forward", "words.backward")
    hidden = arrays["words.forward.weight_hh"].shape[1]
    weights = graph.constant(np.stack([_turned(arrays[f"{way}.weight_ih"]) for way in directions]))
    recurrent = graph.constant(np.stack([_turned(arrays[f"{way}.weight_hh"]) for way in directions]))
    biases = [
        np.concatenate([_turned(arrays[f"{way}.bias"]), np.zeros(2 * hidden), arrays[f"{way}.bias_n"]])
        for way in directions
    ]
    # ONNX Runtime takes no empty sequence: such a title reads one row of padding, and the result is not used.
    at_least_one = graph.add("Max", "lengths", graph.constant(1, np.int32))
    by_time = graph.add("Transpose", "words", perm=[1, 0, 2])
    last = graph.add(
        "GRU",
        by_time,
        weights,
        recurrent,
        graph.constant(np.stack(biases)),
        at_least_one,
        outputs=2,
        direction="bidirectional",
        hidden_size=hidden,
        linear_before_reset=1,
    )
    side_by_side = graph.add("Transpose", last, perm=[1, 0, 2])
    states = graph.add("Reshape", side_by_side, graph.constant([-1, 2 * hidden], np.int64))
    known = graph.add("Greater", "lengths", graph.constant(0, np.int32))
    known = graph.add("Unsqueeze", known, graph.constant([1], np.int64))
    return graph.add("Where", known, states, graph.constant(arrays["words.unknown"]))


def _turned(gates: np.ndarray) -> np.ndarray:
    reset, update, new = np.split(gates, 3)
    return np.concatenate([update, reset, new])


def _bag(graph: Graph, name: str, vectors: np.ndarray) -> str:
    """The sum of the terms' vectors over the root of their number; row 0 where there is none."""
    known = graph.add("Greater", name, graph.constant(0, np.int32))
    counted = graph.add("Cast", known, to=1)
    count = graph.add("ReduceSum", counted, graph.constant([1], np.int64), keepdims=1)
    found = graph.add("Gather", graph.constant(vectors), name, axis=0)
    weighed = graph.add("Mul", found, graph.add("Unsqueeze", counted, graph.constant([2], np.int64)))
    total = graph.add("ReduceSum", weighed, graph.constant([1], np.int64), keepdims=0)
    root = graph.add("Sqrt", graph.add("Max", count, graph.constant(1.0)))
    any_known = graph.add("Greater", count, graph.constant(0.0))
    return graph.add("Where", any_known, graph.add("Div", total, root), graph.constant(vectors[0]))
