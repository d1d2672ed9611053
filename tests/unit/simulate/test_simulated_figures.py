"""The figures of a simulated population: measured rightly, and near those of real viewing."""

from typing import Any

import pytest

from streams.clients.simulate.log import FILE_UNTIL_MS, Log
from streams.clients.simulate.statistics import Statistics

MINUTE, DAY = 60_000, 86_400_000
T0 = 1_790_000_000_000
# How far a figure of a population of a few hundred may be from the real one, in the figure's unit.
TOLERANCES = {
    "shows played once, %": 5,
    "plays a session, p25": 0,
    "plays a session, median": 0,
    "plays a session, p75": 0,
    "plays a session, p90": 1,
    "hours between sessions, p25": 0.8,
    "hours between sessions, median": 2.5,
    "hours between sessions, p75": 2,
    "hours between sessions, p90": 12,
    "minutes a play, p25": 2.5,
    "minutes a play, median": 3,
    "minutes a play, p75": 4,
    "minutes a play, p90": 4,
    "plays started by autoplay, %": 3,
    "plays of series, %": 5,
    "candidates a session (30 days), median": 2,
    "a show on its main device, %": 5,
    "plays on tv, %": 6,
    "plays on phone, %": 6,
    "plays on web, %": 5,
    "plays on tablet, %": 3,
    "sessions that continue a show, %": 4,
    "… recency has it first, %": 4,
    "… mean reciprocal rank of recency": 0.03,
}


def session(number: int, start: int, *plays: tuple[str, int, bool], device: str = "tv") -> list[dict[str, Any]]:
    """Events of one session with plays (show, minutes, autoplay) one after the other."""
    events: list[dict[str, Any]] = []

    def add(kind: str, ts: int, **fields: Any) -> None:
        events.append({"type": kind, "event_id": f"{number}-{len(events)}", "member_id": "h/m",
                       "session_id": str(number), "ts": ts, "device": device, **fields})  # fmt: skip

    add("session_start", start)
    at = start
    for show, minutes, autoplay in plays:
        season = None if show.startswith("film") else 1
        title = {"title_id": show, "show_id": show, "season": season, "autoplay": autoplay}
        add("play", at, **title)
        at += minutes * MINUTE
        add("stop", at, **title)
    return events


def figures(*sessions: list[dict[str, Any]]) -> dict[str, float | None]:
    statistics = Statistics()
    for event in (event for events in sessions for event in events):
        statistics.observe(event)
    return {line.name: line.measured for line in statistics.lines()}


def test_figures_of_a_log_written_by_hand() -> None:
    measured = figures(
        session(1, T0, ("a", 30, False), ("a", 30, True), ("film", 90, False)),
        session(2, T0 + DAY, ("a", 20, False)),  # the film is more recent: recency has a second
        session(3, T0 + 2 * DAY, ("a", 20, False), device="phone"),
        session(4, T0 + 3 * DAY, ("b", 40, False)),  # something new
    )
    assert measured["shows played once, %"] == 66.7
    assert measured["plays a session, median"] == 1
    assert measured["plays started by autoplay, %"] == 16.7
    assert measured["plays of series, %"] == 83.3
    assert measured["minutes a play, median"] == 30
    assert measured["hours between sessions, median"] == 23.7
    assert measured["candidates a session (30 days), median"] == 2
    assert measured["a show on its main device, %"] == 75
    assert measured["sessions that continue a show, %"] == 66.7
    assert measured["… recency has it first, %"] == 50
    assert measured["… mean reciprocal rank of recency"] == 0.75


def test_a_play_under_a_minute_is_browsing() -> None:
    measured = figures(session(1, T0, ("a", 30, False), ("b", 0, False)))
    assert measured["plays of series, %"] == 100
    assert measured["plays a session, median"] == 1


def test_a_show_played_more_than_thirty_days_ago_is_no_candidate() -> None:
    measured = figures(session(1, T0, ("a", 30, False)), session(2, T0 + 31 * DAY, ("a", 30, False)))
    assert measured["sessions that continue a show, %"] is None


def test_an_empty_log_has_no_figures() -> None:
    assert set(figures().values()) == {None}


@pytest.fixture(scope="module", params=[1, 2])
def measured(request: pytest.FixtureRequest) -> dict[str, tuple[float, float | None]]:
    log, statistics = Log(300, 60, request.param, FILE_UNTIL_MS), Statistics()
    for to_ms in range(log.start_ms, log.until_ms + 1, DAY):
        for _, event in log.advance(to_ms):
            statistics.observe(event)
    return {line.name: (line.real, line.measured) for line in statistics.lines()}


def test_a_population_is_near_real_viewing_in_every_figure(measured: dict[str, tuple[float, float | None]]) -> None:
    assert measured.keys() == TOLERANCES.keys()
    off = {name: (real, here) for name, (real, here) in measured.items()
           if here is None or abs(here - real) > TOLERANCES[name] + 1e-9}  # fmt: skip
    assert not off
