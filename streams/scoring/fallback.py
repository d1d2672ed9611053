"""What serves where no bundle does: recency order, marked as such; and when a bundle is set aside for it."""

import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from streams import metrics, population
from streams.population import Population
from streams.scoring.placement import UNKNOWN
from streams.scoring.scorer import Scores

log = logging.getLogger(__name__)

VERSION: Final = "recency"
CANDIDATE_DAYS: Final = 180

FAILURES: Final = 3  # batches in a row: so many failures set a bundle aside
# Of CPU time a decision. With 20 candidates it takes 80 in a batch and 250 alone; there may be 128 candidates.
SLOW_US: Final = 2000.0
SLOW_CALLS: Final = 20  # in a row, and
SLOW_FOR_S: Final = 30.0  # for so long: slower than that sets a bundle aside


class Serving(Protocol):
    """What scores: a bundle, or recency."""

    @property
    def version(self) -> str: ...

    @property
    def candidate_days(self) -> int: ...

    @property
    def population(self) -> Population: ...

    def score(self, X: NDArray[np.float32], offsets: NDArray[np.int64], C: NDArray[np.float32]) -> Scores: ...

    def place(self, continuation: float | None, device: str = "") -> tuple[int, str]: ...

    def contributions(self, X: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]] | None: ...


class RecencyScorer:
    """Stands where a Scorer stands. Candidates come in recency order, and keep it."""

    version: Final = VERSION
    candidate_days: Final = CANDIDATE_DAYS

    def __init__(self) -> None:
        self.population = population.empty()

    def score(self, X: NDArray[np.float32], offsets: NDArray[np.int64], C: NDArray[np.float32]) -> Scores:
        """n candidates of m decisions: the score is 0 for the first of each, -1 for the second, and so on."""
        place = np.arange(offsets[0], offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
        return Scores((-place).astype(np.float32), None, None, VERSION)

    def place(self, continuation: float | None, device: str = "") -> tuple[int, str]:
        """The row's usual position."""
        return UNKNOWN

    def contributions(self, X: NDArray[np.float32]) -> None:
        """There are none: the order needs no explanation."""


class Watched:
    """A bundle in use. What it can't score, recency does; where that, or its slowness, goes on, it is set aside.

    `set_aside` is why: `error`, `not_finite`, `slow`, or `outcomes` where live outcomes said so; None while it serves.
    A bundle set aside comes back when it is announced again (streams.scoring.swap), never by itself.
    """

    def __init__(
        self,
        scorer: Serving,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`changed` is called once it is set aside; `clock` gives seconds."""
        self.scorer = scorer
        self.set_aside: str | None = None
        self._changed = changed
        self._clock = clock
        self._recency = RecencyScorer()
        self._failures = 0  # in a row
        self._slow = 0  # in a row
        self._slow_since = 0.0

    @property
    def version(self) -> str:
        return self.scorer.version

    @property
    def candidate_days(self) -> int:
        return self.scorer.candidate_days

    @property
    def population(self) -> Population:
        return self.scorer.population

    def score(self, X: NDArray[np.float32], offsets: NDArray[np.int64], C: NDArray[np.float32]) -> Scores:
        """The bundle's scores; recency's, under its name, where the bundle fails."""
        began = time.thread_time()  # a core that is busy with others says nothing about the bundle
        try:
            scores = self.scorer.score(X, offsets, C)
        except Exception as error:  # ONNX Runtime raises a class of its own for each way to fail
            return self._failed("error", f"{type(error).__name__}: {error}".splitlines()[0], X, offsets, C)
        if not _finite(scores):
            return self._failed("not_finite", "scores that are not numbers", X, offsets, C)
        self._failures = 0
        self._took(time.thread_time() - began, len(offsets) - 1)
        return scores

    def place(self, continuation: float | None, device: str = "") -> tuple[int, str]:
        return self.scorer.place(continuation, device)

    def contributions(self, X: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]] | None:
        return self.scorer.contributions(X)

    def put_aside(self, reason: str, what: str) -> None:
        """Recency serves from now on, by the reason's short name; `what` is for the log."""
        self.set_aside = reason
        metrics.MODEL_FALLBACKS.labels(reason).inc()
        log.error("Bundle %s is set aside, recency serves in its place: %s", self.version, what)
        self._changed()

    def _failed(
        self, reason: str, what: str, X: NDArray[np.float32], offsets: NDArray[np.int64], C: NDArray[np.float32]
    ) -> Scores:
        metrics.MODEL_ERRORS.labels(reason).inc()
        self._failures += 1
        log.error("Bundle %s failed on %d decisions: %s", self.version, len(offsets) - 1, what)
        if self._failures >= FAILURES and self.set_aside is None:
            self.put_aside(reason, f"it failed {FAILURES} times in a row, last with {what}")
        return self._recency.score(X, offsets, C)

    def _took(self, seconds: float, decisions: int) -> None:
        metrics.DECISION_SCORING_SECONDS.observe(seconds / decisions)
        now = self._clock()
        if seconds * 1e6 <= SLOW_US * decisions:
            self._slow = 0
            return
        if not self._slow:
            self._slow_since = now
        self._slow += 1
        if self._slow >= SLOW_CALLS and now - self._slow_since >= SLOW_FOR_S and self.set_aside is None:
            took = seconds / decisions * 1e6
            self.put_aside("slow", f"{took:.0f} µs a decision, above {SLOW_US:.0f} µs for {SLOW_FOR_S:.0f} s")


def _finite(scores: Scores) -> bool:
    given = (scores.score, scores.play_probability, scores.continuation)
    return all(values is None or bool(np.isfinite(values).all()) for values in given)
