"""What a served row's session did with it: the rules of the join, and that the order of arrival is no matter."""

import copy
import random

import pytest
from eventlog import DAY, HOUR, MINUTE, T0, event, watch
from hypothesis import given, settings
from hypothesis import strategies as st
from impressions import feed, impression, serve

from streams.outcomes import stored
from streams.outcomes.join import MAX_SESSIONS, Member
from streams.outcomes.served import InvalidImpression, parse


def opened(ts=T0, **fields):
    return event("session_start", ts, **fields)


def told(outcomes):
    """The parts of outcomes that the rules are about."""
    return [
        (o["ended"], o["played"] and o["played"]["show_id"], o["rank"], o["recency_rank"], o["continued"])
        for o in outcomes
    ]


def test_the_first_counted_play_settles_the_row_with_its_rank_in_both_orders():
    """Row b, a; recency a, b; b is played for two minutes."""
    member = Member()
    feed(member, [opened()])
    assert serve(member, impression(0, "ba"), 0) == []
    outcomes = feed(member, watch("b", T0 + 1000, 2, source="row"), first=1)
    assert told(outcomes) == [("played", "b", 1, 2, True)]
    assert outcomes[0]["id"] == "m|tv|s1|0|0"
    assert outcomes[0]["recency_first"] == "a"
    assert outcomes[0]["played"] == {"show_id": "b", "title_id": "b", "source": "row", "autoplay": False}
    assert outcomes[0]["from_row"] is True
    assert outcomes[0]["ts"] == T0 + 1000
    assert outcomes[0]["settled_offset"] == 2  # the progress after a minute, not the play


def test_half_a_minute_is_browsing_and_the_play_after_it_is_the_first():
    """The same 60 seconds as in training."""
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0, "ab"), 0)
    assert feed(member, watch("a", T0 + 1000, 0.5), first=1) == []
    outcomes = feed(member, watch("b", T0 + 2 * MINUTE, 5), first=3)
    assert told(outcomes) == [("played", "b", 2, 2, True)]


def test_a_play_of_what_the_row_does_not_have_continues_nothing():
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0, "ab"), 0)
    outcomes = feed(member, watch("new", T0 + 1000, 5, source="search"), first=1)
    assert told(outcomes) == [("played", "new", None, None, False)]
    assert outcomes[0]["from_row"] is False


def test_a_candidate_that_the_row_does_not_show_is_continued_without_a_rank():
    """As training counts it: a finished film that is seen again."""
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0, "ab", not_shown=["film"]), 0)
    assert told(feed(member, watch("film", T0 + 1000, 5), first=1)) == [("played", "film", None, None, True)]


def test_a_session_that_ends_without_a_play_gives_an_outcome_with_nothing_played():
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0), 0)
    assert told(feed(member, [event("session_end", T0 + MINUTE)], first=1)) == [("session_end", None, None, None, None)]


def test_the_next_session_of_the_device_ends_one_that_said_nothing():
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0), 0)
    assert told(feed(member, [opened(T0 + HOUR, session_id="s2")], first=1)) == [("over", None, None, None, None)]


def test_a_device_that_is_silent_for_six_hours_has_ended_its_session():
    """Seen by what the member does elsewhere."""
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0), 0)
    phone = {"session_id": "p", "device": "phone"}
    assert feed(member, [opened(T0 + 5 * HOUR, **phone)], first=1) == []
    late = [event("browse", T0 + 7 * HOUR, **phone)]
    assert told(feed(member, late, first=2)) == [("over", None, None, None, None)]


def test_a_session_that_moves_to_another_device_is_judged_there():
    """As in training: the decision is the later one's."""
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0), 0)
    moved = feed(member, [opened(T0 + MINUTE, device="phone")], first=1)
    assert told(moved) == [("moved", None, None, None, None)]
    serve(member, impression(1, device="phone", device_id="phone"), 1)
    plays = feed(member, watch("c", T0 + 2 * MINUTE, 3, device="phone"), first=2)
    assert told(plays) == [("played", "c", 3, 3, True)]


def test_rows_seen_before_the_first_play_share_its_outcome_and_those_after_it_have_none():
    member = Member()
    log = [opened(), event("row_viewed", T0 + 1000), *watch("a", T0 + 2000, 3), event("row_viewed", T0 + 5 * MINUTE)]
    feed(member, log[:2])
    serve(member, impression(0), 0)
    serve(member, impression(1, trigger="row_viewed"), 1)
    outcomes = feed(member, log[2:], first=2)
    assert [outcome["id"][-1] for outcome in outcomes] == ["0", "1"]
    assert serve(member, impression(len(log) - 1, trigger="row_viewed"), 2) == []
    assert feed(member, [event("session_end", T0 + 6 * MINUTE)], first=len(log)) == []


