"""What a counted play adds to the numbers of its show and of the member."""

from array import array
from functools import lru_cache
from math import log1p
from typing import Final, TypeAlias
from zlib import crc32

from streams import facts as f
from streams import show as s
from streams.device import Device, Play
from streams.localtime import DAY_MS, local_hour
from streams.show import HALF_LIVES_DAYS, HOUR_BINS, MAX_DEVICES, Show

Facts: TypeAlias = "array[float]"

_FAST: Final = 0.3  # weights of exponential means
_SLOW: Final = 0.05
_HABIT: Final = 0.1
_GAP: Final = 0.3


def count_session_length(facts: Facts, plays: int) -> None:
    """Counts a session that is over, by its counted plays; one without any says nothing."""
    if plays:
        facts[f.SESSION_PLAYS] += _HABIT * (plays - facts[f.SESSION_PLAYS])


def count_play(facts: Facts, show: Show, play: Play, device: Device, tz: str, last_show: str) -> None:
    """Counts a play that has lasted long enough. `last_show` is that of the member's counted play before."""
    stats, times = show.stats, show.times
    at = play.start_ts
    first_of_session = not device.first_show
    known = times[s.LAST_PLAY] > 0
    hour, weekday = local_hour(at, tz)
    hour_bin = int(hour) * HOUR_BINS // 24
    _decay_facts(facts, at)
    _decay_show(show, at)
    if first_of_session:
        _count_session(facts, show, device, at, known, hour_bin, last_show)
    if not known:
        facts[f.SHOWS] += 1
        times[s.FIRST_PLAY] = at
    gap_ms = at - times[s.LAST_PLAY]
    if not known or times[s.LAST_PLAY] < device.session_start:
        stats[s.SESSIONS] += 1
        stats[s.RUN] = 0.0
        if known and gap_ms > 0:
            times[s.PREVIOUS_PLAY] = times[s.LAST_PLAY]
            _count_gap(stats, gap_ms / 3_600_000)
    stats[s.RUN] += 1
    stats[s.LONGEST_RUN] = max(stats[s.LONGEST_RUN], stats[s.RUN])
    stats[s.PLAYS] += 1
    stats[s.AUTOPLAYS] += play.autoplay
    stats[s.SEARCHES] += play.source == "search"
    stats[s.ROW_PLAYS] += play.source == "row"
    for column in range(s.DECAYED_1, s.DECAYED_90 + 1):
        stats[column] += 1.0
    stats[s.DEVICE_PLAYS + device.slot] += 1.0
    stats[s.DEVICE_LAST + device.slot] = s.hours_since_origin(at)
    stats[s.HOUR_PLAYS + hour_bin] += 1.0
    stats[s.WEEKDAY_PLAYS + weekday] += 1.0
    times[s.LAST_PLAY] = max(times[s.LAST_PLAY], at)
    facts[f.PLAYS] += 1
    facts[f.AUTOPLAYS] += play.autoplay
    facts[f.SEARCHES] += play.source == "search"
    facts[f.FILM_PLAYS] += not stats[s.IS_SERIES]
    facts[f.DEVICE_PLAYS + device.slot] += 1.0
    facts[f.LAST_COUNTED] = max(facts[f.LAST_COUNTED], at)
    stats[s.SESSION_INDEX] = facts[f.WATCH_SESSIONS]
    stats[s.PLAY_INDEX] = facts[f.PLAYS]
    device.session_plays += 1
    device.last_show = show.show_id


