"""How lately: of the show, on any device and on this one."""

import numpy as np

from streams import facts as f
from streams import show as s
from streams.features.batch import F64, I64, Batch
from streams.features.registry import candidate

GROUP = "recency"


@candidate(GROUP, "place in the order of last watching, 0 for the show last watched: the baseline to beat")
def recency_rank(b: Batch) -> I64:
    return b.recency_rank


@candidate(GROUP, "ln(1 + hours since the show was last watched)")
def since_watched(b: Batch) -> F64:
    return b.log_since_watched


@candidate(GROUP, "ln(1 + hours since its last counted play began)")
def since_play(b: Batch) -> F64:
    return b.log_since_play


@candidate(GROUP, "ln(1 + hours since its last play in an earlier session than the last one)")
def since_previous_play(b: Batch) -> F64:
    return np.log1p(b.hours_since(s.PREVIOUS_PLAY))


@candidate(GROUP, "ln(1 + hours since it was first played)")
def since_first_play(b: Batch) -> F64:
    return np.log1p(b.hours_since(s.FIRST_PLAY))


@candidate(GROUP, "hours between the show last watched and this one, as a difference of logarithms")
def behind_newest(b: Batch) -> F64:
    hours = b.log_since_watched
    return hours - b.each(b.first(hours))


@candidate(GROUP, "sessions with a play since the one that last played it")
def sessions_since(b: Batch) -> F64:
    return b.fact(f.WATCH_SESSIONS) - b.stat(s.SESSION_INDEX)


@candidate(GROUP, "counted plays of anything since its last")
def plays_since(b: Batch) -> F64:
    return b.fact(f.PLAYS) - b.stat(s.PLAY_INDEX)


@candidate(GROUP, "1 where it was opened again, too briefly to count, after its last counted play")
def glimpsed_since(b: Batch) -> F64:
    return (b.times[:, s.LAST_EVENT] > b.times[:, s.LAST_WATCHED] + 1000).astype(np.float64)


@candidate("device", "ln(1 + hours since it was last played on this very device)")
def since_play_here(b: Batch) -> F64:
    return b.log_since_here


@candidate("device", "place in the order of last play on this very device")
def recency_rank_here(b: Batch) -> I64:
    return b.rank(-b.hours_since_here)


@candidate("device", "hours between its last play anywhere and here, as a difference of logarithms")
def left_this_device(b: Batch) -> F64:
    return b.log_since_here - b.log_since_play


@candidate("device", "1 where it was the show last played on this device")
def last_here(b: Batch) -> F64:
    return (b.show_hashes == b.each(b.now("device_last_show"))).astype(np.float64)
