"""TransE in JAX: entities are points, a relation is a step, head + relation ends near the tail (Bordes et al. 2013).

Each relation has an inverse of its own (Lacroix et al. 2018), so that both sides are asked for as tails. Points lie on
the unit sphere, as in the original. The loss is a softmax over entities, on the negative distance.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

Array = jax.Array
_LEAST_SQUARE = 1e-6  # under a root, whose slope at zero has no end


class TransE(eqx.Module):
    """Points float32 (entities, d) and steps float32 (2 · relations, d)."""

    points: Array
    steps: Array

    def __init__(self, entities: int, relations: int, dimensions: int, key: Array) -> None:
        of_points, of_steps = jax.random.split(key)
        self.points = jax.random.normal(of_points, (entities, dimensions)) / dimensions**0.5
        self.steps = jax.random.normal(of_steps, (2 * relations, dimensions)) / (2.0 * dimensions**0.5)

    def entities(self, ids: Array | None = None) -> Array:
        """Points on the unit sphere, of all entities or of `ids`."""
        points = self.points if ids is None else self.points[ids]
        return points / jnp.sqrt(jnp.maximum((points * points).sum(axis=-1, keepdims=True), 1e-12))

    def ends(self, sources: Array, relations: Array) -> Array:
        """Where the steps from `sources` lead, float32 (q, d)."""
        return self.entities(sources) + self.steps[relations]


def distances(ends: Array, points: Array, weights: Array | None = None) -> Array:
    """Euclidean distances float32 (q, n), each of the d squares weighted by `weights` (q, d) where given."""
    weighted = ends if weights is None else ends * weights
    squares = (points * points).sum(axis=1)[None] if weights is None else weights @ (points * points).T
    square = (weighted * ends).sum(axis=1)[:, None] - 2.0 * weighted @ points.T + squares
    return jnp.sqrt(jnp.maximum(square, _LEAST_SQUARE))


@eqx.filter_jit
def scores(model: TransE, sources: Array, relations: Array) -> Array:
    """Negative distances float32 (q, entities): the nearer, the likelier."""
    return -distances(model.ends(sources, relations), model.entities())


class Batch(eqx.Module):
    """Queries and their known answers, padded: `row` (of the query) and `answer` int32 (p,), `real` 1 or 0 (p,).

    `candidates` int32 (c,) are the entities that answers are told from, None for all; `column` int32 (p,) is where
    among them an answer stands, c where it does not.
    """

    sources: Array
    relations: Array
    row: Array
    answer: Array
    real: Array
    column: Array
    candidates: Array | None


def loss(
    model: TransE,
    batch: Batch,
    sharpness: float,
    rivalry: float,
    dropout: float,
    key: Array,
    dropped_together: bool = False,
) -> Array:
    """Sum over triples of -log(softmax of the answer among itself and the candidates).

    Known answers to a query compete with each other by `rivalry`: with 0 only entities that are no known answer count,
    as when ranks are filtered; with 1 all count alike, as in a plain softmax. In between, hits@10 gain at no cost.
    The softmax is of -`sharpness` times the distance. A sharpness that is learned grows, and the model learns by heart.
    Dropout leaves out coordinates of the distance, the same for all candidates of a query; where `dropped_together`,
    the same for all queries, which saves most of the products.
    """
    ends = model.ends(batch.sources, batch.relations)
    points = model.entities(batch.candidates)
    of_answers = None if batch.candidates is None else model.entities(batch.answer)
    kept = None
    if dropout and dropped_together:
        dimensions = ends.shape[1]
        few = jax.random.permutation(key, dimensions)[: max(1, round(dimensions * (1.0 - dropout)))]
        ends, points = ends[:, few], points[:, few]
        of_answers = None if of_answers is None else of_answers[:, few]
        sharpness *= math.sqrt(dimensions / len(few))  # so that distances are about as long as with all
    elif dropout:
        kept = jax.random.bernoulli(key, 1.0 - dropout, ends.shape) / (1.0 - dropout)
    logits = -sharpness * distances(ends, points, kept)
    known = jnp.zeros(logits.shape, bool).at[batch.row, batch.column].set(True, mode="drop")
    others = jax.nn.logsumexp(logits + jnp.where(known, math.log(max(rivalry, 1e-9)), 0.0), axis=1)
    if batch.candidates is not None and of_answers is not None:
        others = others + jnp.log(len(model.points) / len(batch.candidates))  # so many does each candidate stand for
        apart = ends[batch.row] - of_answers
        squares = apart * apart if kept is None else apart * apart * kept[batch.row]
        of_answer = -sharpness * jnp.sqrt(jnp.maximum(squares.sum(axis=1), _LEAST_SQUARE))
    else:
        of_answer = logits[batch.row, batch.answer]
    lost = jnp.logaddexp(others[batch.row], of_answer) - of_answer
    return (lost * batch.real).sum()


def batch_of(
    sources: npt.NDArray[np.int32],
    relations: npt.NDArray[np.int32],
    answers: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
    entities: int,
    candidates: npt.NDArray[np.int32] | None,
) -> Batch:
    """Pads to a power of two, so that few shapes are compiled. `candidates` are distinct."""
    row, answer = answers
    if candidates is None:
        column = answer
    else:
        place = np.full(entities, len(candidates), np.int32)
        place[candidates] = np.arange(len(candidates))
        column = place[answer]
    padding = max(1024, 1 << (len(row) - 1).bit_length()) - len(row)

    def padded(values: npt.NDArray[Any], filler: int) -> Array:
        return jnp.asarray(np.pad(values.astype(np.int32), (0, padding), constant_values=filler))

    # A padded row lies past the last query: it is dropped where known answers are marked, and weighs nothing.
    return Batch(
        jnp.asarray(sources),
        jnp.asarray(relations),
        padded(row, len(sources)),
        padded(answer, 0),
        jnp.asarray(np.pad(np.ones(len(row), np.float32), (0, padding))),
        padded(column, 0),
        None if candidates is None else jnp.asarray(candidates),
    )
