"""Where on the page the row goes, given the probability that this session continues something.

placement.json holds every way; `method` names the one that serves:
    {"version": 2,
     "method": "probability",
     "cost_false_high": 1.0, "cost_false_low": 1.0,
     "threshold": {"at_least": 0.5, "high": 1, "low": 4},
     "probability": [{"position": 1, "at_least": 0.8}, ..., {"position": 6, "at_least": 0.0}],
     "otherwise": [{"position": 1, "at_least": 0.6, "played": 0.6}, ..., {"position": 6, "at_least": 0.0}],
     "by_device": {"tv": {"threshold": {"at_least": 0.4, "high": 1, "low": 4}}, ...}}

threshold    one of two positions
probability  a position for each stretch of the probability
otherwise    likewise, from what stands at a position where the row does not: `played` is the probability that a session
             plays from there, and the row takes the first position at which it promises more
Positions count rows of the page from the top, 1 is the first. `by_device` has, for a type of device, the ways that
differ there; both that and `otherwise` may be absent. Version 1, without a version, has neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VERSION: Final = 2
METHODS: Final = ("threshold", "probability", "otherwise")
UNKNOWN: Final = (1, "default")  # without a probability the row stands where it always stood: first

Steps = tuple[tuple[float, int], ...]  # (lowest probability, position), the highest probability first


class InvalidPlacement(ValueError):
    """A placement can't be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The mapping from the probability of continuing to a position, by the method that serves."""

    method: str
    steps: Steps
    by_device: Mapping[str, Steps]

    def place(self, continuation: float | None, device: str = "") -> tuple[int, str]:
        """Position (1 is the top row) and the method that gave it. A boundary belongs to the higher position."""
        if continuation is None or continuation != continuation:
            return UNKNOWN
        steps = self.by_device.get(device, self.steps)
        for at_least, position in steps:
            if continuation >= at_least:
                return position, self.method
        return steps[-1][1], self.method


def parse(record: Any) -> Placement:
    """A decoded placement.json, of this version or an older one. Raises InvalidPlacement."""
    try:
        version, method = record.get("version", 1), record["method"]
        if version not in (1, VERSION):
            raise InvalidPlacement(f"placement.json: version {version!r} is not known here; it reads up to {VERSION}")
        if method not in METHODS:
            raise InvalidPlacement(f"placement.json: method is {method!r}; it must be one of {', '.join(METHODS)}")
        for way in METHODS:
            if way in record or way != "otherwise":
                _steps(record, way)  # whichever serves, all must make sense
        by_device = {device: _steps({**record, **ways}, method) for device, ways in record.get("by_device", {}).items()}
        return Placement(method, _steps(record, method), by_device)
    except InvalidPlacement:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidPlacement(f"placement.json can't be read: {type(error).__name__}: {error}") from None


def _steps(ways: Mapping[str, Any], method: str) -> Steps:
    way = ways[method]
    if method == "threshold":
        at_least, high, low = float(way["at_least"]), _position(way["high"]), _position(way["low"])
        steps: Steps = ((at_least, high), (float("-inf"), low))
    else:
        steps = tuple(
            sorted(((float(step["at_least"]), _position(step["position"])) for step in way), key=lambda step: -step[0])
        )
    positions = [position for _, position in steps]
    if not steps or positions != sorted(set(positions)):
        raise InvalidPlacement("placement.json: a higher probability must stand at a higher place on the page")
    return steps


def _position(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"a position is a whole number, 1 or more, not {value!r}")
    return value
