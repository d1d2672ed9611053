"""Stored states: their versions, the way from one to the next, and what is no state."""

import struct
from array import array

import pytest
from eventlog import DAY, T0, event, watch
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import facts as f
from streams import show as s
from streams.codec import STATE_VERSION, UndecodableState, decode_state, encode_state
from streams.member import MemberState
from streams.upgrades import UPGRADES

# A state as version 1 wrote it: a head without widths and checksum, names, columns, ids.
NAMES_1 = (
    b'["Europe/Berlin","DE","dune",'
    b'[["tv-1","tv",0,"s1",1800000000000,1800000120000,1,"dune","dune",0,'
    b'["dune","dune",1800000000000,false,"row",1800000120000,true,120.0,true,false]]],'
    b'[["dune","dune"],["alien",null]]]'
)
HEAD_1 = struct.pack("<BIqI", 1, 3, 41, len(NAMES_1))
FACTS_1 = array("d", [T0, T0 + 120_000, *range(2, 39)])
SHOW_1 = array("q", range(100, 113)).tobytes() + array("f", range(70)).tobytes()
VERSION_1 = HEAD_1 + NAMES_1 + FACTS_1.tobytes() + SHOW_1 * 2 + b"\x01\x02\x03\x04\x05\x06\x07\x08"


def some_state() -> MemberState:
    state = MemberState()
    for offset, each in enumerate([*watch("A", T0, 8, 2), event("dismiss", T0 + DAY, "B")]):
        state.apply(each, 1, offset)
    return state


def test_a_state_of_version_1_is_read_with_everything_in_it() -> None:
    """The bytes are those of version 1, written down; they come back as version 2 and mean the same."""
    state = decode_state(VERSION_1)
    assert (state.epoch, state.offset, state.tz, state.country, state.last_show) == (
        3,
        41,
        "Europe/Berlin",
        "DE",
        "dune",
    )
    assert state.facts == FACTS_1
    device = state.devices["tv-1"]
    assert (device.session_id, device.session_plays, device.first_show) == ("s1", 1, "dune")
    assert device.play is not None
    assert (device.play.source, device.play.watched_s, device.play.counted) == ("row", 120.0, True)
    assert list(state.shows) == ["dune", "alien"]
    for show in state.shows.values():
        assert list(show.times) == list(range(100, 113))
        assert list(show.stats) == [float(number) for number in range(70)]
    assert state.shows["alien"].title_id is None
    assert state.event_ids == b"\x01\x02\x03\x04\x05\x06\x07\x08"
    newest = encode_state(state)
    assert newest[0] == STATE_VERSION
    assert encode_state(decode_state(newest)) == newest


def test_a_state_of_version_1_goes_on_as_if_it_had_been_written_now() -> None:
    """What a worker does first after an update: it reads an old state and folds the next event into it."""
    state, same = decode_state(VERSION_1), decode_state(encode_state(decode_state(VERSION_1)))
    for target in (state, same):
        for each in watch("dune", T0 + DAY, 8, session_id="s2"):
            target.apply({**each, "event_id": f"later {each['ts']}"})
    assert encode_state(state) == encode_state(same)
    assert state.facts[f.PLAYS] == FACTS_1[f.PLAYS] + 1


def test_every_older_version_has_a_step_to_the_next() -> None:
    assert sorted(UPGRADES) == list(range(1, STATE_VERSION))


def test_a_state_written_before_a_column_was_added_has_zero_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column more, and no new version: what was written without it is padded, show by show."""
    stored = encode_state(some_state())
    monkeypatch.setattr(s, "STAT_COLUMNS", s.STAT_COLUMNS + 1)
    monkeypatch.setattr("streams.codec._WIDTHS", (f.FACT_COLUMNS, s.TIME_COLUMNS, s.STAT_COLUMNS))
    before, after = some_state(), decode_state(stored)
    for show_id, show in before.shows.items():
        assert list(after.shows[show_id].stats) == [*show.stats, 0.0]
        assert after.shows[show_id].times == show.times
    assert encode_state(decode_state(encode_state(after))) == encode_state(after)


def test_a_state_with_a_column_that_is_not_known_yet_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from a newer release; cutting the column off would lose it for good."""
    stored = encode_state(some_state())
    monkeypatch.setattr("streams.codec._WIDTHS", (f.FACT_COLUMNS, s.TIME_COLUMNS, s.STAT_COLUMNS - 1))
    with pytest.raises(UndecodableState, match="columns"):
        decode_state(stored)


@pytest.mark.parametrize("version", [0, STATE_VERSION + 1, 255])
def test_a_version_without_a_way_here_is_unreadable_and_named(version: int) -> None:
    stored = encode_state(some_state())
    with pytest.raises(UndecodableState, match=f"version {version}; versions up to {STATE_VERSION}"):
        decode_state(bytes([version]) + stored[1:])


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_changed_byte_makes_a_state_unreadable(data: st.DataObject) -> None:
    """A flipped bit in a number would otherwise be a number. The first byte is the version; 1 has no checksum."""
    stored = bytearray(encode_state(some_state()))
    at = data.draw(st.integers(1, len(stored) - 1))
    stored[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UndecodableState):
        decode_state(bytes(stored))


@given(st.binary(max_size=80) | st.integers(0, len(VERSION_1) - 1).map(lambda length: VERSION_1[:length]))
@settings(max_examples=300, deadline=None)
def test_what_is_no_state_or_a_part_of_one_is_unreadable(stored: bytes) -> None:
    """A part of version 1, which has no checksum, is noticed all the same, unless only whole event ids are missing."""
    if stored == VERSION_1[:-8]:
        return
    with pytest.raises(UndecodableState):
        decode_state(stored)
