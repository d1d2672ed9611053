"""The encoder: what is known of titles -> title vectors, in Equinox.

Every part has a learned vector for "not known", which stands in for a field that is empty; in training, fields are
now and then hidden, so that a title of which little is known gets a vector that says so.
"""

from typing import Any, Final

import equinox as eqx
import jax
import jax.numpy as jnp

from models.titles.inputs import BAGS, Inputs

DIM: Final = 256  # of a title vector
GRU: Final = 64  # of each direction's state
BAG_DIMS: Final = {"terms": 96, "tags": 64, "people": 64, "countries": 24, "kind": 4}
ROWS: Final = 256  # the rows of a bag are a multiple of this
HIDDEN_FIELDS: Final = 0.15  # how often a field is hidden in training
HIDDEN_TEXT: Final = 0.5  # how often all words are, so that nothing comes to rest on the GRU alone: it learns by heart
HIDDEN_WORDS: Final = 0.3  # how often the vector of a word is
DROPOUT: Final = 0.5  # of the title vector in training
INPUT_DROPOUT: Final = 0.2

Batch = dict[str, Any]


class BiGRU(eqx.Module):
    """A gated recurrent unit in each direction; the two last states side by side stand for the text."""

    forward: eqx.nn.GRUCell
    backward: eqx.nn.GRUCell
    unknown: jax.Array  # f32 (2 * GRU,), of a title without words

    def __init__(self, dim: int, key: jax.Array) -> None:
        one, two = jax.random.split(key)
        self.forward = eqx.nn.GRUCell(dim, GRU, key=one)
        self.backward = eqx.nn.GRUCell(dim, GRU, key=two)
        self.unknown = jnp.zeros(2 * GRU)

    def __call__(self, words: jax.Array, lengths: jax.Array) -> jax.Array:
        """f32 (b, 2 * GRU) of words f32 (b, longest, d), of which each text has `lengths` i32 (b,).

        Backward, the padding comes first and leaves the state as it is.
        """
        inside = (jnp.arange(words.shape[1])[:, None] < lengths)[..., None]  # (longest, b, 1)
        forward = _last_state(self.forward, words, inside, reverse=False)
        backward = _last_state(self.backward, words, inside, reverse=True)
        states = jnp.concatenate([forward, backward], axis=1)
        return jnp.where(lengths[:, None] > 0, states, self.unknown)


