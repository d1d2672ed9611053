"""What is remembered of a member as a whole: one flat array of float64, the names below its column numbers."""

from array import array
from typing import Final

from streams.show import HOUR_BINS, MAX_DEVICES

(
    FIRST_EVENT,  # ms
    LAST_ACTIVITY,  # ms, newest event
    PREVIOUS_END,  # ms, newest event before the newest session opened; 0 in the first session
    SESSIONS,
    WATCH_SESSIONS,  # sessions with a counted play
    CONTINUED,  # of them, those whose first play was of a show played before
    PLAYS,
    WATCHED_S,
    SHOWS,  # shows ever played
    AUTOPLAYS,
    SEARCHES,
    COMPLETES,
    CONTINUED_FAST,  # exponential mean of `continued`, weight 0.3
    CONTINUED_SLOW,  # weight 0.05
    RECENCY_RIGHT,  # exponential mean, weight 0.1: the first play was the show played last
    DEVICE_RECENCY_RIGHT,  # likewise: the show played last on that device
    SESSION_PLAYS,  # exponential mean of counted plays a session, weight 0.1
    SESSION_GAP_LOG,  # exponential mean of ln(1 + hours between sessions), weight 0.1
    RECENT_SESSIONS,  # sessions with a play, half-life 7 days, as of LAST_COUNTED
    RECENT_DISCOVERIES,  # sessions that opened with a new show, half-life 7 days, as of LAST_COUNTED
    LAST_COUNTED,  # ms, start of the newest counted play
    FILM_PLAYS,
    LAST_WAS_NEW,  # 1 where the last session with a play opened with a new show
    DEVICE_PLAYS,  # + device slot: counted plays there, half-life 90 days, as of LAST_COUNTED
) = range(24)
HOUR_SESSIONS: Final = DEVICE_PLAYS + MAX_DEVICES  # + hour bin: sessions with a play, half-life 90 days
FACT_COLUMNS: Final = HOUR_SESSIONS + HOUR_BINS


def no_facts() -> "array[float]":
    """Facts of a member of whom nothing is known yet."""
    return array("d", bytes(8 * FACT_COLUMNS))
