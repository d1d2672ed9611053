"""The online recalibration of probabilities: learned while outcomes come in, and measured before it learns from each.

p becomes 1 / (1 + exp(−(slope × logit(p) + shift))), river's logistic regression on one number, which starts as the
identity. Its steps are large at first, small later, and large again after a drift. Each outcome is first predicted,
with and without, and then learned from: what the window says of it is what it would have done to rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any, Final

from river import linear_model, optim

from streams.outcomes.tally import log_loss

SLOPE_STEPS: Final = (0.02, 0.005)  # the first and the last: what is off is the level more often than the spread
SHIFT_STEPS: Final = (0.05, 0.02)
HALVED_AFTER: Final = 50  # outcomes
# Log-odds around which the slope turns, about the middle of what there is: so both numbers are learned apart.
PIVOTS: Final = {"continuation": 1.2, "play": -2.2}
CHUNKS: Final = 10
_CUT: Final = 1e-6
_Z: Final = "logit"


class _Steps(optim.base.Scheduler):  # type: ignore[misc]
    """The size of the step after t outcomes: falls as 1 / t to the last, by which it follows what changes slowly."""

    def __init__(self, first: float, last: float) -> None:
        self._first, self._last = first, last

    def get(self, t: int) -> float:
        return max(self._last, self._first / (1 + t / HALVED_AFTER))


def logit(probability: float) -> float:
    """ln(p / (1 - p)), cut at 1e-6."""
    p = min(max(probability, _CUT), 1 - _CUT)
    return log(p / (1 - p))


@dataclass(slots=True)
class Gains:
    """Sums over decisions of the loss without and with; a decision's loss is the mean over its probabilities."""

    n: int = 0
    raw: float = 0.0
    recalibrated: float = 0.0
    gain_square: float = 0.0

    def add(self, raw: float, recalibrated: float) -> None:
        """Counts one decision."""
        self.n += 1
        self.raw += raw
        self.recalibrated += recalibrated
        self.gain_square += (raw - recalibrated) ** 2

    def merge(self, other: "Gains") -> None:
        """Adds the other's sums."""
        self.n += other.n
        self.raw += other.raw
        self.recalibrated += other.recalibrated
        self.gain_square += other.gain_square


@dataclass(slots=True)
class Recalibration:
    """One kind of probability of one bundle, in one partition. `window` decisions are what it is judged by.

    `slope` and `shift` are of the log-odds less the pivot.
    """

    window: int
    pivot: float
    slope: float = 1.0
    shift: float = 0.0
    learned: int = 0  # outcomes, since the beginning or the last drift
    chunks: list[Gains] = field(default_factory=lambda: [Gains()])

    def probability(self, raw: float) -> float:
        """The probability as recalibrated now."""
        return 1 / (1 + exp(-(self.slope * (logit(raw) - self.pivot) + self.pivot + self.shift)))

    def learn(self, raw: Sequence[float], happened: Sequence[bool]) -> None:
        """Predicts one decision's probabilities, then learns from what happened. Nothing where there are none."""
        if not raw:
            return
        if self.chunks[-1].n >= max(1, self.window // CHUNKS):
            self.chunks.append(Gains())
            del self.chunks[:-CHUNKS]
        without = sum(map(log_loss, raw, happened)) / len(raw)
        with_it = sum(map(log_loss, map(self.probability, raw), happened)) / len(raw)
        self.chunks[-1].add(without, with_it)
        model = self._model()
        for p, y in zip(raw, happened, strict=True):
            model.learn_one({_Z: logit(p) - self.pivot}, y, w=1 / len(raw))
            model.optimizer.n_iterations = self.learned  # a decision is one step, however many items it has
        self.slope = min(max(model.weights[_Z], 0.2), 5.0)  # above 0: what was likelier stays so
        self.shift = min(max(model.intercept - self.pivot, -5.0), 5.0)
        self.learned += 1

    def hurry(self) -> None:
        """After a drift: large steps again, and a judgement by what comes from now on."""
        self.learned = 0
        self.chunks = [Gains()]

    def recent(self) -> Gains:
        """The sums over the window."""
        total = Gains()
        for chunk in self.chunks:
            total.merge(chunk)
        return total

    def _model(self) -> Any:
        model = linear_model.LogisticRegression(
            optimizer=optim.SGD(_Steps(*SLOPE_STEPS)),
            l2=0.0,
            intercept_init=self.pivot + self.shift,
            intercept_lr=_Steps(*SHIFT_STEPS),
            initializer=optim.initializers.Constant(self.slope),
        )
        model.optimizer.n_iterations = self.learned
        return model

    def published(self) -> dict[str, Any]:
        """What workers use, in cw.live: see streams.scoring.recalibration. The slope is of the log-odds themselves."""
        recent = self.recent()
        return {
            "slope": self.slope,
            "shift": self.shift + self.pivot * (1 - self.slope),
            "learned": self.learned,
            "n": recent.n,
            "raw": recent.raw,
            "recalibrated": recent.recalibrated,
            "gain_square": recent.gain_square,
        }

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        chunks = [[c.n, c.raw, c.recalibrated, c.gain_square] for c in self.chunks]
        return {"slope": self.slope, "shift": self.shift, "learned": self.learned, "chunks": chunks}


def from_json(record: Any, window: int, pivot: float) -> Recalibration:
    """The recalibration that `as_json` wrote."""
    chunks = [Gains(*values) for values in record["chunks"]]
    return Recalibration(window, pivot, record["slope"], record["shift"], record["learned"], chunks)
