"""The source tasks: what is predicted from title vectors so that these learn what is of use."""

from typing import Any, Final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from models.titles.encoder import DIM, dropped

COUNTRY: Final = 16  # of a country vector
LAYER: Final = 128  # of the audience predictor's hidden layer
# Country vectors begin near zero, and the hidden layer sees them enlarged, so that they go far in a training's few
# hundred steps: what is left in them at the end is what was learned, and not where they began.
COUNTRY_START: Final = 0.01
COUNTRY_SCALE: Final = 100.0


class Categories(eqx.Module):
    """Linear predictors of the category.

    Targets: labels f32 (b, c) of 0 and 1, NaN where nobody listed the title; main i32 (b,), -1 where it is not known.

    The main category, the first that is listed, is one of c that exclude each other: softmax and negative
    log-likelihood. Which categories a title is listed in at all are c questions: a sigmoid and the binary
    log-likelihood each. Spreading one softmax over all of a title's labels would make them compete.
    """

    main: eqx.nn.Linear
    listed: eqx.nn.Linear

    def __init__(self, shares: np.ndarray, key: jax.Array) -> None:
        """`shares` f32 (c,): of titles with each category; the predictors begin there."""
        one, two = jax.random.split(key)
        self.main = eqx.nn.Linear(DIM, len(shares), key=one)
        start = np.clip(shares, 1e-4, 1 - 1e-4)
        listed = eqx.nn.Linear(DIM, len(shares), key=two)
        self.listed = eqx.tree_at(lambda linear: linear.bias, listed, jnp.asarray(np.log(start / (1 - start))))

    def loss(self, vectors: jax.Array, targets: dict[str, Any], key: jax.Array) -> jax.Array:
        """The mean loss of a batch; a title whose category is not known teaches nothing."""
        labels = targets["labels"]
        listed = optax.sigmoid_binary_cross_entropy(jax.vmap(self.listed)(vectors), jnp.nan_to_num(labels)).sum(1)
        main = optax.softmax_cross_entropy_with_integer_labels(
            jax.vmap(self.main)(vectors), jnp.maximum(targets["main"], 0)
        )
        return _mean(listed, ~jnp.isnan(labels[:, 0])) + _mean(main, targets["main"] >= 0)

    def predict(self, vectors: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Probabilities f32 (b, c): of being listed in each category, and of each being the main one."""
        return jax.nn.sigmoid(jax.vmap(self.listed)(vectors)), jax.nn.softmax(jax.vmap(self.main)(vectors))


class Audience(eqx.Module):
    """The logarithm of 1 + the audience in each country: learned country vectors, one hidden layer, squared error.

    Targets: audience f32 (b, countries), the scaled logarithms, NaN where it is not known.
    """

    countries: jax.Array  # f32 (countries, COUNTRY)
    of_title: eqx.nn.Linear
    of_country: eqx.nn.Linear
    out: eqx.nn.Linear

    def __init__(self, countries: int, key: jax.Array) -> None:
        keys = jax.random.split(key, 4)
        self.countries = COUNTRY_START * jax.random.normal(keys[0], (countries, COUNTRY))
        self.of_title = eqx.nn.Linear(DIM, LAYER, key=keys[1])
        self.of_country = eqx.nn.Linear(COUNTRY, LAYER, use_bias=False, key=keys[2])
        self.out = eqx.nn.Linear(LAYER, 1, key=keys[3])

    def predict(self, vectors: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """f32 (b, countries). The hidden layer sees title and country vector side by side."""
        of_title = jax.vmap(self.of_title)(vectors)
        of_country = jax.vmap(self.of_country)(COUNTRY_SCALE * self.countries)
        hidden = jax.nn.gelu(of_title[:, None] + of_country[None], approximate=False)
        if key is not None:
            hidden = dropped(hidden, 0.2, key)
        return jax.vmap(jax.vmap(self.out))(hidden)[..., 0]

    def loss(self, vectors: jax.Array, targets: dict[str, Any], key: jax.Array) -> jax.Array:
        """The mean squared error of the pairs of a batch whose audience is known."""
        known = ~jnp.isnan(targets["audience"])
        error = jnp.where(known, self.predict(vectors, key) - jnp.nan_to_num(targets["audience"]), 0)
        return _mean(error**2, known)


def _mean(values: jax.Array, known: jax.Array) -> jax.Array:
    return jnp.where(known, values, 0).sum() / jnp.maximum(known.sum(), 1)
