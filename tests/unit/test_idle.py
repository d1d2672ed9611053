"""When a session ends by itself: nothing for 30 minutes, unless something is playing."""

from eventlog import HOUR, MINUTE, T0, event

from streams import facts as f
from streams import show as s
from streams.member import MemberState


def fold(*events: dict[str, object]) -> MemberState:
    state = MemberState()
    for each in events:
        state.apply(each)
    return state


def test_a_film_without_progress_events_is_watched_in_one_session() -> None:
    """A player that only says play and stop is silent for longer than the idle time."""
    state = fold(event("play", T0, "A", position_s=0), event("stop", T0 + 2 * HOUR, "A", position_s=7200))
    assert state.facts[f.SESSIONS] == 1
    assert state.shows["A"].stats[s.WATCHED_S] == 7200


def test_a_player_left_paused_for_over_half_an_hour_begins_a_session() -> None:
    state = fold(
        event("play", T0, "A", position_s=0),
        event("pause", T0 + 5 * MINUTE, "A", position_s=300),
        event("play", T0 + 36 * MINUTE, "A", position_s=300),
    )
    assert state.facts[f.SESSIONS] == 2


def test_a_player_silent_for_a_night_was_not_playing() -> None:
    state = fold(event("play", T0, "A", position_s=0), event("stop", T0 + 9 * HOUR, "A", position_s=600))
    assert state.facts[f.SESSIONS] == 2
    assert state.shows["A"].stats[s.WATCHED_S] == 0
