"""Chooses where the row goes for each probability of continuing, and says what the choice costs.

A false high (the row stands at the top, the member wanted something new) wastes the best place of the page; a false
low (the row stands further down, the member wanted to go on) makes a member search. `cost_false_high` and
`cost_false_low` say how bad each is beside the other.

threshold    high where p × cost_false_low ≥ (1 − p) × cost_false_high: the least expected cost (Elkan, "The foundations
             of cost-sensitive learning", 2001)
probability  the share q = p × cost_false_low / (p × cost_false_low + (1 − p) × cost_false_high) is the attention that
             the row deserves; it goes to the position whose attention is nearest. Attention falls with the position
             as 1 / log2(1 + position), as in discounted cumulative gain
"""

from dataclasses import dataclass
from math import log2
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.examples import Bools

HIGH: Final = 1
LOW: Final = 4
POSITIONS: Final = 6  # the row goes no further down than this


@dataclass(frozen=True, slots=True)
class Costs:
    """What one mistake of each kind costs, in any unit, both above 0."""

    false_high: float = 1.0
    false_low: float = 1.0


def choose(costs: Costs, method: str = "probability") -> dict[str, Any]:
    """The record of placement.json (streams.scoring.placement)."""
    steps = []
    for position in range(1, POSITIONS + 1):
        # The lowest share of attention for which no position further down is nearer.
        share = (attention(position) + attention(position + 1)) / 2 if position < POSITIONS else 0.0
        steps.append({"position": position, "at_least": _probability_of(share, costs)})
    return {
        "method": method,
        "cost_false_high": costs.false_high,
        "cost_false_low": costs.false_low,
        "threshold": {"at_least": threshold(costs), "high": HIGH, "low": LOW},
        "probability": steps,
    }


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
