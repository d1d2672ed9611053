"""The row and its version."""

import orjson
import pytest
from eventlog import HOUR, T0, event, watch
from hypothesis import given
from hypothesis import strategies as st

from streams import row
from streams.catalog import Catalog
from streams.features import Gatherer
from streams.member import MemberState
from streams.row import Version, parse_version

NUMBERS = st.integers(0, 2**53)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_version_reads_back_as_it_was_written(epoch: int, offset: int, made_ms: int) -> None:
    assert parse_version(str(Version(epoch, offset, made_ms))) == Version(epoch, offset, made_ms)


def test_versions_compare_as_numbers() -> None:
    assert parse_version("0-9-5") < parse_version("0-10-4") < parse_version("1-0-0")


@pytest.mark.parametrize("text", ["", "1-2", "1-2-3-4", "a-b-c", "1--2"])
def test_what_is_no_version_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_version(text)


def test_the_row_stands_in_order_of_score_and_leaves_out_what_the_rules_leave_out() -> None:
    state = MemberState()
    events = [
        *watch("D", T0 - HOUR, 1),
        *watch("A", T0, 10),
        *watch("B", T0 + HOUR, 10),
        *watch("C", T0 + 2 * HOUR, 10),
    ]
    for offset, each in enumerate([*events, event("dismiss", T0 + 3 * HOUR, "C")]):
        state.apply(each, 0, offset)
    device = state.devices["tv"]
    candidates = Gatherer(180, Catalog()).add(state, device, T0 + 3 * HOUR)
    assert [candidate.show.show_id for candidate in candidates] == ["C", "B", "A", "D"]
    scores = [0.9, 0.1, 0.8, 0.7]
    shown = row.order(candidates, scores)
    made = row.build(
        state, "m", device, candidates, shown, scores, [0.4, 0.1, 0.3, 0.2], 0.75, (0, "threshold"), "v1",
        T0 + 3 * HOUR, 1234,
    )  # fmt: skip
    assert orjson.loads(orjson.dumps(made)) == {
        "member_id": "m",
        "device": "tv",
        "device_id": "tv",
        "session_id": "s1",
        "version": f"0-{state.offset}-1234",
        "generated_at": 1234,
        "scored_from_ts": T0 + 3 * HOUR,
        "model_version": "v1",
        "continuation_probability": 0.75,
        "placement": {"position": 0, "method": "threshold"},
        "items": [
            {
                "show_id": show, "title_id": show, "season": None, "episode": None, "position_s": 600.0,
                "duration_s": 2700.0, "progress": 600 / 2700, "score": score, "play_probability": probability,
                "reason": "resume",
            }
            for show, score, probability in (("A", 0.8, 0.3), ("B", 0.1, 0.1))
        ],
    }  # fmt: skip


def test_equal_scores_stand_in_order_of_recency() -> None:
    state = MemberState()
    for each in [*watch("A", T0, 10), *watch("B", T0 + HOUR, 10)]:
        state.apply(each)
    candidates = Gatherer(180, Catalog()).add(state, state.devices["tv"], T0 + 2 * HOUR)
    assert [candidates[index].show.show_id for index in row.order(candidates, [0.5, 0.5])] == ["B", "A"]
