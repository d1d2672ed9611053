"""The fold: what an event does to a member's state."""

from typing import Any

import pytest
from eventlog import DAY, HOUR, MINUTE, T0, event, watch
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import facts as f
from streams import show as s
from streams.codec import UndecodableState, decode_state, encode_state
from streams.device import Device, Play
from streams.events import TYPES, validate
from streams.member import MAX_EVENT_IDS, MAX_SHOWS, Applied, MemberState
from streams.show import MAX_DEVICES, Show


def fold(events: list[dict[str, Any]]) -> MemberState:
    state = MemberState()
    for each in events:
        validate(each)
        state.apply(each)
    return state


def test_a_play_counts_once_it_has_lasted_sixty_seconds() -> None:
    assert fold(watch("A", T0, 0.9)).shows["A"].stats[s.PLAYS] == 0
    assert fold(watch("A", T0, 1)).shows["A"].stats[s.PLAYS] == 1


def test_a_pause_in_between_does_not_count_as_watching() -> None:
    state = fold(
        [
            event("play", T0, "A", position_s=0),
            event("pause", T0 + 30_000, "A", position_s=30),
            event("play", T0 + 10 * MINUTE, "A", position_s=30),
            event("stop", T0 + 10 * MINUTE + 20_000, "A", position_s=50),
        ]
    )
    assert state.shows["A"].stats[s.PLAYS] == 0


def test_playing_on_after_a_pause_is_the_same_play() -> None:
    state = fold(
        [
            event("play", T0, "A", position_s=0),
            event("pause", T0 + 5 * MINUTE, "A", position_s=300),
            event("play", T0 + 9 * MINUTE, "A", position_s=300),
            event("stop", T0 + 14 * MINUTE, "A", position_s=600),
        ]
    )
    assert state.shows["A"].stats[s.PLAYS] == 1
    assert state.shows["A"].stats[s.WATCHED_S] == 600


def test_a_repeated_event_changes_nothing() -> None:
    events = watch("A", T0, 5)
    once = encode_state(fold(events))
    assert encode_state(fold([each for each in events for _ in range(2)])) == once


def test_a_repeat_is_remembered_for_512_events() -> None:
    state = MemberState()
    first = event("browse", T0)
    state.apply(first)
    for _ in range(MAX_EVENT_IDS - 1):
        state.apply(event("browse", T0))
    assert state.apply(first) is Applied.REPEATED_ID
    state.apply(event("browse", T0))
    assert state.apply(first) is Applied.YES


def test_an_offset_applied_before_changes_nothing() -> None:
    state = MemberState()
    assert state.apply(event("browse", T0), 0, 7) is Applied.OPENED
    assert state.apply(event("browse", T0), 0, 7) is Applied.REPLAYED
    assert state.apply(event("browse", T0), 0, 6) is Applied.REPLAYED
    assert state.apply(event("browse", T0), 1, 0) is Applied.YES  # a new epoch counts offsets anew


def test_a_late_event_never_moves_the_position_back() -> None:
    events = [*watch("A", T0, 10), event("progress", T0 + 2 * MINUTE, "A", position_s=120, duration_s=2700)]
    assert fold(events).shows["A"].stats[s.POSITION_S] == 600


def test_a_late_event_never_moves_recency_back() -> None:
    state = fold([*watch("A", T0, 10), *watch("A", T0 - DAY, 10)])
    assert state.shows["A"].times[s.LAST_PLAY] == T0
    assert state.shows["A"].times[s.LAST_WATCHED] == T0 + 10 * MINUTE


def test_a_stop_that_comes_after_the_next_session_began_still_moves_its_place() -> None:
    *played, stop = watch("A", T0, 10)
    state = fold([*played, event("session_start", T0 + 20 * MINUTE, session_id="s2"), stop])
    assert state.shows["A"].stats[s.POSITION_S] == 600


def test_thirty_idle_minutes_end_a_session() -> None:
    assert fold([event("browse", T0), event("browse", T0 + 30 * MINUTE)]).facts[f.SESSIONS] == 1
    assert fold([event("browse", T0), event("browse", T0 + 30 * MINUTE + 1)]).facts[f.SESSIONS] == 2


def test_each_device_has_its_own_session() -> None:
    state = fold(
        [
            event("session_start", T0, session_id="tv1", device_id="living room"),
            event("session_start", T0 + 1000, session_id="ph1", device="phone", device_id="my phone"),
            event("browse", T0 + 2000, session_id="tv1", device_id="living room"),
        ]
    )
    assert state.facts[f.SESSIONS] == 2
    assert {d.session_id for d in state.devices.values()} == {"tv1", "ph1"}


def test_the_place_is_where_the_last_started_title_was_left() -> None:
    state = fold([*watch("A", T0, 10, episode=1), *watch("A", T0 + HOUR, 10, episode=2)])
    show = state.shows["A"]
    assert (show.title_id, show.stats[s.EPISODE], show.stats[s.POSITION_S]) == ("A.e2", 2, 600)


