"""Live recalibration: what the outcomes service has learned of a bundle's probabilities, applied after its scores.

Each partition of cw.live has a record of what its own outcomes have taught, streams.outcomes writes it. Under
`recalibration`, by version and by kind (`continuation`, `play`):

    slope, shift     p becomes 1 / (1 + exp(−(slope × logit(p) + shift)))
    learned          outcomes that it has learned from
    n                decisions of the live window, and over them the sums of
    raw, recalibrated   log-loss without and with it, each predicted before it was learned from
    gain_square         (raw − recalibrated)²

The partitions' slopes and shifts are averaged by what they have learned. Log-loss is convex in both, so the average
does no worse, on outcomes like these, than the partitions did by themselves. It is applied while it beats the bundle on
the window: from when the gain is clear of chance until there is none.
"""

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from streams import metrics

if TYPE_CHECKING:  # who only adds up records needs no ONNX Runtime
    from streams.scoring.scorer import Scores

log = logging.getLogger(__name__)

KINDS: Final = ("continuation", "play")
LEAST: Final = 200  # decisions of the window, before it is applied
CLEAR: Final = 2.0  # standard errors of the mean gain, from which on it is applied
_CUT: Final = 1e-6

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Curve:
    """One recalibration, of all partitions together; `gain` is in nats a decision."""

    slope: float
    shift: float
    n: int
    gain: float
    error: float  # the standard error of the gain

    def __call__(self, probability: Floats) -> Floats:
        """Recalibrated probabilities, of any shape."""
        p = np.clip(probability.astype(np.float64), _CUT, 1 - _CUT)
        return np.asarray(1 / (1 + np.exp(-(self.slope * np.log(p / (1 - p)) + self.shift))), np.float32)


class Recalibrations:
    """The recalibrations of the bundles in use. `apply` may be called while `update` is: each is one assignment."""

    def __init__(self) -> None:
        self._records: dict[int, dict[str, Any]] = {}  # by partition: the field `recalibration`
        self._on: dict[tuple[str, str], Curve] = {}  # by version and kind: what is applied

    def update(self, value: bytes) -> None:
        """Takes a record of cw.live. Raises ValueError where it is none."""
        record: Any = orjson.loads(value)
        try:
            partition, of_partition = int(record["partition"]), record["recalibration"]
            records = {**self._records, partition: of_partition}
            curves = {
                (version, kind): combined([of[version][kind] for of in records.values() if version in of])
                for version in of_partition
                for kind in KINDS
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a record of cw.live: {type(error).__name__}: {error}") from None
        self._records = records
        on = dict(self._on)
        for key, curve in curves.items():
            self._decide(on, key, curve)
        gone = [key for key in on if not any(key[0] in of for of in records.values())]
        for key in gone:
            del on[key]
        self._on = on
        metrics.RECALIBRATION_ON.clear()
        for version, kind in on:
            metrics.RECALIBRATION_ON.labels(version, kind).set(1)

    def apply(self, scores: "Scores") -> "Scores":
        """The scores with what is applied to this bundle's probabilities; the very same object where nothing is."""
        if not self._on:
            return scores
        of_play, of_continuation = (self._on.get((scores.version, kind)) for kind in ("play", "continuation"))
        if of_play is not None and scores.play_probability is not None:
            scores = replace(scores, play_probability=of_play(scores.play_probability))
        if of_continuation is not None and scores.continuation is not None:
            given = scores.continuation  # 0 where there is nothing to continue, which stays so
            scores = replace(scores, continuation=np.where(given > 0, of_continuation(given), np.float32(0)))
        return scores

    @staticmethod
    def _decide(on: dict[tuple[str, str], Curve], key: tuple[str, str], curve: Curve) -> None:
        version, kind = key
        if key in on:
            if curve.gain > 0 and curve.n >= LEAST:
                on[key] = curve
                return
            del on[key]
            metrics.RECALIBRATION_SWITCHES.labels(kind, "off").inc()
            log.warning(
                "Live recalibration of %s (%s) is off: it gains nothing any more (%.4f nats over %d decisions)",
                version, kind, curve.gain, curve.n,
            )  # fmt: skip
        elif curve.n >= LEAST and curve.gain > CLEAR * curve.error:
            on[key] = curve
            metrics.RECALIBRATION_SWITCHES.labels(kind, "on").inc()
            log.warning(
                "Live recalibration of %s (%s) is on: it gains %.4f nats over %d decisions (slope %.2f, shift %+.2f)",
                version, kind, curve.gain, curve.n, curve.slope, curve.shift,
            )  # fmt: skip


def combined(records: list[Any]) -> Curve:
    """One curve from those of the partitions. Raises KeyError or TypeError where a record is none."""
    n = sum(record["n"] for record in records)
    learned = sum(record["learned"] for record in records)
    if not n or not learned:
        return Curve(1.0, 0.0, n, 0.0, float("inf"))
    slope = sum(record["slope"] * record["learned"] for record in records) / learned
    shift = sum(record["shift"] * record["learned"] for record in records) / learned
    gain = sum(record["raw"] - record["recalibrated"] for record in records) / n
    variance = max(0.0, sum(record["gain_square"] for record in records) / n - gain * gain)
    return Curve(slope, shift, n, gain, (variance / n) ** 0.5)
