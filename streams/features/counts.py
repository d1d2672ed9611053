"""How much: plays, sessions and time, over the whole history and fading."""

import numpy as np

from streams import show as s
from streams.features.batch import F64, I64, Batch, ratio
from streams.features.registry import candidate

GROUP = "counts"


@candidate(GROUP, "counted plays")
def plays(b: Batch) -> F64:
    return b.stat(s.PLAYS)


@candidate(GROUP, "sessions with a play of it")
def sessions(b: Batch) -> F64:
    return b.stat(s.SESSIONS)


@candidate(GROUP, "share of its sessions that it opened")
def first_share(b: Batch) -> F64:
    return ratio(b.stat(s.FIRSTS), b.stat(s.SESSIONS))


@candidate(GROUP, "sessions that it opened, half-life 20 days")
def recent_firsts(b: Batch) -> F64:
    return b.recent_firsts


@candidate(GROUP, "its share of recent_firsts among the candidates")
def recent_firsts_share(b: Batch) -> F64:
    return b.share(b.recent_firsts)


@candidate(GROUP, "plays, half-life 1 day")
def decayed_1(b: Batch) -> F64:
    return b.decayed(s.DECAYED_1, 1.0)


@candidate(GROUP, "plays, half-life 5 days")
def decayed_5(b: Batch) -> F64:
    return b.decayed_5


@candidate(GROUP, "plays, half-life 20 days")
def decayed_20(b: Batch) -> F64:
    return b.decayed_20


@candidate(GROUP, "plays, half-life 90 days")
def decayed_90(b: Batch) -> F64:
    return b.decayed(s.DECAYED_90, 90.0)


@candidate(GROUP, "its share of decayed_5 among the candidates")
def decayed_5_share(b: Batch) -> F64:
    return b.share(b.decayed_5)


@candidate(GROUP, "its share of decayed_20 among the candidates")
def decayed_20_share(b: Batch) -> F64:
    return b.share(b.decayed_20)


@candidate(GROUP, "place by decayed_5")
def decayed_5_rank(b: Batch) -> I64:
    return b.rank(b.decayed_5)


@candidate(GROUP, "hours watched")
def watched_hours(b: Batch) -> F64:
    return b.stat(s.WATCHED_S) / 3600


@candidate(GROUP, "its share among the candidates of seconds watched, half-life 20 days")
def watched_share(b: Batch) -> F64:
    return b.share(b.decayed(s.DECAYED_WATCH, 20.0))


@candidate(GROUP, "minutes watched in its last counted play")
def last_watch_minutes(b: Batch) -> F64:
    return b.stat(s.LAST_WATCH_S) / 60


@candidate(GROUP, "mean minutes a play")
def minutes_a_play(b: Batch) -> F64:
    return ratio(b.stat(s.WATCHED_S), b.stat(s.PLAYS)) / 60


@candidate(GROUP, "plays in its last session")
def run(b: Batch) -> F64:
    return b.stat(s.RUN)


@candidate(GROUP, "most plays in one session")
def longest_run(b: Batch) -> F64:
    return b.stat(s.LONGEST_RUN)


@candidate(GROUP, "plays a session with it: how much it is binged")
def plays_a_session(b: Batch) -> F64:
    return ratio(b.stat(s.PLAYS), b.stat(s.SESSIONS))


@candidate(GROUP, "share of its plays that the player started")
def autoplay_share(b: Batch) -> F64:
    return ratio(b.stat(s.AUTOPLAYS), b.stat(s.PLAYS))


@candidate(GROUP, "share of its plays found by searching")
def search_share(b: Batch) -> F64:
    return ratio(b.stat(s.SEARCHES), b.stat(s.PLAYS))


@candidate(GROUP, "share of its plays started from the row")
def row_share(b: Batch) -> F64:
    return ratio(b.stat(s.ROW_PLAYS), b.stat(s.PLAYS))


@candidate(GROUP, "rating, -1 to 2; 0 where unrated")
def rating(b: Batch) -> F64:
    return b.stat(s.RATING)


@candidate(GROUP, "1 where it stands in the member's list")
def listed(b: Batch) -> F64:
    return b.stat(s.LISTED_NOW)


@candidate(GROUP, "1 where it was dismissed and neither played nor undismissed since")
def dismissed(b: Batch) -> F64:
    back = np.maximum(b.times[:, s.UNDISMISSED], b.times[:, s.LAST_STARTED])
    return (b.times[:, s.DISMISSED] > back).astype(np.float64)