def _count_session(
    facts: Facts, show: Show, device: Device, at: int, known: bool, hour_bin: int, last_show: str
) -> None:
    """The session's first counted play: what it says of the member's habits."""
    if facts[f.LAST_COUNTED]:
        gap_hours = max(0, device.session_start - facts[f.PREVIOUS_END]) / 3_600_000
        facts[f.SESSION_GAP_LOG] += _HABIT * (log1p(gap_hours) - facts[f.SESSION_GAP_LOG])
    for column, weight in ((f.CONTINUED_FAST, _FAST), (f.CONTINUED_SLOW, _SLOW)):
        facts[column] += weight * (known - facts[column])
    if known:
        facts[f.CONTINUED] += 1
        facts[f.RECENCY_RIGHT] += _HABIT * ((show.show_id == last_show) - facts[f.RECENCY_RIGHT])
        if device.last_show:
            right = show.show_id == device.last_show
            facts[f.DEVICE_RECENCY_RIGHT] += _HABIT * (right - facts[f.DEVICE_RECENCY_RIGHT])
    else:
        facts[f.RECENT_DISCOVERIES] += 1
    facts[f.LAST_WAS_NEW] = not known
    facts[f.WATCH_SESSIONS] += 1
    facts[f.RECENT_SESSIONS] += 1
    facts[f.HOUR_SESSIONS + hour_bin] += 1.0
    device.first_show = show.show_id
    show.stats[s.FIRSTS] += 1
    show.stats[s.RECENT_FIRSTS] += 1
    if last_show and last_show != show.show_id:
        _count_pair(show, pair_hash(last_show))


def _decay_facts(facts: Facts, at: int) -> None:
    days = (at - facts[f.LAST_COUNTED]) / DAY_MS
    if not facts[f.LAST_COUNTED] or days <= 0:
        return
    week, quarter = 0.5 ** (days / 7), 0.5 ** (days / 90)
    facts[f.RECENT_SESSIONS] *= week
    facts[f.RECENT_DISCOVERIES] *= week
    _scale(facts, range(f.DEVICE_PLAYS, f.FACT_COLUMNS), quarter)


def _scale(numbers: Facts, columns: range, factor: float) -> None:
    """Most of these are zero, and stay so."""
    for column in columns:
        if value := numbers[column]:
            numbers[column] = value * factor


@lru_cache(maxsize=1 << 16)
def pair_hash(show_id: str) -> float:
    """A 24-bit hash of a show, exact in float32; never 0, which means none."""
    return float((crc32(show_id.encode()) & 0xFFFFFF) or 1)


def _decay_show(show: Show, at: int) -> None:
    stats, last = show.stats, show.times[s.LAST_PLAY]
    days = (at - last) / DAY_MS
    if not last or days <= 0:
        return
    for column, half_life in zip(range(s.DECAYED_1, s.DECAYED_90 + 1), HALF_LIVES_DAYS, strict=True):
        stats[column] *= 0.5 ** (days / half_life)
    recent, quarter = 0.5 ** (days / 20), 0.5 ** (days / 90)
    stats[s.DECAYED_WATCH] *= recent
    stats[s.RECENT_FIRSTS] *= recent
    _scale(stats, range(s.DEVICE_PLAYS, s.DEVICE_PLAYS + MAX_DEVICES), quarter)
    _scale(stats, range(s.HOUR_PLAYS, s.STAT_COLUMNS), quarter)


def _count_gap(stats: "array[float]", hours: float) -> None:
    log_gap = log1p(hours)
    weight = 1.0 if not stats[s.GAPS] else _GAP
    stats[s.GAPS] += 1
    stats[s.RETURNS] += hours > 14 * 24
    stats[s.GAP_LOG_MEAN] += weight * (log_gap - stats[s.GAP_LOG_MEAN])
    stats[s.GAP_LOG_SQUARE] += weight * (log_gap * log_gap - stats[s.GAP_LOG_SQUARE])


def _count_pair(show: Show, before: float) -> None:
    """Two counters for the shows that most often came before, after Misra and Gries (1982)."""
    stats = show.stats
    for hashed, count in ((s.PAIR_HASH_1, s.PAIR_COUNT_1), (s.PAIR_HASH_2, s.PAIR_COUNT_2)):
        if stats[hashed] == before or not stats[count]:
            stats[hashed] = before
            stats[count] += 1
            return
    stats[s.PAIR_COUNT_1] -= 1
    stats[s.PAIR_COUNT_2] -= 1
