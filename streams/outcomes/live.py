"""What all partitions' live outcomes say together: the records of cw.live added up, and the verdict on a bundle."""

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from streams.outcomes.tally import Tally, from_json
from streams.scoring.recalibration import KINDS, Curve, combined

SESSIONS: Final = 500  # in the live window, that played a show of their row: fewer give no verdict
LASTING: Final = 200  # decisions for which a bundle must go on being worse than recency


@dataclass(slots=True)
class Figures:
    """One bundle, all partitions together."""

    total: Tally = field(default_factory=Tally)
    window: Tally = field(default_factory=Tally)


class Live:
    """The newest record of each partition."""

    def __init__(self) -> None:
        self._records: dict[int, Any] = {}

    def update(self, value: bytes) -> None:
        """Takes a record of cw.live. Raises ValueError where it is none."""
        record: Any = orjson.loads(value)
        try:
            for role in ("served", "shadow"):
                for figures in record[role].values():
                    from_json(figures["window"])
            self._records[int(record["partition"])] = record
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a record of cw.live: {type(error).__name__}: {error}") from None

    def figures(self, role: str) -> dict[str, Figures]:
        """By version: of the bundles that served (`served`), or of those in the shadow (`shadow`)."""
        found: dict[str, Figures] = {}
        for record in self._records.values():
            for version, of in record[role].items():
                figures = found.setdefault(version, Figures())
                figures.total.merge(from_json(of["total"]))
                figures.window.merge(from_json(of["window"]))
        return found

    def recalibrations(self) -> dict[tuple[str, str], Curve]:
        """By version and kind: what live recalibration is, whether it is applied or not."""
        versions = {version for record in self._records.values() for version in record["recalibration"]}
        return {
            (version, kind): combined(
                [r["recalibration"][version][kind] for r in self._records.values() if version in r["recalibration"]]
            )
            for version in versions
            for kind in KINDS
        }

    def drifts(self) -> dict[str, dict[str, Any]]:
        """By signal: how often it was found, and the newest: `count`, `ts` (ms, event time), `before`, `after`."""
        found: dict[str, dict[str, Any]] = {}
        for record in self._records.values():
            for signal, drift in record["drift"].items():
                newest = found.get(signal)
                count = drift["count"] + (newest["count"] if newest is not None else 0)
                found[signal] = {**(drift if newest is None or drift["ts"] > newest["ts"] else newest), "count": count}
        return found


class Judge:
    """Finds bundles that do worse than recency on live outcomes, for long enough.

    Worse: the 95 % interval of the difference in precision at 1, on the same rows, lies below 0, over at least SESSIONS
    sessions of the live window. For long enough: so at each look, until LASTING more decisions have come in.
    """

    def __init__(self) -> None:
        self._since: dict[str, int] = {}  # by version: decisions there were when it was first found worse
        self._spoken: dict[str, int] = {}  # by version: decisions there were when the verdict was given

    def look(self, figures: dict[str, Figures]) -> dict[str, str]:
        """Verdicts that are due, by version: the reason in words. `figures` are of what served."""
        verdicts: dict[str, str] = {}
        for version, of in figures.items():
            gain, decisions = of.window.gain, of.total.decisions
            if gain is None or of.window.continued_row < SESSIONS or gain[0] + gain[1] >= 0:
                self._since.pop(version, None)
                continue
            since = self._since.setdefault(version, decisions)
            if decisions - since >= LASTING and decisions - self._spoken.get(version, -LASTING) >= LASTING:
                self._spoken[version] = decisions
                verdicts[version] = (
                    f"right show first in {100 * (of.window.precision or 0):.1f} % of {of.window.continued_row} "
                    f"sessions, by recency in {100 * (of.window.base_precision or 0):.1f} %"
                )
        return verdicts
