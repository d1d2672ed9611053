"""The decision itself: the moment, the device, the member. Read by the continuation model, some by the ranker too."""

from collections.abc import Callable

import numpy as np

from streams import facts as f
from streams import show as s
from streams.features import place
from streams.features.batch import F64, NEVER_H, Batch, ratio
from streams.features.registry import candidate, context, shared

MOMENT = "moment"
MEMBER = "member"
PROFILE = "profile"


def _hours_since_fact(b: Batch, column: int) -> F64:
    then = b.facts[:, column]
    return np.where(then > 0, np.maximum(0.0, (b.now("now_ms") - then) / 3_600_000.0), NEVER_H)


@context(MOMENT, "hour of the day in the member's zone, [0, 24)")
def hour(b: Batch) -> F64:
    return b.now("hour")


@context(MOMENT, "weekday, Monday 0")
def weekday(b: Batch) -> F64:
    return b.now("weekday")


@context(MOMENT, "device type: 0 tv, 1 phone, 2 tablet, 3 web, 4 console, 5 other")
def device(b: Batch) -> F64:
    return b.now("device")


@context(MOMENT, "candidates of the decision")
def candidates(b: Batch) -> F64:
    return b.now("candidates")


@context(MOMENT, "candidates that the row may show")
def candidates_in_row(b: Batch) -> F64:
    return b.total((b.card("reason") > 0).astype(np.float64))


@context(MOMENT, "ln(1 + hours since the end of the member's session before)")
@shared
def since_session(b: Batch) -> F64:
    return np.log1p(_hours_since_fact(b, f.PREVIOUS_END))


@context(MOMENT, "ln(1 + hours since the member's last counted play began)")
def since_counted(b: Batch) -> F64:
    return np.log1p(_hours_since_fact(b, f.LAST_COUNTED))


@context(MOMENT, "since_session less the member's usual gap between sessions")
def session_lateness(b: Batch) -> F64:
    return since_session(b) - b.facts[:, f.SESSION_GAP_LOG]


@context(MEMBER, "ln(1 + days since the member's first event)")
def tenure(b: Batch) -> F64:
    return np.log1p(_hours_since_fact(b, f.FIRST_EVENT) / 24.0)


@context(MEMBER, "sessions with a play")
def watch_sessions(b: Batch) -> F64:
    return b.facts[:, f.WATCH_SESSIONS]


@context(MEMBER, "sessions with a play, half-life 7 days")
def recent_sessions(b: Batch) -> F64:
    return b.facts[:, f.RECENT_SESSIONS] * _week(b)


@context(MEMBER, "sessions that opened with a new show, half-life 7 days, as a share of recent_sessions")
def recent_discovery_share(b: Batch) -> F64:
    return ratio(b.facts[:, f.RECENT_DISCOVERIES], b.facts[:, f.RECENT_SESSIONS], unknown=-1.0)


@context(MEMBER, "share of sessions that opened by continuing, over the whole history")
def continued_share(b: Batch) -> F64:
    return ratio(b.facts[:, f.CONTINUED] + 1.5, b.facts[:, f.WATCH_SESSIONS] + 2.0)


@context(MEMBER, "the same over the last few sessions")
def continued_fast(b: Batch) -> F64:
    return b.facts[:, f.CONTINUED_FAST]


@context(MEMBER, "the same over some twenty sessions")
def continued_slow(b: Batch) -> F64:
    return b.facts[:, f.CONTINUED_SLOW]


@context(MEMBER, "1 where the last session opened with a new show")
def last_was_new(b: Batch) -> F64:
    return b.facts[:, f.LAST_WAS_NEW]


@context(MEMBER, "how often the show last played opened the next session, over some ten sessions")
def recency_right(b: Batch) -> F64:
    return b.facts[:, f.RECENCY_RIGHT]


@context(MEMBER, "how often the show last played on the device did")
def device_recency_right(b: Batch) -> F64:
    return b.facts[:, f.DEVICE_RECENCY_RIGHT]


@context(MEMBER, "counted plays a session, over some ten sessions")
def session_plays(b: Batch) -> F64:
    return b.facts[:, f.SESSION_PLAYS]


@context(MEMBER, "usual ln(1 + hours) between sessions")
def session_gap(b: Batch) -> F64:
    return b.facts[:, f.SESSION_GAP_LOG]


@context(MEMBER, "shows ever played, for each play: how broadly the member watches")
@shared
def breadth(b: Batch) -> F64:
    return ratio(b.facts[:, f.SHOWS], b.facts[:, f.PLAYS])


@context(MEMBER, "share of plays that are films")
def film_share(b: Batch) -> F64:
    return ratio(b.facts[:, f.FILM_PLAYS], b.facts[:, f.PLAYS])


