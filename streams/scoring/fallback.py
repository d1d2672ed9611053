"""What serves where there is no bundle: recency order, marked as such, and no probability."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streams import population
from streams.scoring.placement import UNKNOWN
from streams.scoring.scorer import Scores

VERSION: Final = "recency"
CANDIDATE_DAYS: Final = 180


class RecencyScorer:
    """Stands where a Scorer stands. Candidates come in recency order, and keep it."""

    version: Final = VERSION
    candidate_days: Final = CANDIDATE_DAYS

    def __init__(self) -> None:
        self.population = population.empty()

    def score(self, X: NDArray[np.float32], offsets: NDArray[np.int64], C: NDArray[np.float32]) -> Scores:
        """n candidates of m decisions: the score is 0 for the first of each, -1 for the second, and so on."""
        place = np.arange(offsets[0], offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
        return Scores((-place).astype(np.float32), None, None)

    def place(self, continuation: float | None) -> tuple[int, str]:
        """The row's usual position."""
        return UNKNOWN
