"""What the table of outcomes holds of a member: enough for the join, and what an older version wrote."""

import copy
import random
import struct

import orjson
import pytest
from eventlog import HOUR, MINUTE, T0, event, watch
from hypothesis import given, settings
from hypothesis import strategies as st
from impressions import feed, impression, serve

import streams.member
from streams import codec
from streams.events import PLAYBACK_TYPES, SHOW_TYPES, TYPES
from streams.outcomes import stored
from streams.outcomes.join import Member

KINDS = sorted(TYPES - {"progress", "play"})


def any_events(noise: random.Random, count: int) -> list[dict]:
    """Events of every kind on three devices: some late, some sent twice, sessions that go silent or change hands."""
    made: list[dict] = []
    at = T0
    for _ in range(count):
        if made and noise.random() < 0.1:
            made.append(dict(noise.choice(made)))
            continue
        at += noise.choice([0, 10_000, MINUTE, 5 * MINUTE, 40 * MINUTE, 7 * HOUR])
        kind = noise.choice(["play", "progress", "progress", noise.choice(KINDS)])
        ts = at - noise.choice([0, 0, 0, 2 * MINUTE, HOUR])
        show = noise.choice("abcdef") if kind in PLAYBACK_TYPES | SHOW_TYPES else None
        fields = {"session_id": f"s{noise.randint(1, 3)}", "device": noise.choice(["tv", "phone", "web"])}
        if kind in PLAYBACK_TYPES:
            fields |= {"position_s": 60.0, "duration_s": 2700.0, "autoplay": kind == "play" and noise.random() < 0.5}
        if kind in ("rate", "snooze"):
            fields["value"] = 1
        made.append(event(kind, ts, show, **fields))
    return made


def as_told(member: Member) -> list[tuple]:
    return [(one.session_id, one.device_id, one.opened, one.settled, one.ended, one.ts) for one in member.sessions]


@given(st.randoms(use_true_random=False), st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_a_member_that_is_stored_after_each_event_is_told_the_same_as_one_that_never_is(noise, count):
    """Late events, repeats, devices and shows that give way to new ones: the fold goes by nothing that is left out."""
    kept, again = Member(), Member()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.member, "MAX_SHOWS", 3)
        for offset, one in enumerate(any_events(random.Random(noise.randint(0, 10**9)), count)):
            outcomes = kept.apply_event(copy.deepcopy(one), 0, offset)
            again = stored.decode(stored.encode(again))
            assert again.apply_event(copy.deepcopy(one), 0, offset) == outcomes
            where = {"session_id": one["session_id"], "device": one["device"], "device_id": one["device"]}
            row = impression(offset, "abc", **where)
            assert serve(again, row, offset) == serve(kept, row, offset)
            assert as_told(again) == as_told(kept)


def test_a_member_is_stored_without_what_the_worker_counts_for_its_features():
    member = Member()
    feed(member, [event("session_start", T0), *watch("a", T0 + 1000, 3)])
    again = stored.decode(stored.encode(member))
    assert list(again.state.shows) == ["a"]
    assert not any(again.state.facts)
    assert (again.state.epoch, again.state.offset) == (0, 4)
    assert again.state.event_ids == member.state.event_ids


def test_a_member_that_was_stored_with_the_whole_state_is_read_and_goes_on():
    member = Member()
    feed(member, [event("session_start", T0)])
    serve(member, impression(0), 0)
    state = codec.encode_state(member.state)
    (one,) = member.sessions
    sessions = [[one.session_id, one.device_id, 0, -1, "", 0, None, one.waiting, []]]
    version_1 = struct.pack("<BI", 1, len(state)) + state + orjson.dumps([sessions, [], [0, 0]])
    old = stored.decode(version_1)
    assert stored.encode(old) == stored.encode(member)
    assert stored.encode(old)[0] == stored.MEMBER_VERSION
    played = watch("b", T0 + 1000, 2)
    assert feed(old, played, first=1) == feed(member, played, first=1) != []


def test_a_damaged_member_is_refused():
    member = Member()
    feed(member, [event("session_start", T0), *watch("a", T0 + 1000, 3)])
    data = stored.encode(member)
    for at in range(len(data)):
        with pytest.raises(ValueError, match=r"damaged|not known"):
            stored.decode(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
    with pytest.raises(ValueError, match="damaged"):
        stored.decode(data[:-1])
