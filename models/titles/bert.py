"""A BERT in JAX: contextual word vectors from weights in the layout that BERT checkpoints share."""

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from streams.errors import CommandError

Weights = dict[str, jax.Array]


class Shape(NamedTuple):
    """What `config.json` says of the network, as far as the weights don't."""

    layers: int
    heads: int
    epsilon: float  # of layer normalisation


def load(folder: Path) -> tuple[Weights, Shape]:
    """Reads `config.json` and `model.safetensors`. Raises CommandError where they are not those of a BERT."""
    from safetensors.numpy import load_file

    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
        tensors: dict[str, np.ndarray] = load_file(folder / "model.safetensors")
    except (OSError, ValueError) as error:
        raise CommandError(f"{folder} holds no text model: {error}; give a folder with config.json, "
                           "tokenizer.json and model.safetensors") from error  # fmt: skip
    act, positions = config.get("hidden_act"), config.get("position_embedding_type", "absolute")
    if config.get("model_type") != "bert" or act != "gelu" or positions != "absolute":
        raise CommandError(f"{folder} is a {config.get('model_type')} model with {act}; only BERT with gelu is read")
    weights = {name.removeprefix("bert."): jnp.asarray(value, jnp.float32)
               for name, value in tensors.items() if np.issubdtype(value.dtype, np.floating)}  # fmt: skip
    if "embeddings.word_embeddings.weight" not in weights:
        raise CommandError(f"{folder}/model.safetensors has no embeddings.word_embeddings.weight; it is no BERT")
    shape = Shape(config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"])
    return weights, shape


def _dense(w: Weights, name: str, x: jax.Array) -> jax.Array:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(w: Weights, name: str, x: jax.Array, epsilon: float) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    scale = jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + epsilon)
    return centred * scale * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]


@partial(jax.jit, static_argnames="shape")
def word_vectors(weights: Weights, shape: Shape, ids: jax.Array, lengths: jax.Array) -> jax.Array:
    """The last layer's vectors, f32 (texts, length, hidden), of word pieces `ids` i32 (texts, length).

    A text's pieces from `lengths` i32 (texts,) on are padding: no other piece attends to them, and their vectors
    mean nothing. The network is that of Devlin et al., "BERT" (2018): post-normalised attention and feed-forward
    layers, with the exact gelu.
    """
    w, (batch, length) = weights, ids.shape
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:length]
    x = _norm(w, "embeddings", x + w["embeddings.token_type_embeddings.weight"][0], shape.epsilon)
    mask = jnp.where(jnp.arange(length) < lengths[:, None], 0.0, -1e9)[:, None, None, :]
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            _dense(w, f"{layer}.attention.self.{part}", x).reshape(batch, length, shape.heads, -1)
            for part in ("query", "key", "value")
        )
        scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / jnp.sqrt(query.shape[-1])
        attended = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores + mask), value).reshape(batch, length, -1)
        output = _dense(w, f"{layer}.attention.output.dense", attended)
        x = _norm(w, f"{layer}.attention.output", x + output, shape.epsilon)
        hidden = jax.nn.gelu(_dense(w, f"{layer}.intermediate.dense", x), approximate=False)
        x = _norm(w, f"{layer}.output", x + _dense(w, f"{layer}.output.dense", hidden), shape.epsilon)
    return x
