"""What goes with the show: the device, the hour, the weekday, the show before."""

import numpy as np

from streams import member as m
from streams import show as s
from streams.features.batch import F64, Batch, ratio
from streams.features.registry import candidate

DEVICE = "device"
TIME = "time"
_BIN_HOURS = 24.0 / s.HOUR_BINS


@candidate(DEVICE, "its plays on this very device, half-life 90 days")
def plays_here(b: Batch) -> F64:
    return _plays_here(b)


@candidate(DEVICE, "share of its plays that were on this very device")
def device_share(b: Batch) -> F64:
    return ratio(_stat_here(b), _all_devices(b))


@candidate(DEVICE, "share of its plays that were on devices of this type")
def device_type_share(b: Batch) -> F64:
    return ratio(_same_type(b), _all_devices(b))


@candidate(DEVICE, "its share of the plays on this device, among the candidates")
def share_of_device(b: Batch) -> F64:
    return b.share(_plays_here(b))


@candidate(DEVICE, "share of its plays here against this device's share of all the member's plays")
def device_lift(b: Batch) -> F64:
    usual = ratio(
        b.facts[np.arange(b.decisions), m.DEVICE_PLAYS + b.now("slot").astype(np.int64)],
        b.facts[:, m.DEVICE_PLAYS : m.DEVICE_PLAYS + s.MAX_DEVICES].sum(axis=1),
    )
    return ratio(_stat_here(b) + 0.5, _all_devices(b) + 1.0) - b.each(usual)


@candidate(DEVICE, "1 where it is played on this device more than on any other")
def main_device(b: Batch) -> F64:
    most = b.stats[:, s.DEVICE_PLAYS : s.DEVICE_PLAYS + s.MAX_DEVICES].max(axis=1)
    here = _stat_here(b)
    return ((here > 0) & (here >= most)).astype(np.float64)


@candidate(DEVICE, "devices that it was played on")
def devices_used(b: Batch) -> F64:
    return (b.stats[:, s.DEVICE_LAST : s.DEVICE_LAST + s.MAX_DEVICES] > 0).sum(axis=1).astype(np.float64)


@candidate(TIME, "share of its plays at about this hour of the day")
def hour_share(b: Batch) -> F64:
    bins = b.stats[:, s.HOUR_PLAYS : s.HOUR_PLAYS + s.HOUR_BINS].astype(np.float64)
    return ratio(_at_hour(b, bins), bins.sum(axis=1))


@candidate(TIME, "hour_share, shrunk towards and less the member's own share of sessions at this hour")
def hour_lift(b: Batch) -> F64:
    of_show = b.stats[:, s.HOUR_PLAYS : s.HOUR_PLAYS + s.HOUR_BINS].astype(np.float64)
    of_member = b.facts[b.owner, m.HOUR_SESSIONS : m.HOUR_SESSIONS + s.HOUR_BINS]
    usual = ratio(_at_hour(b, of_member) + 0.25, of_member.sum(axis=1) + 2.0)
    return (_at_hour(b, of_show) + 2.0 * usual) / (of_show.sum(axis=1) + 2.0) - usual


@candidate(TIME, "its share, among the candidates, of plays at about this hour, half-life 90 days")
def share_of_hour(b: Batch) -> F64:
    bins = b.stats[:, s.HOUR_PLAYS : s.HOUR_PLAYS + s.HOUR_BINS].astype(np.float64)
    return b.share(_at_hour(b, bins) * _fading(b))


@candidate(TIME, "share of its plays on this weekday")
def weekday_share(b: Batch) -> F64:
    days = b.stats[:, s.WEEKDAY_PLAYS : s.WEEKDAY_PLAYS + 7].astype(np.float64)
    today = b.each(b.now("weekday")).astype(np.int64)
    return ratio(days[np.arange(b.size), today], days.sum(axis=1))


@candidate(TIME, "share of its plays on the same side of the week: Friday evening counts as Friday")
def weekend_share(b: Batch) -> F64:
    days = b.stats[:, s.WEEKDAY_PLAYS : s.WEEKDAY_PLAYS + 7].astype(np.float64)
    weekend = days[:, 5] + days[:, 6]
    share = ratio(weekend, days.sum(axis=1))
    return np.where(b.each(b.now("weekday")) >= 5, share, 1.0 - share)


@candidate("sequence", "sessions that it opened right after the show last played")
def follows_last(b: Batch) -> F64:
    last = b.each(b.now("last_show"))
    first = np.where(b.stats[:, s.PAIR_HASH_1] == last, b.stats[:, s.PAIR_COUNT_1], 0.0)
    second = np.where(b.stats[:, s.PAIR_HASH_2] == last, b.stats[:, s.PAIR_COUNT_2], 0.0)
    return np.where(last > 0, first + second, 0.0)


def _stat_here(b: Batch) -> F64:
    return b.here(s.DEVICE_PLAYS)


def _fading(b: Batch) -> F64:
    return np.exp2(-b.hours_since_play / (24.0 * 90.0))


def _plays_here(b: Batch) -> F64:
    return _stat_here(b) * _fading(b)


def _all_devices(b: Batch) -> F64:
    return b.stats[:, s.DEVICE_PLAYS : s.DEVICE_PLAYS + s.MAX_DEVICES].sum(axis=1, dtype=np.float64)


def _same_type(b: Batch) -> F64:
    bits = b.each(b.now("same_type")).astype(np.int64)
    chosen = (bits[:, None] >> np.arange(s.MAX_DEVICES)) & 1
    return (b.stats[:, s.DEVICE_PLAYS : s.DEVICE_PLAYS + s.MAX_DEVICES] * chosen).sum(axis=1, dtype=np.float64)


def _at_hour(b: Batch, bins: F64) -> F64:
    """(n,) the two bins about the hour, weighed by how near their middles are."""
    at = b.each(b.now("hour")) / _BIN_HOURS - 0.5
    low = np.floor(at)
    weight = at - low
    rows = np.arange(b.size)
    left = low.astype(np.int64) % s.HOUR_BINS
    return (1.0 - weight) * bins[rows, left] + weight * bins[rows, (left + 1) % s.HOUR_BINS]