def test_a_glance_at_another_episode_leaves_the_place_where_it_is() -> None:
    state = fold([*watch("A", T0, 10, episode=1), *watch("A", T0 + HOUR, 1, episode=5)])
    assert (state.shows["A"].title_id, state.shows["A"].stats[s.POSITION_S]) == ("A.e1", 600)


def test_a_complete_finishes_the_title_and_the_same_play_does_not_take_it_back() -> None:
    state = fold(
        [
            *watch("A", T0, 40, episode=1),
            event("complete", T0 + 40 * MINUTE, "A", 1),
            event("stop", T0 + 40 * MINUTE + 5000, "A", 1, position_s=2405),
        ]
    )
    assert state.shows["A"].stats[s.COMPLETED] == 1


def test_watching_a_finished_film_again_takes_it_up_again() -> None:
    state = fold(
        [*watch("A", T0, 40), event("complete", T0 + 40 * MINUTE, "A"), *watch("A", T0 + DAY, 10, session_id="s2")]
    )
    assert (state.shows["A"].stats[s.COMPLETED], state.shows["A"].stats[s.POSITION_S]) == (0, 600)


def test_a_sleepers_place_is_kept_while_autoplay_runs_on() -> None:
    events = watch("A", T0, 45, episode=1)
    for number in range(2, 7):
        events += watch("A", T0 + number * HOUR, 45, episode=number, autoplay=True)
    # Sessions end after 30 idle minutes; a player that runs on is not idle.
    events = [dict(each, ts=T0 + index * MINUTE) for index, each in enumerate(events)]
    show = fold(events).shows["A"]
    assert (show.stats[s.EPISODE], show.stats[s.UNATTENDED]) == (2, 1)


def test_somebody_who_touches_the_player_is_there() -> None:
    events = watch("A", T0, 45, episode=1)
    for number in range(2, 5):
        events += watch("A", T0 + number * HOUR, 45, episode=number, autoplay=True)
    events = [dict(each, ts=T0 + index * MINUTE) for index, each in enumerate(events)]
    events.append(event("pause", T0 + len(events) * MINUTE, "A", 4, position_s=2700, duration_s=2700))
    show = fold(events).shows["A"]
    assert (show.stats[s.EPISODE], show.stats[s.UNATTENDED]) == (4, 0)


def test_a_dismissed_show_is_back_once_it_is_played_or_undismissed() -> None:
    played = watch("A", T0, 10)
    dismiss = event("dismiss", T0 + HOUR, "A")
    assert fold([*played, dismiss]).shows["A"].dismissed(T0 + DAY)
    assert not fold([*played, dismiss, event("undismiss", T0 + 2 * HOUR, "A")]).shows["A"].dismissed(T0 + DAY)
    again = event("play", T0 + 2 * HOUR, "A", position_s=600)
    assert not fold([*played, dismiss, again]).shows["A"].dismissed(T0 + DAY)


def test_a_dismissal_that_comes_late_does_not_undo_a_later_play() -> None:
    play = event("play", T0 + 2 * HOUR, "A", position_s=600)
    assert not fold([play, event("dismiss", T0 + HOUR, "A")]).shows["A"].dismissed(T0 + DAY)


def test_a_dismissal_keeps_the_progress() -> None:
    assert fold([*watch("A", T0, 10), event("dismiss", T0 + HOUR, "A")]).shows["A"].stats[s.POSITION_S] == 600


def test_a_snoozed_show_stays_out_until_its_time() -> None:
    show = fold([*watch("A", T0, 10), event("snooze", T0 + HOUR, "A", value=5)]).shows["A"]
    assert show.dismissed(T0 + 5 * HOUR)
    assert not show.dismissed(T0 + 6 * HOUR)


def test_the_ninth_device_takes_the_place_of_the_one_longest_unused() -> None:
    events = []
    for number in range(MAX_DEVICES + 1):
        events += watch("A", T0 + number * HOUR, 5, device_id=f"d{number}", session_id=f"s{number}")
    state = fold(events)
    assert sorted(state.devices) == [f"d{number}" for number in range(1, MAX_DEVICES + 1)]
    assert state.devices[f"d{MAX_DEVICES}"].slot == 0
    assert state.shows["A"].stats[s.DEVICE_PLAYS] == pytest.approx(1.0)


def test_a_session_tells_its_observer_when_it_opens_and_what_it_played_first() -> None:
    seen: list[tuple[str, str, int]] = []

    class Watcher:
        def session_opened(self, state: MemberState, device: Device, event: dict[str, Any]) -> None:
            seen.append(("opened", device.session_id, event["ts"]))

        def first_play(self, state: MemberState, device: Device, show: Show, play: Play) -> None:
            seen.append(("played", show.show_id, play.start_ts))

    state = MemberState()
    for each in [event("session_start", T0), *watch("A", T0, 0.5), *watch("B", T0 + MINUTE, 5)]:
        state.apply(each, observer=Watcher())
    assert seen == [("opened", "s1", T0), ("played", "B", T0 + MINUTE)]


