"""Two bundles on live outcomes: differences, intervals, and what may not be concluded."""

import math

import numpy as np
import pytest

from export.comparison import compare
from export.screen import comparison


def outcome(
    member: str, number: int, by: str, shows: list[str], played: str | None, p: float = 0.5, shadow: dict | None = None
) -> dict:
    """A record of cw.outcomes, what is compared of it; recency has the row's last show first."""
    made = {
        "id": f"{member}|tv|s{number}|0|{number}",
        "trigger": "session_start",
        "model_version": by,
        "generated_at": 1000 + number,
        "continuation_probability": 0.01,  # recalibrated
        "continuation_raw": p,
        "shows": shows,
        "recency_first": shows[-1] if shows else None,
        "played": None if played is None else {"show_id": played},
        "continued": None if played is None else played in shows,
    }
    return made | ({} if shadow is None else {"shadow": shadow})


def in_shadow(shows: list[str], p: float) -> dict:
    return {"model_version": "new", "continuation_probability": p, "position": 1, "shows": shows, "play": []}


def test_a_shadow_is_compared_session_by_session() -> None:
    outcomes = [
        outcome("a", 1, "old", ["x", "y"], "y", 0.5, in_shadow(["y", "x"], 0.8)),
        outcome("a", 2, "old", ["x", "y"], "x", 0.5, in_shadow(["x", "y"], 0.8)),
        outcome("b", 3, "old", ["x", "y"], "z", 0.5, in_shadow(["y", "x"], 0.2)),
    ]
    precision, loss = compare(outcomes, "old", "new")
    assert (precision.other.mean, precision.candidate.mean, precision.difference) == (0.5, 1.0, 0.5)
    assert (precision.other.sessions, precision.other.members) == (2, 1), "only sessions that went on with something"
    assert loss.difference == pytest.approx(-math.log(0.8) - -math.log(0.5))
    assert (loss.other.sessions, loss.other.members) == (3, 2)
    assert precision.paired
    assert precision.low is None
    assert loss.verdict == "too few members to say"


def test_a_split_is_compared_between_its_members() -> None:
    outcomes = [
        *(outcome(f"a{n}", n, "old", ["x", "y"], "x" if n % 2 else "y") for n in range(40)),
        *(outcome(f"b{n}", 100 + n, "new", ["x", "y"], "x") for n in range(40)),
    ]
    precision = compare(outcomes, "old", "new")[0]
    assert not precision.paired
    assert (precision.other.mean, precision.candidate.mean) == (0.5, 1.0)
    half = 1.96 * math.sqrt(0.25 / 39)
    assert (precision.low, precision.high) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))
    assert precision.verdict == "better"


def test_every_bundle_can_be_compared_with_recency() -> None:
    outcomes = [outcome(f"m{n}", n, "old", ["x", "y"], "x") for n in range(40)]
    (precision,) = compare(outcomes, "recency", "old")
    assert (precision.difference, precision.verdict) == (1.0, "better")


def test_what_tells_nothing_is_left_out() -> None:
    told = outcome("a", 1, "old", ["x", "y"], "y", 0.5, in_shadow(["y", "x"], 0.8))
    outcomes = [
        told,
        told,  # a repeat
        told | {"id": "a|tv|s1|0|9", "trigger": "row_viewed"},
        outcome("a", 2, "old", ["x"], None, 0.5, in_shadow(["x"], 0.8)),  # nothing was played
        outcome("a", 3, "recency", ["x"], "x", 0.5, in_shadow(["x"], 0.8)),  # another bundle served
        told | {"id": "a|tv|s0|0|0", "generated_at": 999},  # before the trial began
    ]
    assert [difference.other.sessions for difference in compare(outcomes, "old", "new", since_ms=1000)] == [1, 1]
    assert compare(outcomes, "old", "elsewhere") == []


def test_members_are_what_is_counted_not_their_sessions() -> None:
    """A hundred members with fifty sessions that are all alike know no more than a hundred sessions do."""
    once = [outcome(f"m{n}", n, "old", ["x", "y"], "x" if n % 2 else "y") for n in range(100)]
    often = [row | {"id": row["id"] + f"{again}"} for row in once for again in range(50)]
    narrow, wide = (compare(rows, "recency", "old")[0] for rows in (often, once))
    assert narrow.high - narrow.low == pytest.approx(wide.high - wide.low)


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        outcomes = []
        for member in range(60):
            likes = rng.beta(4, 2)  # members differ
            for number in range(int(rng.integers(1, 12))):
                shows = ["x", "y"] if rng.random() < likes else ["y", "x"]
                outcomes.append(outcome(f"m{member}", number, "old", shows, "x"))
        precision = compare(outcomes, "recency", "old")[0]
        covered += precision.low <= 2 * 4 / 6 - 1 <= precision.high
    assert 0.90 <= covered / 300 <= 0.985


def test_the_comparison_reads_as_lines_with_the_interval() -> None:
    outcomes = [
        *(outcome(f"a{n}", n, "old", ["x", "y"], "x" if n % 2 else "y") for n in range(40)),
        *(outcome(f"b{n}", 100 + n, "new", ["x", "y"], "x") for n in range(40)),
    ]
    lines = comparison(compare(outcomes, "old", "new"), "old", "new")
    assert lines[0] == "new beside old, each on its own members"
    assert lines[2].split() == [
        "precision", "at", "1", "0.5000", "1.0000", "+0.5000", "+0.3431", "to", "+0.6569",
        "40,", "40", "beside", "40,", "40",
    ]  # fmt: skip
    assert lines[3].strip() == "better (higher is better)"
