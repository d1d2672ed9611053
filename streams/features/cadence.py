"""When next: the show's own rhythm and how late it is against it."""

import numpy as np

from streams import show as s
from streams.features.batch import F64, Batch, ratio
from streams.features.registry import candidate, shared

GROUP = "cadence"
_PRIOR_GAPS = 2.0  # gaps' worth of the population's rhythm mixed into the show's own
_NO_GAP_LOG = np.log1p(72.0)  # where nothing is known of the show: three days


@candidate(GROUP, "gaps between its sessions that were seen")
def gaps(b: Batch) -> F64:
    return b.stat(s.GAPS)


@candidate(GROUP, "its usual gap: recent mean of ln(1 + hours); 0 where it has had one session only")
def usual_gap(b: Batch) -> F64:
    return b.stat(s.GAP_LOG_MEAN)


@candidate(GROUP, "usual gap shrunk towards that of all members with the show")
@shared
def expected_gap(b: Batch) -> F64:
    known = b.usual("gap_log_mean")
    prior = np.where(known > 0, known, _NO_GAP_LOG)
    seen = np.minimum(b.stat(s.GAPS), 8.0)
    return (seen * b.stat(s.GAP_LOG_MEAN) + _PRIOR_GAPS * prior) / (seen + _PRIOR_GAPS)


@candidate(GROUP, "how late it is: ln(1 + hours since its last play) less the expected gap")
def lateness(b: Batch) -> F64:
    return b.log_since_play - expected_gap(b)


@candidate(GROUP, "how regular it is: deviation of ln(1 + gap); -1 with fewer than two gaps")
def gap_deviation(b: Batch) -> F64:
    mean = b.stat(s.GAP_LOG_MEAN)
    deviation = np.sqrt(np.maximum(0.0, b.stat(s.GAP_LOG_SQUARE) - mean * mean))
    return np.where(b.stat(s.GAPS) >= 2, deviation, -1.0)


@candidate(GROUP, "ln(1 + hours) between its last session but one and its last play: taken up again; 0 with one only")
def last_gap(b: Batch) -> F64:
    before = b.times[:, s.PREVIOUS_PLAY]
    hours = np.maximum(0, b.times[:, s.LAST_PLAY] - before) / 3_600_000.0
    return np.log1p(np.where(before > 0, hours, 0.0))


@candidate(GROUP, "hours since its last play, distance to the nearest whole number of days, in hours")
def off_daily(b: Batch) -> F64:
    return np.abs((b.hours_since_play + 12.0) % 24.0 - 12.0)


@candidate(GROUP, "days since its last play, distance to the nearest whole number of weeks, in days")
def off_weekly(b: Batch) -> F64:
    return np.abs((b.hours_since_play / 24.0 + 3.5) % 7.0 - 3.5)


@candidate(GROUP, "share of its gaps above 14 days: dropped and taken up again")
def return_share(b: Batch) -> F64:
    return ratio(b.stat(s.RETURNS), b.stat(s.GAPS))


@candidate(GROUP, "sessions a day since it was first played")
def sessions_a_day(b: Batch) -> F64:
    return b.stat(s.SESSIONS) / (1.0 + b.hours_since(s.FIRST_PLAY) / 24.0)
