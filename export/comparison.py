"""Two bundles beside each other on live outcomes: by how much one is better, and how sure that is.

A bundle in the shadow is judged on the sessions that the other one served, session by session. Of a split, each bundle
is judged on its own members. Recency can stand for either bundle: every outcome says where it would have put the show.

Sessions of a member are alike, so members are what is counted: the variance of a ratio of sums over members, by
linearisation (Cochran, "Sampling Techniques", 1977, section 6.3), and a normal interval.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Final

from streams.scoring.fallback import VERSION as RECENCY

FEW: Final = 30  # members: with fewer on a side, no interval is to be believed
_CUT: Final = 1e-7
_Z: Final = 1.96  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Ratio:
    """A mean over sessions, and its variance; None of one member alone."""

    mean: float
    sessions: int
    members: int
    variance: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How the candidate compares with the other in one figure; `low` and `high` bound the 95 % interval."""

    figure: str
    better: str  # higher or lower
    other: Ratio
    candidate: Ratio
    paired: bool
    difference: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """In words: better, worse, no difference seen, or too few members."""
        if self.low is None or self.high is None or min(self.other.members, self.candidate.members) < FEW:
            return "too few members to say"
        if self.low <= 0 <= self.high:
            return "no difference seen"
        return "better" if (self.difference > 0) is (self.better == "higher") else "worse"


class _Sums:
    """Values by member."""

    def __init__(self) -> None:
        self._of_member: dict[str, tuple[int, float]] = {}

    def add(self, member: str, value: float) -> None:
        n, total = self._of_member.get(member, (0, 0.0))
        self._of_member[member] = n + 1, total + value

    def __bool__(self) -> bool:
        return bool(self._of_member)

    def ratio(self) -> Ratio:
        sums = self._of_member.values()
        sessions, members = sum(n for n, _ in sums), len(sums)
        mean = sum(total for _, total in sums) / sessions
        if members == 1:
            return Ratio(mean, sessions, members, None)
        squares = sum((total - mean * n) ** 2 for n, total in sums)
        return Ratio(mean, sessions, members, squares * members / (members - 1) / sessions**2)


class _Figure:
    """One figure of two versions: where both were told of a session, and where each served."""

    def __init__(self, name: str, better: str) -> None:
        self._name, self._better = name, better
        self._both = (_Sums(), _Sums(), _Sums())  # the other's, the candidate's, candidate less other
        self._served = (_Sums(), _Sums())

    def add(self, member: str, values: tuple[float | None, float | None], served: tuple[bool, bool]) -> None:
        """Counts what one session told of the other and of the candidate."""
        theirs, its = values
        if theirs is not None and its is not None:
            for sums, value in zip(self._both, (theirs, its, its - theirs), strict=True):
                sums.add(member, value)
        for sums, told, by in zip(self._served, values, served, strict=True):
            if by and told is not None:
                sums.add(member, told)

    def difference(self) -> Difference | None:
        """Session by session where any told of both, else between the members of each; None where neither can be."""
        if self._both[2]:
            other, candidate, apart = (sums.ratio() for sums in self._both)
            return self._difference(other, candidate, True, apart.mean, apart.variance)
        if not (self._served[0] and self._served[1]):
            return None
        other, candidate = (sums.ratio() for sums in self._served)
        known = other.variance is not None and candidate.variance is not None
        variance = (other.variance or 0.0) + (candidate.variance or 0.0) if known else None
        return self._difference(other, candidate, False, candidate.mean - other.mean, variance)

    def _difference(
        self, other: Ratio, candidate: Ratio, paired: bool, apart: float, variance: float | None
    ) -> Difference:
        half = None if variance is None else _Z * sqrt(variance)
        low, high = (None, None) if half is None else (apart - half, apart + half)
        return Difference(self._name, self._better, other, candidate, paired, apart, low, high)


def compare(outcomes: Iterable[Mapping[str, Any]], other: str, candidate: str, since_ms: int = 0) -> list[Difference]:
    """Precision at 1 and log-loss of continuation, candidate less other; empty where no session tells of both.

    `outcomes` are records of cw.outcomes in any order; those of rows made before `since_ms` are left out. Precision at
    1 is over sessions that went on with something, a show that the row did not have counts as a miss; log-loss is over
    all sessions that played.
    """
    figures = {"precision": _Figure("precision at 1", "higher"), "loss": _Figure("log-loss", "lower")}
    seen: set[int] = set()
    for outcome in outcomes:
        if outcome["trigger"] != "session_start" or outcome["played"] is None or outcome["generated_at"] < since_ms:
            continue
        if not outcome.get("in_time", True):  # made from a backlog: the member saw an older row
            continue
        if (known := hash(outcome["id"])) in seen:
            continue
        seen.add(known)
        member, by = outcome["id"].rsplit("|", 4)[0], outcome["model_version"]
        theirs, its = _judge(outcome, other), _judge(outcome, candidate)
        for name, figure in figures.items():
            figure.add(member, (theirs.get(name), its.get(name)), (by == other, by == candidate))
    return [difference for figure in figures.values() if (difference := figure.difference()) is not None]


def _judge(outcome: Mapping[str, Any], version: str) -> dict[str, float]:
    """What an outcome says of a version, by figure; nothing where that had no part in it."""
    shadow = outcome.get("shadow") or {}
    show, continued = outcome["played"]["show_id"], outcome["continued"]
    said: float | None = None
    if version == RECENCY:
        first = outcome["recency_first"]
    elif version == outcome["model_version"]:
        # As the bundle said it: live recalibration knows what serves, not what is in the shadow.
        first, said = next(iter(outcome["shows"]), None), outcome["continuation_raw"]
    elif version == shadow.get("model_version"):
        first, said = next(iter(shadow["shows"]), None), shadow["continuation_probability"]
    else:
        return {}
    judged = {} if said is None else {"loss": _log_loss(said, bool(continued))}
    return judged | {"precision": float(first == show)} if continued else judged


def _log_loss(probability: float, happened: bool) -> float:
    p = min(max(probability, _CUT), 1 - _CUT)
    return -log(p if happened else 1 - p)
