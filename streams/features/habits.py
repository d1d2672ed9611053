"""What goes with the show: the device, the hour, the weekday, the show before."""

import numpy as np

from streams import facts as f
from streams import show as s
from streams.features.batch import F64, Batch, ratio
from streams.features.context import device_use
from streams.features.registry import candidate, shared

DEVICE = "device"
TIME = "time"


@candidate(DEVICE, "its plays on this very device, half-life 90 days")
def plays_here(b: Batch) -> F64:
    return b.plays_here * b.fading(90.0)


@candidate(DEVICE, "share of its plays that were on this very device")
def device_share(b: Batch) -> F64:
    return ratio(b.plays_here, b.plays_on_devices)


@candidate(DEVICE, "share of its plays that were on devices of this type")
def device_type_share(b: Batch) -> F64:
    bits = b.now("same_type").astype(np.int64)
    chosen = ((bits[None, :] >> np.arange(s.MAX_DEVICES)[:, None]) & 1).astype(np.float64)
    same_type = (b.span(s.DEVICE_PLAYS, s.MAX_DEVICES) * chosen[:, b.owner]).sum(axis=0)
    return ratio(same_type, b.plays_on_devices)


@candidate(DEVICE, "its share of the plays on this device, among the candidates")
def share_of_device(b: Batch) -> F64:
    return b.share(b.plays_here * b.fading(90.0))


@candidate(DEVICE, "share of its plays here against this device's share of all the member's plays")
def device_lift(b: Batch) -> F64:
    return ratio(b.plays_here + 0.5, b.plays_on_devices + 1.0) - b.each(device_use(b))


@candidate(DEVICE, "1 where it is played on this device more than on any other")
def main_device(b: Batch) -> F64:
    most = b.span(s.DEVICE_PLAYS, s.MAX_DEVICES).max(axis=0)
    return ((b.plays_here > 0) & (b.plays_here >= most)).astype(np.float64)


@candidate(DEVICE, "devices that it was played on")
def devices_used(b: Batch) -> F64:
    return (b.span(s.DEVICE_LAST, s.MAX_DEVICES) > 0).sum(axis=0).astype(np.float64)


@candidate(TIME, "share of its plays at about this hour of the day")
def hour_share(b: Batch) -> F64:
    return ratio(b.at_hour, _hours(b))


@candidate(TIME, "hour_share, shrunk towards and less the member's own share of sessions at this hour")
def hour_lift(b: Batch) -> F64:
    of_member = np.ascontiguousarray(b.facts[:, f.HOUR_SESSIONS : f.HOUR_SESSIONS + s.HOUR_BINS].T)
    usual = ratio(b.about_now(of_member[:, b.owner]) + 0.25, b.each(of_member.sum(axis=0)) + 2.0)
    return (b.at_hour + 2.0 * usual) / (_hours(b) + 2.0) - usual


@candidate(TIME, "its share, among the candidates, of plays at about this hour, half-life 90 days")
def share_of_hour(b: Batch) -> F64:
    return b.share(b.at_hour * b.fading(90.0))


@candidate(TIME, "share of its plays on this weekday")
def weekday_share(b: Batch) -> F64:
    days = b.span(s.WEEKDAY_PLAYS, 7)
    return ratio(days[b.each(b.now("weekday")).astype(np.int64), b.rows], days.sum(axis=0))


@candidate(TIME, "share of its plays on the same side of the week, Saturday and Sunday or the others")
def weekend_share(b: Batch) -> F64:
    days = b.span(s.WEEKDAY_PLAYS, 7)
    share = ratio(days[5] + days[6], days.sum(axis=0))
    return np.where(b.each(b.now("weekday")) >= 5, share, 1.0 - share)


@candidate("sequence", "sessions that it opened right after the show last played")
def follows_last(b: Batch) -> F64:
    last = b.each(b.now("last_show"))
    first = np.where(b.stat(s.PAIR_HASH_1) == last, b.stat(s.PAIR_COUNT_1), 0.0)
    second = np.where(b.stat(s.PAIR_HASH_2) == last, b.stat(s.PAIR_COUNT_2), 0.0)
    return np.where(last > 0, first + second, 0.0)


@shared
def _hours(b: Batch) -> F64:
    return b.span(s.HOUR_PLAYS, s.HOUR_BINS).sum(axis=0)
