"""Trains an encoder with the predictors of one task, or of several together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from models.titles.encoder import Encoder
from models.titles.inputs import Inputs, Table

EPOCHS: Final = 12
STEPS: Final = 300  # at least; a small catalogue is gone through more often
BATCH: Final = 128
RATE: Final = 1e-3
DECAY: Final = 0.05
_SORTED: Final = 16  # so many batches are drawn at once and share out their titles by length: less padding

Heads = dict[str, Any]  # predictors by the name of their task, each with `loss(vectors, targets, key)`


@dataclass(frozen=True, slots=True)
class Trained:
    """An encoder and the predictors that it was trained with."""

    encoder: Encoder
    heads: Heads


def fit(
    inputs: Inputs,
    table: Table,
    heads: Heads,
    targets: dict[str, np.ndarray],
    rows: np.ndarray | None = None,
    seed: int = 0,
    epochs: int | None = None,
    tick: Callable[[], None] | None = None,
) -> Trained:
    """Trains a new encoder and `heads` on titles `rows` i64 of `table` (on all where None).

    `targets` have as many rows as the table. AdamW with a rate that falls along a cosine; the loss is the sum of the
    tasks' losses. `tick` is called after each batch; there are `batches(titles, epochs)`.
    """
    rows = np.arange(len(table)) if rows is None else rows
    epochs = epochs or usual_epochs(len(rows))
    key = jax.random.key(seed)
    model = (Encoder(inputs, jax.random.fold_in(key, 0)), heads)
    optimiser = _optimiser(batches(len(rows), epochs))
    state = optimiser.init(eqx.filter(model, eqx.is_array))
    rng = np.random.default_rng(seed)
    number = 0
    for _ in range(epochs):
        for places in _shuffled(table.lengths[rows], rng):
            drawn = rows[places]
            target = {name: values[drawn] for name, values in targets.items()}
            number += 1
            model, state = _step(optimiser, model, state, table.batch(drawn), target, jax.random.fold_in(key, number))
            if tick is not None:
                tick()
    return Trained(*model)


def batches(titles: int, epochs: int | None = None) -> int:
    """How many batches `fit` takes for so many titles."""
    return (epochs or usual_epochs(titles)) * -(-titles // BATCH)


def usual_epochs(titles: int) -> int:
    """How often `fit` goes through so many titles where it isn't told."""
    return max(EPOCHS, -(-STEPS // -(-titles // BATCH)))


def vectors(encoder: Encoder, table: Table, rows: np.ndarray | None = None) -> np.ndarray:
    """Title vectors f32 (n, DIM) of titles `rows` i64 (n,) of a table, of all where None."""
    rows = np.arange(len(table)) if rows is None else rows
    order = np.argsort(table.lengths[rows], kind="stable")
    parts = []
    for begin in range(0, len(order), BATCH):
        some = rows[order[begin : begin + BATCH]]
        filled = np.concatenate([some, np.repeat(some[-1:], BATCH - len(some))])  # so that all have one shape
        parts.append(np.asarray(_encode(encoder, table.batch(filled)))[: len(some)])
    result = np.empty((len(order), parts[0].shape[1]), np.float32)
    result[order] = np.concatenate(parts)
    return result


@cache  # the same object again, so that what was compiled for it is found
def _optimiser(steps: int) -> optax.GradientTransformation:
    return optax.adamw(optax.cosine_decay_schedule(RATE, steps), weight_decay=DECAY)


@eqx.filter_jit
def _step(
    optimiser: optax.GradientTransformation,
    model: Any,
    state: Any,
    batch: dict[str, Any],
    target: dict[str, Any],
    key: jax.Array,
) -> tuple[Any, Any]:
    def loss(model: Any) -> jax.Array:
        encoder, heads = model
        vectors = encoder(batch, jax.random.fold_in(key, 0))
        losses = [head.loss(vectors, target, jax.random.fold_in(key, 1)) for _, head in sorted(heads.items())]
        return jnp.stack(losses).sum()

    updates, state = optimiser.update(eqx.filter_grad(loss)(model), state, eqx.filter(model, eqx.is_array))
    return eqx.apply_updates(model, updates), state


@eqx.filter_jit
def _encode(encoder: Encoder, batch: dict[str, Any]) -> jax.Array:
    return encoder(batch)


def _shuffled(lengths: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The places of each batch of an epoch, in random order; titles of a batch are of like length."""
    order = rng.permutation(len(lengths))
    size = min(BATCH, len(order))
    made = []
    for begin in range(0, len(order), BATCH * _SORTED):
        drawn = order[begin : begin + BATCH * _SORTED]
        drawn = drawn[np.argsort(lengths[drawn], kind="stable")]
        missing = -len(drawn) % size  # the last batch is filled up with others, so that all have one shape
        drawn = np.concatenate([drawn, rng.choice(order, missing, replace=False)])
        made += np.split(drawn, len(drawn) // size)
    for place in rng.permutation(len(made)):
        yield made[place]