@context(MEMBER, "share of plays that the player started")
def member_autoplay_share(b: Batch) -> F64:
    return ratio(b.facts[:, f.AUTOPLAYS], b.facts[:, f.PLAYS])


@context(MEMBER, "share of plays found by searching")
def member_search_share(b: Batch) -> F64:
    return ratio(b.facts[:, f.SEARCHES], b.facts[:, f.PLAYS])


@context(MEMBER, "titles completed, a play")
def completion(b: Batch) -> F64:
    return ratio(b.facts[:, f.COMPLETES], b.facts[:, f.PLAYS])


@context(MEMBER, "minutes a play")
def member_minutes_a_play(b: Batch) -> F64:
    return ratio(b.facts[:, f.WATCHED_S], b.facts[:, f.PLAYS]) / 60


@context(MEMBER, "devices that are told apart")
def devices(b: Batch) -> F64:
    return b.now("devices")


@context(MEMBER, "share of the member's plays on this very device, half-life 90 days")
@shared
def device_use(b: Batch) -> F64:
    plays = b.facts[:, f.DEVICE_PLAYS : f.DEVICE_PLAYS + s.MAX_DEVICES]
    here = plays[np.arange(b.decisions), b.now("slot").astype(np.int64)]
    return ratio(here, plays.sum(axis=1))


@context(MEMBER, "share of the member's plays on the device used most, half-life 90 days")
def main_device_use(b: Batch) -> F64:
    plays = b.facts[:, f.DEVICE_PLAYS : f.DEVICE_PLAYS + s.MAX_DEVICES]
    return ratio(plays.max(axis=1), plays.sum(axis=1))


@context(MEMBER, "share of the member's sessions at about this hour")
def hour_use(b: Batch) -> F64:
    bins = b.facts[:, f.HOUR_SESSIONS : f.HOUR_SESSIONS + s.HOUR_BINS]
    now_bin = (b.now("hour") * s.HOUR_BINS / 24.0).astype(np.int64)
    return ratio(bins[np.arange(b.decisions), now_bin], bins.sum(axis=1))


@context(PROFILE, "ln(1 + days since the member signed up); 0 unknown")
def signed_up(b: Batch) -> F64:
    then = b.now("signed_up_ms")
    days = np.maximum(0.0, b.now("now_ms") - then) / 86_400_000.0
    return np.where(then > 0, np.log1p(days), 0.0)


@context(PROFILE, "languages that the member watches in; 0 unknown")
def languages(b: Batch) -> F64:
    return b.now("languages")


@context(PROFILE, "1 for a child's profile")
def kids(b: Batch) -> F64:
    return b.now("kids")


@context(PROFILE, "the country: 26 × its first letter + its second, A 0; -1 unknown")
def country(b: Batch) -> F64:
    return b.now("country")


@context("last show", "how far through its title the show last watched is")
def last_through(b: Batch) -> F64:
    return b.first(place.through(b))


@context("last show", "plays in its last session of the show last watched: in the middle of a binge")
def last_run(b: Batch) -> F64:
    return b.first(b.stat(s.RUN))


@context("last show", "its plays, half-life 5 days")
def last_decayed_5(b: Batch) -> F64:
    return b.first(b.decayed_5)


@context("last show", "the card of the show last watched: 0 not in the row, 1 resume, 2 next episode, 3 new episode")
def last_card(b: Batch) -> F64:
    return b.first(b.card("reason"))


@context("last show", "plays of anything that can be continued, half-life 5 days")
def all_decayed_5(b: Batch) -> F64:
    return b.total(b.decayed_5)


def _week(b: Batch) -> F64:
    return np.exp2(-_hours_since_fact(b, f.LAST_COUNTED) / (24.0 * 7.0))


# What the ranker weighs its candidates by: the same columns, for each candidate.
_FOR_CANDIDATES: tuple[tuple[Callable[[Batch], F64], str], ...] = (
    (hour, "hour of the day"),
    (weekday, "weekday"),
    (device, "device type"),
    (candidates, "candidates of the decision"),
    (since_session, "ln(1 + hours since the session before)"),
    (recency_right, "how often the show last played opened the next session"),
    (device_recency_right, "how often the show last played on the device did"),
    (devices, "devices of the member"),
    (device_use, "share of the member's plays on this device"),
    (session_plays, "counted plays a session"),
    (breadth, "shows ever played, for each play"),
    (continued_slow, "share of sessions that opened by continuing"),
    (last_was_new, "1 where the last session opened with a new show"),
)
for _column, _meaning in _FOR_CANDIDATES:

    def _of_candidate(b: Batch, column: Callable[[Batch], F64] = _column) -> F64:
        return b.each(column(b))

    _of_candidate.__name__ = f"decision_{_column.__name__}"
    candidate("decision", _meaning)(_of_candidate)
