"""Chooses where the row goes for each probability of continuing, and says what the choice costs.

A false high (the row stands at the top, the member wanted something new) wastes the best place of the page; a false
low (the row stands further down, the member wanted to go on) makes a member search. `cost_false_high` and
`cost_false_low` say how bad each is beside the other.

threshold    high where p × cost_false_low ≥ (1 − p) × cost_false_high: the least expected cost (Elkan, "The foundations
             of cost-sensitive learning", 2001)
probability  the share q = p × cost_false_low / (p × cost_false_low + (1 − p) × cost_false_high) is the attention that
             the row deserves; it goes to the position whose attention is nearest. Attention falls with the position
             as 1 / log2(1 + position), as in discounted cumulative gain
otherwise    by what stands at a position where the row does not: of the sessions that play something new, a share d_k
             by attention plays what stands at position k. Changing places with it is worth
             p × cost_false_low − (1 − p) × d_k × cost_false_high; the row goes to the first position where that is not
             below 0

A type of device whose sessions go on more, or less, often than was said gets boundaries of its own: the shift of the
log-odds that puts its probabilities right, drawn towards none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.boosting import logit
from models.examples import Bools, Longs
from streams.events import DEVICES
from streams.scoring.placement import VERSION

HIGH: Final = 1
LOW: Final = 4
POSITIONS: Final = 6  # the row goes no further down than this
DRAWN: Final = 50.0  # sessions at even odds against which a device type's own shift has to stand
ENOUGH: Final = 200  # sessions of a device type, below which it has no boundaries of its own


@dataclass(frozen=True, slots=True)
class Costs:
    """What one mistake of each kind costs, in any unit, both above 0."""

    false_high: float = 1.0
    false_low: float = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of m sessions that nothing was learned from, and what happened."""

    probability: NDArray[np.floating]  # (m,) that the session goes on
    continued: Bools  # (m,)
    device: Longs  # (m,) number into DEVICES


def choose(costs: Costs, method: str = "probability", seen: Seen | None = None) -> dict[str, Any]:
    """The record of placement.json (streams.scoring.placement); `by_device` is from `seen`."""
    new = 0.5 if seen is None or not len(seen.continued) else 1 - float(seen.continued.mean())
    by_device = {}
    for device, shift in shifts(seen).items() if seen is not None else ():
        by_device[device] = _ways(costs, new, _moved(shift))
    return {
        "version": VERSION,
        "method": method,
        "cost_false_high": costs.false_high,
        "cost_false_low": costs.false_low,
        **_ways(costs, new, lambda at_least: at_least),
        "by_device": by_device,
    }


def _ways(costs: Costs, new: float, move: Callable[[float], float]) -> dict[str, Any]:
    """The three ways with their boundaries moved; `new` is the share of sessions that play something new."""
    steps, otherwise = [], []
    for position in range(1, POSITIONS + 1):
        last = position == POSITIONS
        # The lowest share of attention for which no position further down is nearer.
        share = 0.0 if last else (attention(position) + attention(position + 1)) / 2
        steps.append({"position": position, "at_least": move(_probability_of(share, costs))})
        displaced = share_of_new(position)
        at_least = displaced * costs.false_high / (displaced * costs.false_high + costs.false_low)
        otherwise.append({"position": position, "at_least": 0.0 if last else move(at_least), "played": new * displaced})
    return {
        "threshold": {"at_least": move(threshold(costs)), "high": HIGH, "low": LOW},
        "probability": steps,
        "otherwise": otherwise,
    }


def share_of_new(position: int) -> float:
    """Of the sessions that play something new, the share that plays what stands there: by attention."""
    return (1 / log2(1 + position)) / sum(1 / log2(1 + other) for other in range(1, POSITIONS + 1))


def shifts(seen: Seen) -> dict[str, float]:
    """For each device type with enough sessions, what to add to the log-odds said so that they fit what happened.

    One Newton's method a device, with a ridge of DRAWN sessions at even odds towards 0.
    """
    result = {}
    for code, device in enumerate(DEVICES):
        of_device = seen.device == code
        if of_device.sum() < ENOUGH:
            continue
        said, continued = logit(seen.probability[of_device]), seen.continued[of_device]
        shift = 0.0
        for _ in range(20):
            p = 1 / (1 + np.exp(-(said + shift)))
            gradient = float((continued - p).sum()) - DRAWN / 4 * shift
            shift += gradient / (float((p * (1 - p)).sum()) + DRAWN / 4)
        result[device] = shift
    return result


def _moved(shift: float) -> Callable[[float], float]:
    """Where a boundary for right probabilities lies among those said."""

    def move(at_least: float) -> float:
        return at_least if at_least in (0.0, 1.0) else float(1 / (1 + np.exp(-(logit(at_least) - shift))))

    return move


def threshold(costs: Costs) -> float:
    """The probability from which the high position costs no more than the low one."""
    return costs.false_high / (costs.false_high + costs.false_low)


def attention(position: int) -> float:
    """The share of attention at a position of the page, 1 at the top, 0 at the lowest that the row may have."""
    lowest = 1 / log2(1 + POSITIONS)
    return (1 / log2(1 + position) - lowest) / (1 - lowest)


def _probability_of(share: float, costs: Costs) -> float:
    """The inverse of q(p): the probability that deserves this share of attention."""
    return share * costs.false_high / (share * costs.false_high + (1 - share) * costs.false_low)


def knob(probability: NDArray[np.floating], continued: Bools) -> list[dict[str, float]]:
    """For costs of a false high from a tenth to ten times a false low's: the share of sessions with each mistake."""
    points = []
    for cost in np.geomspace(0.1, 10, 41):
        high = probability >= threshold(Costs(false_high=float(cost)))
        points.append(
            {
                "cost": float(cost),
                "false_high": float((high & ~continued).mean()),
                "false_low": float((~high & continued).mean()),
            }
        )
    return points


def by_device(record: Mapping[str, Any], seen: Seen) -> list[dict[str, Any]]:
    """For each device type with sessions: what was said, what happened, and the mistakes at its threshold."""
    parts = []
    for code, device in enumerate(DEVICES):
        of_device = seen.device == code
        if not of_device.any():
            continue
        p, continued = seen.probability[of_device], seen.continued[of_device]
        at_least = record["by_device"].get(device, record)["threshold"]["at_least"]
        parts.append(
            {
                "device": device,
                "decisions": int(of_device.sum()),
                "said": float(p.mean()),
                "happened": float(continued.mean()),
                "threshold": at_least,
                "false_high": float(((p >= at_least) & ~continued).mean()),
                "false_low": float(((p < at_least) & continued).mean()),
            }
        )
    return parts


def trade_off(probability: NDArray[np.floating], continued: Bools, points: int = 101) -> list[dict[str, float]]:
    """For thresholds from 0 to 1: how often the row would stand high for nothing, and low where it was wanted."""
    wanted, unwanted = max(int(continued.sum()), 1), max(int((~continued).sum()), 1)
    curve = []
    for at in np.linspace(0.0, 1.0, points):
        high = probability >= at
        curve.append(
            {
                "threshold": float(at),
                "false_high": float((high & ~continued).sum() / unwanted),
                "false_low": float((~high & continued).sum() / wanted),
                "high_share": float(high.mean()),
            }
        )
    return curve
