"""A BERT as an ONNX graph, from the safetensors that models.titles.bert reads: word vectors without JAX."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.titles.onnx_encoder import gelu
from models.titles.onnx_graph import Graph
from streams.errors import CommandError

MODEL: Final = "text.onnx"
TOKENIZER: Final = "tokenizer.json"

Weights = Mapping[str, np.ndarray]


def exported(encoders: Path, source: Path) -> Path:
    """The ONNX file of the text model, with its tokenizer.json beside it, made of the folder `source` where absent.

    Raises CommandError where `source` holds no BERT.
    """
    path = encoders / MODEL
    if path.is_file() and (encoders / TOKENIZER).is_file():
        return path
    from safetensors.numpy import load_file

    try:
        config: dict[str, Any] = json.loads((source / "config.json").read_bytes())
        tensors = load_file(source / "model.safetensors")
        shutil.copyfile(source / TOKENIZER, encoders / TOKENIZER)
    except (OSError, ValueError) as error:
        raise CommandError(f"{source} holds no text model ({error}), which the vectors were made with") from None
    weights = {name.removeprefix("bert."): np.asarray(value, np.float32) for name, value in tensors.items()}
    write(path, weights, config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"])
    return path


def write(path: Path, weights: Weights, layers: int, heads: int, epsilon: float) -> None:
    """Writes the graph: ids i32 (b, longest) and lengths i32 (b,) to word vectors f32 (b, longest, hidden).

    The network is that of models.titles.bert, whose docstring says where it is from.
    """
    graph = Graph()
    hidden = weights["embeddings.word_embeddings.weight"].shape[1]
    longest = graph.add("Gather", graph.add("Shape", "ids"), graph.constant(1, np.int64), axis=0)
    zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
    place = graph.add("Range", zero, longest, one)
    x = graph.add("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "ids", axis=0)
    positions = graph.constant(weights["embeddings.position_embeddings.weight"])
    x = graph.add("Add", x, graph.add("Gather", positions, place, axis=0))
    x = graph.add("Add", x, graph.constant(weights["embeddings.token_type_embeddings.weight"][0]))
    x = _norm(graph, weights, "embeddings", x, epsilon)
    ends = graph.add("Unsqueeze", graph.add("Cast", "lengths", to=7), graph.constant([1], np.int64))
    inside = graph.add("Unsqueeze", graph.add("Less", place, ends), graph.constant([1, 2], np.int64))
    mask = graph.add("Where", inside, graph.constant(0.0), graph.constant(-1e9))
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        attended = _attention(graph, weights, f"{layer}.attention.self", x, mask, heads, hidden)
        output = _dense(graph, weights, f"{layer}.attention.output.dense", attended)
        x = _norm(graph, weights, f"{layer}.attention.output", graph.add("Add", x, output), epsilon)
        inner = gelu(graph, _dense(graph, weights, f"{layer}.intermediate.dense", x))
        output = _dense(graph, weights, f"{layer}.output.dense", inner)
        x = _norm(graph, weights, f"{layer}.output", graph.add("Add", x, output), epsilon)
    given = [("ids", np.int32, ["b", "longest"]), ("lengths", np.int32, ["b"])]
    graph.write(path, given, x, ["b", "longest", hidden])


def _attention(graph: Graph, weights: Weights, name: str, x: str, mask: str, heads: int, hidden: int) -> str:
    shape = graph.constant([0, 0, heads, hidden // heads], np.int64)
    parts = {
        part: graph.add("Reshape", _dense(graph, weights, f"{name}.{part}", x), shape)
        for part in ("query", "key", "value")
    }
    query = graph.add("Transpose", parts["query"], perm=[0, 2, 1, 3])
    key = graph.add("Transpose", parts["key"], perm=[0, 2, 3, 1])
    value = graph.add("Transpose", parts["value"], perm=[0, 2, 1, 3])
    scores = graph.add("Div", graph.add("MatMul", query, key), graph.constant(np.sqrt(hidden // heads)))
    shares = graph.add("Softmax", graph.add("Add", scores, mask), axis=-1)
    attended = graph.add("Transpose", graph.add("MatMul", shares, value), perm=[0, 2, 1, 3])
    return graph.add("Reshape", attended, graph.constant([0, 0, hidden], np.int64))


def _dense(graph: Graph, weights: Weights, name: str, x: str) -> str:
    product = graph.add("MatMul", x, graph.constant(np.ascontiguousarray(weights[f"{name}.weight"].T)))
    return graph.add("Add", product, graph.constant(weights[f"{name}.bias"]))


def _norm(graph: Graph, weights: Weights, name: str, x: str, epsilon: float) -> str:
    scale, shift = (graph.constant(weights[f"{name}.LayerNorm.{part}"]) for part in ("weight", "bias"))
    return graph.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)
