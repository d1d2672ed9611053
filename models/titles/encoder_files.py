"""The encoders in a folder of vectors: `encoders/inputs.json`, and `encoders/TASK.npz` for each that was trained.

An array of TASK.npz has the name of its place: encoder.words.forward.weight_ih, encoder.bags.tags.vectors,
encoder.join.weight, heads.category.listed.weight and so on, float32.
"""

from pathlib import Path
from typing import Any, Final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from models.titles.encoder import Encoder
from models.titles.folder import arrays
from models.titles.inputs import Inputs
from models.titles.training import Trained
from streams.errors import CommandError

FILES: Final = "encoders/*"  # of an earlier training, with the graphs made of them, they mean nothing


def save(folder: Path, inputs: Inputs, trained: dict[str, Trained]) -> None:
    """Writes `encoders` into a folder of vectors; encoders of an earlier training go."""
    encoders = folder / "encoders"
    encoders.mkdir(parents=True, exist_ok=True)
    for old in encoders.glob("*"):
        old.unlink()
    inputs.save(encoders / "inputs.json")
    for task, model in trained.items():
        leaves: dict[str, Any] = named({"encoder": model.encoder, "heads": model.heads})
        np.savez(encoders / f"{task}.npz", **leaves)


def named(tree: Any) -> dict[str, np.ndarray]:
    """The arrays of a model by the names of their places."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, eqx.is_array))
    return {jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf) for path, leaf in leaves}


def load_encoder(folder: Path, task: str) -> tuple[Inputs, Encoder]:
    """The encoder of one task. Raises CommandError where it is not there, or does not fit its inputs."""
    path = folder / "encoders" / f"{task}.npz"
    inputs = Inputs.load(path.with_name("inputs.json"))
    encoder = Encoder(inputs, jax.random.key(0))
    leaves, structure = jax.tree_util.tree_flatten(eqx.filter(encoder, eqx.is_array))
    stored = arrays(path, [f"encoder.{name}" for name in named(encoder)])
    if any(array.shape != leaf.shape for array, leaf in zip(stored, leaves, strict=True)):
        raise CommandError(f"{path} does not fit {path.with_name('inputs.json')}; train again")
    loaded = jax.tree_util.tree_unflatten(structure, [jnp.asarray(array) for array in stored])
    return inputs, eqx.combine(loaded, encoder)
