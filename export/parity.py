"""Whether an exported bundle says what the trained models say, on real rows."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time, thread_time
from typing import Final

import numpy as np

from models.examples import Bools, Examples, Floats, Longs
from models.training import Models
from streams.errors import CommandError
from streams.scoring.aggregate import best_first, continuation_inputs, play_inputs
from streams.scoring.scorer import Scorer, open_model

ROWS: Final = 100_000
TOLERANCE: Final = 1e-4  # of a score or a probability; what float32 sums of a hundred trees come to is 1e-5
BATCH_DECISIONS: Final = 250
CANDIDATES: Final = 20  # of the decision whose cost is told
TIMED_BATCHES: Final = 8
TIMES: Final = 5


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences between LightGBM and ONNX Runtime, and a decision's processor time in each, microseconds."""

    rows: int
    decisions: int
    score: float
    play_probability: float
    continuation: float
    native_us: float
    onnx_us: float
    onnx_us_at_20: float  # a decision of 20 candidates, all models
    role_us_at_20: Mapping[str, float]  # each model alone

    @property
    def largest(self) -> float:
        return max(self.score, self.play_probability, self.continuation)

    def report(self) -> dict[str, float]:
        """The section `serving` of report.json."""
        return asdict(self) | {
            "largest_difference": self.largest,
            "candidates_mean": self.rows / self.decisions,
        }


def check(models: Models, folder: Path, scorer: Scorer, examples: Examples) -> Parity:
    """Compares model by model, each on the same inputs, and times whole decisions. Raises CommandError if they differ.

    `examples` are real decisions; as many of them are used as make up ROWS rows.
    """
    chosen = examples.select(spread(examples))
    X, C = map(np.asarray, chosen.matrices(models.population))
    offsets = chosen.offsets
    started = process_time()
    said = models.score(chosen)
    native_s = process_time() - started
    order = best_first(said.score, offsets)
    inputs = {
        "ranker": X,
        "play_probability": play_inputs(said.score, C, offsets, order),
        "continuation": continuation_inputs(X, C, said.score, said.play, offsets, order),
    }
    expected: dict[str, Floats] = {
        "ranker": said.score,
        "play_probability": said.play,
        "continuation": said.continuation,
    }
    largest, role_us = {}, {}
    for role, matrix in inputs.items():
        run = open_model(folder / scorer.manifest.roles[role], matrix.shape[1])
        largest[role] = float(np.abs(run(matrix) - expected[role]).max())
        role_us[role] = model_us(run, matrix, 1 if role == "continuation" else CANDIDATES)
    started = thread_time()
    for first in range(0, len(chosen), BATCH_DECISIONS):
        last = min(first + BATCH_DECISIONS, len(chosen))
        rows = slice(offsets[first], offsets[last])
        scorer.score(X[rows], offsets[first : last + 1] - offsets[first], C[first:last])
    onnx_s = thread_time() - started
    twenties = np.arange(0, len(X) + 1, CANDIDATES, dtype=np.int64)
    C_twenties = C[np.searchsorted(offsets, twenties[:-1], side="right") - 1]
    parity = Parity(
        rows=len(X),
        decisions=len(chosen),
        score=largest["ranker"],
        play_probability=largest["play_probability"],
        continuation=largest["continuation"],
        native_us=native_s / len(chosen) * 1e6,
        onnx_us=onnx_s / len(chosen) * 1e6,
        onnx_us_at_20=_scorer_us(scorer, X, twenties, C_twenties),
        role_us_at_20=role_us,
    )
    if not parity.largest <= TOLERANCE:
        raise CommandError(
            f"the exported models differ from the trained ones by {parity.largest:g} (at most {TOLERANCE:g} is let "
            "through), so no bundle was written; report this with the versions in requirements/lock.txt"
        )
    return parity


def model_us(run: Callable[[Floats], Floats], matrix: Floats, rows: int) -> float:
    """Microseconds of processor time a decision of so many rows, in batches on one thread: the shortest of TIMES."""
    batch = BATCH_DECISIONS * rows
    parts = [matrix[first : first + batch] for first in range(0, min(len(matrix), TIMED_BATCHES * batch), batch)]
    return _shortest(lambda: [run(part) for part in parts]) / (sum(map(len, parts)) / rows) * 1e6


def _scorer_us(scorer: Scorer, X: Floats, offsets: Longs, C: Floats) -> float:
    """The same for all models together, on decisions given by `offsets`."""
    if len(offsets) == 1:
        return 0.0
    decisions = min(len(offsets) - 1, TIMED_BATCHES * BATCH_DECISIONS)

    def score() -> None:
        for first in range(0, decisions, BATCH_DECISIONS):
            last = min(first + BATCH_DECISIONS, decisions)
            rows = slice(offsets[first], offsets[last])
            scorer.score(X[rows], offsets[first : last + 1] - offsets[first], C[first:last])

    return _shortest(score) / decisions * 1e6


def _shortest(work: Callable[[], object]) -> float:
    """Seconds of this thread's processor time: other work on the machine counts less than by the clock."""
    times = []
    for _ in range(TIMES):
        started = thread_time()
        work()
        times.append(thread_time() - started)
    return min(times)


def spread(examples: Examples) -> Bools:
    """(m,) some decisions, spread evenly over all, about ROWS candidates in all, at least one decision."""
    step = max(1, len(examples.show) // ROWS)
    chosen: Bools = np.arange(len(examples)) % step == 0
    return chosen
