"""Whether live outcomes, or what the models are asked about, are still what they were: ADWIN on a handful of signals.

ADWIN (Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", 2007; river's) keeps a window of
values and drops its older part once the means of both parts differ by more than chance allows. Its bound is for values
from 0 to 1, so every signal is brought there.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from river.drift import ADWIN

from streams import features

DELTA: Final = 1e-4  # chance of a false alarm, each time that ADWIN looks; some signals in every partition are watched
CLOCK: Final = 16  # values between two looks
RANK_LOSS: Final = "rank_loss"  # 1 where a show of the row was played first and did not stand first, else 0
CONTINUATION_LOSS: Final = "continuation_loss"  # log-loss of the bundle's own continuation probability
LOSSES: Final = (RANK_LOSS, CONTINUATION_LOSS)  # reported where they rise, while of features any change is
_LOSS_SCALE: Final = 3.0  # a loss above counts as that
# What the bundle's features were: of the decision, and of the row's first item. The value that counts as 1.
CONTEXT_FEATURES: Final[Mapping[str, float]] = {
    "since_session": 8.0,
    "session_plays": 10.0,
    "last_was_new": 1.0,
}
ITEM_FEATURES: Final[Mapping[str, float]] = {"device_share": 1.0, "hour_share": 1.0, "since_watched": 8.0}
_CONTEXT: Final = [(name, features.CONTEXT_NAMES.index(name), scale) for name, scale in CONTEXT_FEATURES.items()]
_ITEM: Final = [(f"first_{name}", features.NAMES.index(name), scale) for name, scale in ITEM_FEATURES.items()]
SIGNALS: Final = (*LOSSES, *(name for name, _, _ in (*_CONTEXT, *_ITEM)))


@dataclass(frozen=True, slots=True)
class Drift:
    """A change of a signal's mean, in the signal's own units."""

    signal: str
    ts: int  # ms, event time of the outcome or row by which it was seen
    before: float
    after: float
    values: int  # values since the change, as ADWIN places it


class Detectors:
    """One ADWIN a signal."""

    def __init__(self) -> None:
        self._adwin = {signal: _new() for signal in SIGNALS}
        self.found: dict[str, int] = dict.fromkeys(SIGNALS, 0)
        self.last: dict[str, Drift] = {}

    def served(self, context: Sequence[float], first: Sequence[float] | None, ts: int) -> list[Drift]:
        """Takes the features of a decision: its context, and those of its row's first item, None without one."""
        found = [self._update(name, context[column], scale, ts) for name, column, scale in _CONTEXT]
        if first is not None:
            found += [self._update(name, first[column], scale, ts) for name, column, scale in _ITEM]
        return [drift for drift in found if drift is not None]

    def outcome(self, hit: bool | None, continuation_loss: float | None, ts: int) -> list[Drift]:
        """Takes what a decision came to; `hit` is None where no show of the row was played."""
        found = []
        if hit is not None:
            found.append(self._update(RANK_LOSS, float(not hit), 1.0, ts))
        if continuation_loss is not None:
            found.append(self._update(CONTINUATION_LOSS, continuation_loss, _LOSS_SCALE, ts))
        return [drift for drift in found if drift is not None]

    def _update(self, signal: str, value: float, scale: float, ts: int) -> Drift | None:
        adwin = self._adwin[signal]
        before = adwin.estimation
        adwin.update(min(max(value / scale, 0.0), 1.0) if value == value else 0.0)
        if not adwin.drift_detected:
            return None
        after = adwin.estimation
        if signal in LOSSES and after <= before:
            return None
        drift = Drift(signal, ts, before * scale, after * scale, int(adwin.width))
        self.found[signal] += 1
        self.last[signal] = drift
        return drift

    def as_json(self) -> dict[str, Any]:
        """What was found: {signal: {"count", "ts", "before", "after"}}."""
        return {
            signal: {"count": self.found[signal], "ts": drift.ts, "before": drift.before, "after": drift.after}
            for signal, drift in self.last.items()
        }

    def dump(self) -> bytes:
        """What `load` reads; ADWIN's own state can only be pickled."""
        return pickle.dumps((self._adwin, self.found, self.last))


def load(data: bytes) -> Detectors:
    """The detectors as dumped; new ones where another release of river can't read them: they learn anew in a day."""
    detectors = Detectors()
    try:
        adwin, found, last = pickle.loads(data)
        detectors._adwin.update({signal: adwin[signal] for signal in SIGNALS if signal in adwin})
        detectors.found.update({signal: found[signal] for signal in SIGNALS if signal in found})
        detectors.last.update({signal: drift for signal, drift in last.items() if signal in detectors.found})
    except Exception:  # whatever unpickling another release's objects raises
        return Detectors()
    return detectors


def _new() -> Any:
    return ADWIN(delta=DELTA, clock=CLOCK)
