"""Where on the page the row goes, given the probability that this session continues something.

placement.json holds both ways; `method` names the one that serves:
    {"method": "probability",
     "cost_false_high": 1.0, "cost_false_low": 1.0,
     "threshold": {"at_least": 0.5, "high": 1, "low": 4},
     "probability": [{"position": 1, "at_least": 0.8}, ..., {"position": 6, "at_least": 0.0}]}
Positions count rows of the page from the top, 1 is the first.
"""

from dataclasses import dataclass
from typing import Any, Final

METHODS: Final = ("threshold", "probability")
UNKNOWN: Final = (1, "default")  # without a probability the row stands where it always stood: first


class InvalidPlacement(ValueError):
    """A placement can't be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The mapping from the probability of continuing to a position."""

    method: str
    threshold: float  # at least this probability: `high`
    high: int
    low: int
    steps: tuple[tuple[float, int], ...]  # (lowest probability, position), the highest probability first

    def place(self, continuation: float | None) -> tuple[int, str]:
        """Position (1 is the top row) and the method that gave it. A boundary belongs to the higher position."""
        if continuation is None or continuation != continuation:
            return UNKNOWN
        if self.method == "threshold":
            return (self.high if continuation >= self.threshold else self.low), "threshold"
        for at_least, position in self.steps:
            if continuation >= at_least:
                return position, "probability"
        return self.steps[-1][1], "probability"


def parse(record: Any) -> Placement:
    """A decoded placement.json. Raises InvalidPlacement."""
    try:
        method = record["method"]
        threshold = record["threshold"]
        pairs = [(float(step["at_least"]), _position(step["position"])) for step in record["probability"]]
        steps = tuple(sorted(pairs, reverse=True))
        placement = Placement(
            method=method,
            threshold=float(threshold["at_least"]),
            high=_position(threshold["high"]),
            low=_position(threshold["low"]),
            steps=steps,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidPlacement(f"placement.json can't be read: {type(error).__name__}: {error}") from None
    if method not in METHODS:
        raise InvalidPlacement(f"placement.json: method is {method!r}; it must be one of {', '.join(METHODS)}")
    if not steps or [position for _, position in steps] != sorted({position for _, position in steps}):
        raise InvalidPlacement("placement.json: a higher probability must stand at a higher place on the page")
    return placement


def _position(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"a position is a whole number, 1 or more, not {value!r}")
    return value