def test_an_impression_sent_again_gives_no_second_outcome():
    """A worker that was killed sends it again: another offset, the same id."""
    member = Member()
    feed(member, [opened()])
    serve(member, impression(0), 0)
    serve(member, impression(0), 1)
    assert len(feed(member, watch("a", T0 + 1000, 3), first=1)) == 1
    assert serve(member, impression(0), 2) == []


def test_records_read_again_after_a_restart_change_nothing():
    """Both topics carry on by the offsets that the member has seen."""
    member = Member()
    log = [opened(), *watch("a", T0 + 1000, 3)]
    feed(member, log[:2])
    serve(member, impression(0), 7)
    again = stored.decode(stored.encode(member))
    assert serve(again, impression(0), 7) == []
    assert feed(again, log[:2]) == []
    assert told(feed(again, log)) == [("played", "a", 1, 1, True)]


def test_probabilities_before_and_after_live_recalibration_are_kept_apart():
    made = impression(0, "ab", continuation_probability=0.7, continuation_probability_raw=0.9)
    made["items"][0] |= {"play_probability": 0.4, "play_probability_raw": 0.6}
    served, epoch = parse(made)
    assert (served["continuation_probability"], served["continuation_raw"]) == (0.7, 0.9)
    assert (served["play"], served["play_raw"]) == ([0.4, 0.25], [0.6, 0.25])
    assert (epoch, served["offset"]) == (0, 0)


@pytest.mark.parametrize(
    "broken", [None, [], {}, {"id": "x"}, {**impression(0), "items": 3}, {**impression(0), "id": "m|tv|s1|0|x"}]
)
def test_what_is_no_impression_is_refused_with_a_reason(broken):
    with pytest.raises(InvalidImpression, match="not an impression"):
        parse(broken)


def test_a_new_epoch_is_another_log():
    """Its offsets begin anew: rows of the old one judge nothing in it."""
    member = Member()
    member.apply_event(opened(), 0, 50)
    serve(member, impression(50), 9)
    outcomes = [o for at, e in enumerate(watch("a", T0 + 1000, 3)) for o in member.apply_event(e, 1, at)]
    assert outcomes == []


def test_no_more_sessions_are_remembered_than_the_bound():
    member = Member()
    for number in range(MAX_SESSIONS + 5):
        feed(member, [opened(T0 + number * DAY, session_id=f"s{number}")], first=number)
    assert len(member.sessions) == MAX_SESSIONS


def sessions_of(noise, count):
    """A member's events over some sessions on two devices, and the rows that were served in them."""
    events, rows = [], []
    for number in range(count):
        at, fields = T0 + number * 5 * HOUR, {"session_id": f"s{number}", "device": noise.choice(["tv", "phone"])}
        rows.append((len(events), "session_start", fields))
        events.append(opened(at, **fields))
        if noise.random() < 0.5:
            rows.append((len(events), "row_viewed", fields))
            events.append(event("row_viewed", at + 1000, **fields))
        for _ in range(noise.randint(0, 2)):
            at += 10 * MINUTE
            events += watch(noise.choice("abcd"), at, noise.choice([0.4, 2, 5]), **fields)
        if noise.random() < 0.5:
            events.append(event("session_end", at + 20 * MINUTE, **fields))
    impressions = [
        impression(offset, "bca", trigger=trigger, session_id=fields["session_id"], device=fields["device"],
                   device_id=fields["device"])
        for offset, trigger, fields in rows
    ]  # fmt: skip
    return events, impressions


@given(st.randoms(use_true_random=False), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_the_order_in_which_rows_and_events_arrive_changes_no_outcome(noise, count):
    """Each topic in its own order; how they interleave, and restarts in between, are no matter."""
    events, impressions = sessions_of(random.Random(noise.randint(0, 10**9)), count)
    expected, member = [], Member()
    for offset, made in enumerate(events):  # each row right behind its event
        expected += member.apply_event(made, 0, offset)
        for at, row in enumerate(impressions):
            if row["id"].endswith(f"|{offset}"):
                expected += serve(member, row, at)

    found, member = [], Member()
    turns = [True] * len(events) + [False] * len(impressions)
    noise.shuffle(turns)
    offset = at = 0
    for is_event in turns:
        if is_event:
            found += member.apply_event(copy.deepcopy(events[offset]), 0, offset)
            offset += 1
        else:
            found += serve(member, impressions[at], at)
            at += 1
        if noise.random() < 0.2:
            member = stored.decode(stored.encode(member))

    def by_id(outcomes):
        return sorted(outcomes, key=lambda outcome: outcome["id"])

    assert by_id(found) == by_id(expected)
    assert len({outcome["id"] for outcome in found}) == len(found)
