"""A population's bundle that a training begins from: its trees are kept, and few are added on top.

What little the new log shows can then only change what the population does, not replace it: the prior's output is where
boosting starts, and as many trees are added as do best on held-out sessions, none if none help. Statistics of shows and
titles are pooled, each side with the weight of its members.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.examples import Floats
from streams import features
from streams.errors import UsageError
from streams.population import Population
from streams.scoring.aggregate import PROBABILITY_NAMES, STANDING_NAMES
from streams.scoring.scorer import load, open_model


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the prior: (rows, columns) to (rows,), as the worker runs it, and the file that holds it."""

    path: Path
    run: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Prior:
    """A bundle to begin from."""

    version: str
    kind: str  # of the ranker
    decisions: int  # that it has learned from
    households: int
    ranker: Model
    play_probability: Model
    continuation: Model
    population: Population


def read(folder: Path) -> Prior:
    """Verifies a bundle and opens it.

    Raises BundleRefused where a worker would refuse it, UsageError where its order is recency: nothing to begin from.
    """
    scorer = load(folder)
    f, g = len(features.NAMES), len(features.CONTEXT_NAMES)
    raw = scorer.manifest.raw
    if raw["ranker"]["kind"] == "recency":
        raise UsageError(f"bundle {scorer.version} has no order but recency to begin from; train without --prior")

    def model(role: str, width: int) -> Model:
        path = folder / scorer.manifest.roles[role]
        return Model(path, open_model(path, width))

    return Prior(
        version=scorer.version,
        kind=raw["ranker"]["kind"],
        decisions=raw["training"]["decisions"],
        households=raw["training"]["households"],
        ranker=model("ranker", f),
        play_probability=model("play_probability", len(STANDING_NAMES) + g),
        continuation=model("continuation", len(PROBABILITY_NAMES) + g + f),
        population=scorer.population,
    )