def test_a_long_history_stays_bounded() -> None:
    events = []
    for number in range(MAX_SHOWS + 40):
        events += watch(f"show{number}", T0 + number * HOUR, 3, session_id=f"s{number}")
    state = fold(events)
    assert len(state.shows) == MAX_SHOWS
    assert "show0" not in state.shows
    assert len(encode_state(state)) < 64_000


def test_a_stored_state_that_cant_be_read_is_an_error_not_an_empty_state() -> None:
    data = encode_state(fold(watch("A", T0, 5)))
    for damaged in (b"", data[:10], data[: len(data) // 2], bytes([99]) + data[1:], data + b"x"):
        with pytest.raises(UndecodableState):
            decode_state(damaged)


KINDS = sorted(TYPES - {"row_viewed", "remove_from_list"})
IDS = st.sampled_from(["A", "B", "C"])
STRANGE = st.text(min_size=1, max_size=8).filter(lambda text: "\0" not in text)


@st.composite
def any_event(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(KINDS))
    show = draw(st.one_of(IDS, STRANGE))
    episode = draw(st.one_of(st.none(), st.integers(0, 30)))
    fields: dict[str, Any] = {}
    if kind in ("play", "progress", "pause", "seek", "stop"):
        fields["position_s"] = draw(st.floats(0, 9000))
        fields["duration_s"] = draw(st.one_of(st.none(), st.floats(1, 9000)))
        fields["autoplay"] = draw(st.booleans())
    if kind == "rate":
        fields["value"] = draw(st.sampled_from([-1, 0, 1, 2]))
    if kind == "snooze":
        fields["value"] = draw(st.floats(0.1, 1000))
    return event(
        kind,
        T0 + draw(st.integers(-3 * DAY, 30 * DAY)),
        None if kind.startswith("session") or kind == "browse" else show,
        episode,
        session_id=draw(st.sampled_from(["s1", "s2", "s3"])),
        device=draw(st.sampled_from(["tv", "phone", "web"])),
        tz=draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Nowhere/At_All"])),
        **fields,
    )


@given(st.lists(any_event(), max_size=60))
@settings(max_examples=150, deadline=None)
def test_encoding_and_decoding_is_the_identity(events: list[dict[str, Any]]) -> None:
    state = fold(events)
    data = encode_state(state)
    assert encode_state(decode_state(data)) == data
    again = decode_state(data)
    assert (again.shows, again.facts, again.offset) == (state.shows, state.facts, state.offset)


@given(st.lists(any_event(), max_size=40), st.data())
@settings(max_examples=100, deadline=None)
def test_a_stored_state_goes_on_like_one_that_stayed_in_memory(
    events: list[dict[str, Any]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    stored = decode_state(encode_state(fold(events[:cut])))
    for each in events[cut:]:
        stored.apply(each)
    assert encode_state(stored) == encode_state(fold(events))


@given(st.lists(any_event(), max_size=40), st.data())
@settings(max_examples=100, deadline=None)
def test_repeating_any_event_later_changes_nothing(events: list[dict[str, Any]], data: st.DataObject) -> None:
    state = fold(events)
    before = encode_state(state)
    if events:
        assert state.apply(data.draw(st.sampled_from(events))) is Applied.REPEATED_ID
    assert encode_state(state) == before


@given(st.lists(any_event(), max_size=40))
@settings(max_examples=100, deadline=None)
def test_neither_position_nor_recency_goes_back_in_time(events: list[dict[str, Any]]) -> None:
    state = MemberState()
    for each in events:
        before = {
            show_id: (show.times[s.LAST_EVENT], show.times[s.LAST_WATCHED]) for show_id, show in state.shows.items()
        }
        places = {show_id: show.stats[s.POSITION_S] for show_id, show in state.shows.items()}
        state.apply(each)
        for show_id, (last_event, last_watched) in before.items():
            show = state.shows[show_id]
            assert show.times[s.LAST_EVENT] >= last_event
            assert show.times[s.LAST_WATCHED] >= last_watched
            if each["ts"] < last_event:
                assert show.stats[s.POSITION_S] == places[show_id]


@given(st.permutations(["dismiss A", "rate B", "add_to_list C", "watch D", "snooze E", "undismiss A"]))
def test_the_order_in_which_unrelated_events_arrive_does_not_matter(order: list[str]) -> None:
    moments = {"dismiss A": 1, "rate B": 2, "add_to_list C": 3, "watch D": 4, "snooze E": 5, "undismiss A": 6}
    events = [event("session_start", T0)]
    for name in order:
        kind, show = name.split()
        at = T0 + moments[name] * MINUTE
        if kind == "watch":
            events += watch(show, at, 3)
        else:
            events.append(event(kind, at, show, **({"value": 2} if kind in ("rate", "snooze") else {})))
    shows = fold(events).shows
    assert shows["B"].stats[s.RATING] == 2
    assert shows["C"].stats[s.LISTED_NOW] == 1
    assert shows["D"].stats[s.POSITION_S] == 180
    assert shows["D"].stats[s.PLAYS] == 1
    assert shows["E"].dismissed(T0 + HOUR)
    assert not shows["A"].dismissed(T0 + HOUR)