def _last_state(cell: eqx.nn.GRUCell, words: jax.Array, inside: jax.Array, reverse: bool) -> jax.Array:
    """GRUCell's own formula, with what doesn't depend on the state multiplied for all words at once."""
    assert cell.bias is not None
    assert cell.bias_n is not None
    bias_n = cell.bias_n
    gates = jnp.swapaxes(words @ cell.weight_ih.T + cell.bias, 0, 1)  # (longest, b, 3 * GRU)

    def step(state: jax.Array, at: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        of_word, kept = at
        from_word, from_state = jnp.split(of_word, 3, axis=1), jnp.split(state @ cell.weight_hh.T, 3, axis=1)
        reset = jax.nn.sigmoid(from_word[0] + from_state[0])
        update = jax.nn.sigmoid(from_word[1] + from_state[1])
        new = jnp.tanh(from_word[2] + reset * (from_state[2] + bias_n))
        return jnp.where(kept, new + update * (state - new), state), None

    return jax.lax.scan(step, jnp.zeros((words.shape[0], cell.hidden_size)), (gates, inside), reverse=reverse)[0]


class Bag(eqx.Module):
    """A learned vector for each term. Row 0 is the vector of an empty bag.

    A title's vectors are averaged as sums over the root of their number, so that one tag and twenty are of one scale.
    """

    vectors: jax.Array  # f32 (terms + 1 and some that stand for nothing, d)

    def __init__(self, terms: int, dim: int, key: jax.Array) -> None:
        rows = -(-(terms + 1) // ROWS) * ROWS  # folds and catalogues of like size have one shape, compiled once
        self.vectors = jax.random.normal(key, (rows, dim))

    def __call__(self, numbers: jax.Array) -> jax.Array:
        """f32 (b, d) of numbers i32 (b, w), padded with 0."""
        known = (numbers > 0)[..., None]
        count = known.sum(1)
        total = (self.vectors[numbers] * known).sum(1)
        return jnp.where(count > 0, total / jnp.sqrt(jnp.maximum(count, 1)), self.vectors[0])


class Encoder(eqx.Module):
    """Parts side by side, then one layer: a title vector f32 (b, DIM)."""

    words: BiGRU | None
    sentence_unknown: jax.Array  # f32 (s,)
    bags: dict[str, Bag]
    join: eqx.nn.Linear

    def __init__(self, inputs: Inputs, key: jax.Array) -> None:
        keys = jax.random.split(key, len(BAGS) + 2)
        self.words = BiGRU(inputs.word_dim, keys[0]) if inputs.word_dim else None
        self.sentence_unknown = jnp.zeros(inputs.sentence_dim)
        self.bags = {
            name: Bag(len(inputs.vocabularies[name]), BAG_DIMS[name], key)
            for name, key in zip(BAGS, keys[2:], strict=True)
            if inputs.vocabularies[name]
        }
        width = 2 * GRU * bool(inputs.word_dim) + inputs.sentence_dim + 2
        self.join = eqx.nn.Linear(width + sum(BAG_DIMS[name] for name in self.bags), DIM, key=keys[1])

    def parts(self, batch: Batch) -> dict[str, jax.Array]:
        """What each part says of the titles, f32 (b, d of the part). The arrays are those of `Table.batch`."""
        parts = {"sentence": self.sentence(batch["sentence"]), "year": batch["year"]}
        if self.words is not None:
            parts["words"] = self.words(batch["words"], batch["lengths"])
        return parts | {name: bag(batch[name]) for name, bag in self.bags.items()}

    def sentence(self, vectors: jax.Array) -> jax.Array:
        """Vectors of length one, brought to a scale of about one a number; a blank text has only zeros."""
        known = jnp.any(vectors != 0, axis=1, keepdims=True)
        return jnp.where(known, vectors * jnp.sqrt(vectors.shape[1] / 2), self.sentence_unknown)

    def __call__(self, batch: Batch, key: jax.Array | None = None) -> jax.Array:
        """Title vectors f32 (b, DIM). A key means training: fields and numbers are dropped at random."""
        parts = self.parts(batch if key is None else hide(batch, key))
        x = jnp.concatenate([parts[name] for name in sorted(parts)], axis=1)
        if key is None:
            return jax.nn.gelu(jax.vmap(self.join)(x), approximate=False)
        x = dropped(x, INPUT_DROPOUT, jax.random.fold_in(key, 1))
        return dropped(jax.nn.gelu(jax.vmap(self.join)(x), approximate=False), DROPOUT, jax.random.fold_in(key, 2))


def hide(batch: Batch, key: jax.Array) -> Batch:
    """The batch with each field of each title not known at a chance of HIDDEN_FIELDS, and HIDDEN_WORDS of the words."""
    keys = jax.random.split(jax.random.fold_in(key, 0), len(batch))
    hidden = {}
    for each, (name, values) in zip(keys, sorted(batch.items()), strict=True):
        if name == "words":  # their field is hidden by its lengths
            shape, rate = (*values.shape[:2], 1), HIDDEN_WORDS
        else:
            shape, rate = (len(values),) + (1,) * (values.ndim - 1), HIDDEN_TEXT if name == "lengths" else HIDDEN_FIELDS
        kept = jax.random.bernoulli(each, 1 - rate, shape)
        hidden[name] = jnp.where(kept, values, 0)
    return hidden


def dropped(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    """Dropout: numbers become zero at a chance of `rate`, the others grow to make up for it."""
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)
