"""The gate that every event passes: what it lets in, and what it says of what it keeps out."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from eventlog import MINUTE, T0, event
from hypothesis import given
from hypothesis import strategies as st

from streams.events import TYPES, InvalidEvent, correct_clock, decode, parse, validate

PLAY = {
    "event_id": "e", "type": "play", "member_id": "m", "session_id": "s", "ts": T0, "title_id": "A.e1", "show_id": "A",
    "season": 1, "episode": 1, "position_s": 0, "duration_s": 2700.5, "autoplay": False, "device": "tv",
    "device_id": "living room", "country": "DE", "tz": "Europe/Berlin", "source": "row", "row_version": "0-1-2",
}  # fmt: skip


def test_a_whole_event_passes() -> None:
    validate(dict(PLAY))


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_every_type_passes_with_what_it_requires(kind: str) -> None:
    show = None if kind.startswith("session") or kind in ("browse", "row_viewed") else "A"
    position = {"position_s": 1} if kind in ("play", "progress", "pause", "seek", "stop") else {}
    value = {"value": 1} if kind in ("rate", "snooze") else {}
    validate(event(kind, T0, show, **position, **value))


def test_unknown_fields_are_no_error() -> None:
    validate({**PLAY, "experiment": {"arm": 3}})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "watch"}, "type is 'watch'"),
        ({"type": ["play"]}, "type is ['play']"),
        ({"event_id": None}, "event_id is missing"),
        ({"event_id": ""}, "event_id is ''"),
        ({"member_id": 7}, "member_id is 7"),
        ({"member_id": "a\0b"}, "no NUL"),
        ({"session_id": "s" * 257}, "1 to 256 characters"),
        ({"ts": 1.5}, "ts is 1.5"),
        ({"ts": True}, "ts is True"),
        ({"ts": T0 // 1000}, "milliseconds"),
        ({"device": "fridge"}, "device is 'fridge'"),
        ({"title_id": None}, "title_id is missing"),
        ({"show_id": None}, "show_id is missing"),
        ({"position_s": None}, "position_s is missing; a play event needs it"),
        ({"position_s": -1}, "position_s is -1"),
        ({"position_s": "12"}, "position_s is '12'"),
        ({"position_s": True}, "position_s is True"),
        ({"duration_s": 1e12}, "duration_s is 1000000000000.0"),
        ({"episode": 1.0}, "episode is 1.0"),
        ({"season": -1}, "season is -1"),
        ({"autoplay": "yes"}, "autoplay is 'yes'"),
        ({"source": "email"}, "source is 'email'"),
        ({"device_id": ""}, "device_id is ''"),
        ({"tz": 2}, "tz is 2"),
        ({"type": "rate", "value": 5}, "a rating is -1, 0, 1 or 2"),
        ({"type": "rate", "value": True}, "a rating is -1, 0, 1 or 2"),
        ({"type": "snooze"}, "value is missing; a snooze event needs it"),
        ({"type": "snooze", "value": 0}, "a snooze is hours"),
    ],
)
def test_what_breaks_a_type_is_named(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        validate({**PLAY, **change})
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_the_key_must_be_the_member() -> None:
    value = orjson.dumps(PLAY)
    assert decode(value, b"m") == PLAY
    for key in (None, b"", b"n", b"\xff"):
        with pytest.raises(InvalidEvent, match="key"):
            decode(value, key)


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff\xfe", b"[1]", b"7", b'"x"', b"null", b"[" * 10_000_000])
def test_garbage_is_kept_out_with_a_reason(value: bytes | None) -> None:
    with pytest.raises(InvalidEvent, match=r"."):
        decode(value, b"m")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_more_than_be_invalid(value: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(value, b"m")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(PLAY)), JSON))
def test_no_shape_at_all_does_more_than_be_invalid(changes: dict[str, Any]) -> None:
    with suppress(InvalidEvent):
        validate({**PLAY, **changes})


def test_a_clock_up_to_five_minutes_ahead_is_believed() -> None:
    made = event("browse", T0 + 5 * MINUTE)
    assert not correct_clock(made, T0)
    assert made["ts"] == T0 + 5 * MINUTE


def test_a_clock_further_ahead_counts_as_the_time_of_arrival_and_is_marked() -> None:
    made = event("browse", T0 + 5 * MINUTE + 1)
    assert correct_clock(made, T0)
    assert (made["ts"], made["ts_claimed"]) == (T0, T0 + 5 * MINUTE + 1)


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([T0, T0 / 1000, 999_999, 1_000_000, 9_999_999, 10_000_000, 1e7, 9_999_999.5, -0.0, 1.0, 1e18]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "é", "a\0b", "x" * 256, "x" * 257, "ü" * 257, "tv", "row", "play", "rate", "snooze"]),
    st.text(max_size=5),
    st.lists(st.integers(-(2**63), 2**64 - 1), max_size=2),  # what orjson writes
)


@given(st.sampled_from(sorted(TYPES)), st.dictionaries(st.sampled_from([*PLAY, "value", "other"]), _VALUES, max_size=4))
def test_reading_an_event_says_the_same_as_checking_it(kind: str, changes: dict[str, Any]) -> None:
    """`parse` has its decoder check; `validate` is the reference, for the reason and for what goes through."""
    made = {**PLAY, "type": kind, **changes}

    def checked(event: dict[str, Any]) -> Any:
        validate(event)
        return event

    def outcome(read: Callable[[], dict[str, Any]]) -> Any:
        try:
            return {name: value for name, value in read().items() if name != "other"}
        except InvalidEvent as error:
            return str(error)

    text = orjson.dumps(made)
    assert outcome(lambda: parse(text)) == outcome(lambda: checked(orjson.loads(text)))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'{"type": "play"}',
        b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        orjson.dumps(PLAY)[:-1] + b',"x":"\xff"}',
        orjson.dumps(PLAY)[:-1] + b',"x":"\\ud800"}',
        orjson.dumps(PLAY)[:-1] + b',"season":01}',
        orjson.dumps(PLAY)[:-1] + b',"season":NaN}',
        orjson.dumps(PLAY) + b"x",
    ],
)
def test_what_is_no_json_of_an_event_is_refused_in_a_line(text: bytes) -> None:
    with pytest.raises(InvalidEvent) as refused:
        parse(text)
    assert "\n" not in str(refused.value)
