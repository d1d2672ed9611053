"""Scores all candidates of a batch of decisions with one ONNX Runtime call a model.

The models run on the calling thread alone: a worker process has one partition set and one core, and for matrices of
this size a second thread costs more than it brings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import onnxruntime as ort
import orjson
from numpy.typing import NDArray

from streams import features
from streams.population import Population
from streams.population import load as load_population
from streams.scoring import aggregate
from streams.scoring import explanation as explaining
from streams.scoring.bundle import BundleRefused, Manifest, read
from streams.scoring.placement import InvalidPlacement, Placement, parse
from streams.vectors import load as load_vectors

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

PROBE_DECISIONS: Final = 64
PROBE_SEED: Final = 7
PROBE_EXPLAINED: Final = 4  # rows
EXPLAINED_TOLERANCE: Final = 1e-3  # of a score: what float32 sums of some hundred trees may come to


@dataclass(frozen=True, slots=True)
class Scores:
    """n candidates, m decisions. Without a model only the order is known: both probabilities are None."""

    score: Floats  # (n,) higher first within a decision
    play_probability: Floats | None  # (n,) the session's first play is this show
    continuation: Floats | None  # (m,) the session's first play is any candidate
    version: str  # of the bundle that gave them, or `recency`


class Scorer:
    """A bundle ready to serve."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        """Opens the models. Raises BundleRefused with reason `model`, `explanation`, or the role of a side input."""
        self.version = manifest.version
        self.candidate_days = manifest.candidate_days
        self.manifest = manifest
        f, g = len(features.NAMES), len(features.CONTEXT_NAMES)
        widths = {
            "ranker": f,
            "play_probability": len(aggregate.STANDING_NAMES) + g,
            "continuation": len(aggregate.PROBABILITY_NAMES) + g + f,
        }
        self._run = {role: open_model(folder / manifest.roles[role], width) for role, width in widths.items()}
        try:
            self.placement: Placement = parse(orjson.loads((folder / manifest.roles["placement"]).read_bytes()))
        except (InvalidPlacement, orjson.JSONDecodeError) as error:
            raise BundleRefused("placement", str(error)) from None
        try:
            population = load_population(folder / manifest.roles["population"])
        except (OSError, ValueError, KeyError) as error:
            raise BundleRefused("population", f"{manifest.roles['population']} can't be read: {error}") from None
        try:
            vectors = load_vectors(folder / manifest.roles["titles"])
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise BundleRefused("titles", f"{manifest.roles['titles']} can't be read: {error}") from None
        self.population: Population = replace(population, vectors=vectors)

        self._explanation: explaining.Explanation | None = None
        if "explanation" in manifest.roles:
            try:
                self._explanation = explaining.load(folder / manifest.roles["explanation"])
            except (OSError, ValueError, KeyError) as error:
                message = f"{manifest.roles['explanation']} can't be read: {error}"
                raise BundleRefused("explanation", message) from None

    def score(self, X: Floats, offsets: Longs, C: Floats) -> Scores:
        """Scores n candidates of m decisions.

        X float32 (n, F), candidates of a decision in recency order; offsets int64 (m + 1,); C float32 (m, G).
        A decision may have no candidate: nothing can be continued there, its continuation is 0.
        """
        sizes = np.diff(offsets)
        continuation = np.zeros(len(sizes), np.float32)
        if not len(X):
            empty = np.empty(0, np.float32)
            return Scores(empty, empty, continuation, self.version)
        filled = sizes > 0
        if not filled.all():
            C = C[filled]
            offsets = np.concatenate([offsets[:1], offsets[1:][filled]])
        score = self._run["ranker"](X)
        order = aggregate.best_first(score, offsets)
        play = self._run["play_probability"](aggregate.play_inputs(score, C, offsets, order))
        continuation[filled] = self._run["continuation"](
            aggregate.continuation_inputs(X, C, score, play, offsets, order)
        )
        return Scores(score, play, continuation, self.version)

    def place(self, continuation: float | None, device: str = "") -> tuple[int, str]:
        """Position of the row on a page of this type of device, 1 is the top, and the method that gave it."""
        return self.placement.place(continuation, device)

    def contributions(self, X: Floats) -> tuple[float, NDArray[np.float64]] | None:
        """The base and (n, F): what each feature added to the scores of X float32 (n, F). None in older bundles."""
        return None if self._explanation is None else (self._explanation.base, self._explanation.contributions(X))


def load(folder: Path, manifest_sha256: str | None = None) -> Scorer:
    """Verifies a bundle, opens it and scores a probe. Raises BundleRefused saying what is wrong with it."""
    scorer = Scorer(read(folder, manifest_sha256), folder)
    probe(scorer)
    return scorer


def probe(scorer: Scorer) -> None:
    """Scores made-up decisions, which also warms the sessions up. Raises BundleRefused with reason `probe`."""
    rng = np.random.default_rng(PROBE_SEED)
    sizes = rng.integers(1, 21, PROBE_DECISIONS)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    X = rng.exponential(10, (offsets[-1], len(features.NAMES))).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    # What recency is told by is never missing, and a bundle may order by that alone.
    X[:, features.NAMES.index("recency_rank")] = np.arange(len(X)) - np.repeat(offsets[:-1], sizes)
    C = rng.exponential(10, (PROBE_DECISIONS, len(features.CONTEXT_NAMES))).astype(np.float32)
    scores = scorer.score(X, offsets, C)
    if scores.play_probability is None or scores.continuation is None:
        raise BundleRefused("probe", f"bundle {scorer.version} gives no probabilities; train it again")
    if not np.isfinite(scores.score).all():
        raise BundleRefused("probe", f"bundle {scorer.version} gives scores that are not numbers; train it again")
    explained = scorer.contributions(X[:PROBE_EXPLAINED])
    if explained is not None:
        base, parts = explained
        apart = float(np.abs(base + parts.sum(axis=1) - scores.score[:PROBE_EXPLAINED]).max())
        if not apart <= EXPLAINED_TOLERANCE:
            message = f"bundle {scorer.version} explains scores that it does not give ({apart:g} apart); train it again"
            raise BundleRefused("explanation", message)
    for name, values in (("play", scores.play_probability), ("continuation", scores.continuation)):
        if not ((values >= 0) & (values <= 1)).all():
            message = f"bundle {scorer.version} gives {name} probabilities outside 0 to 1; train it again"
            raise BundleRefused("probe", message)


def open_model(path: Path, width: int) -> Callable[[Floats], Floats]:
    """A function from float32 (rows, width) to float32 (rows,)."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a class of its own for each way a file can be broken
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BundleRefused("model", f"{path.name} is no model that ONNX Runtime can open: {first_line}") from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)" or inputs[0].shape[-1] != width:
        shapes: Any = [i.shape for i in inputs]
        raise BundleRefused("model", f"{path.name} takes {shapes}; it must take one float matrix of {width} columns")
    name = inputs[0].name

    def run(matrix: Floats) -> Floats:
        return np.asarray(session.run(None, {name: matrix})[0], np.float32).reshape(-1)

    return run
