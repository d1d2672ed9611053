"""Bytes to and from what the tables and topics hold: member states and rows."""

import struct
from array import array
from typing import Any, Final

import orjson

from streams import member as m
from streams import show as s
from streams.device import Device, Play
from streams.member import MemberState
from streams.show import Show

STATE_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BIqI")  # version, epoch, offset, length of the names
_TIMES_BYTES: Final = 8 * s.TIME_COLUMNS
_STATS_BYTES: Final = 4 * s.STAT_COLUMNS
_FACTS_BYTES: Final = 8 * m.FACT_COLUMNS


class UndecodableState(ValueError):
    """A stored state can't be read; the message says why. It is set aside, never taken for an empty one."""


def encode_state(state: MemberState) -> bytes:
    """The state as bytes: a head, the names as JSON, then the number columns (little-endian) as they lie in memory."""
    shows = state.shows.values()
    names = orjson.dumps(
        [
            state.tz,
            state.country,
            state.last_show,
            [_device_fields(device) for device in state.devices.values()],
            [(show.show_id, show.title_id) for show in shows],
        ]
    )
    parts: list[Any] = [_HEAD.pack(STATE_VERSION, state.epoch, state.offset, len(names)), names, state.facts]
    for show in shows:
        parts.append(show.times)
        parts.append(show.stats)
    parts.append(state.event_ids)
    return b"".join(parts)


def decode_state(data: bytes) -> MemberState:
    """The state that `encode_state` wrote. Raises UndecodableState."""
    try:
        version, epoch, offset, length = _HEAD.unpack_from(data)
    except struct.error as error:
        raise UndecodableState(f"{len(data)} bytes are too few for a state") from error
    if version != STATE_VERSION:
        raise UndecodableState(f"the state has version {version}; this worker reads version {STATE_VERSION}")
    at = _HEAD.size
    state = MemberState()
    state.epoch, state.offset = epoch, offset
    try:
        state.tz, state.country, state.last_show, devices, shows = orjson.loads(data[at : at + length])
        at += length
        state.facts = _numbers("d", data, at, _FACTS_BYTES)
        at += _FACTS_BYTES
        for fields in devices:
            device = _device(*fields)
            state.devices[device.device_id] = device
        for show_id, title_id in shows:
            show = Show.__new__(Show)
            show.show_id, show.title_id = show_id, title_id
            show.times = _numbers("q", data, at, _TIMES_BYTES)
            at += _TIMES_BYTES
            show.stats = _numbers("f", data, at, _STATS_BYTES)
            at += _STATS_BYTES
            state.shows[show_id] = show
    except (ValueError, TypeError) as error:
        raise UndecodableState(f"the state is damaged: {error}") from error
    ids = data[at:]
    if len(ids) % 8 or len(ids) > 8 * m.MAX_EVENT_IDS:
        raise UndecodableState(f"the state is damaged: {len(ids)} bytes of event ids")
    state.event_ids = bytearray(ids)
    return state


def encode_row(row: dict[str, Any]) -> bytes:
    """A row as the JSON of cw.rows."""
    return orjson.dumps(row)


def row_key(member_id: str, device_id: str) -> bytes:
    """The key of a row in cw.rows."""
    return f"{member_id}|{device_id}".encode()


def _numbers(kind: str, data: bytes, at: int, size: int) -> "array[Any]":
    numbers: array[Any] = array(kind)
    part = data[at : at + size]
    if len(part) != size:
        raise ValueError("it ends too early")
    numbers.frombytes(part)
    return numbers


def _device_fields(device: Device) -> tuple[Any, ...]:
    play = device.play
    playing = None
    if play is not None:
        playing = (
            play.show_id, play.title_id, play.start_ts, play.autoplay, play.source,
            play.last_ts, play.playing, play.watched_s, play.counted, play.completed,
        )  # fmt: skip
    return (
        device.device_id, device.device, device.slot, device.session_id, device.session_start, device.session_last,
        device.session_plays, device.first_show, device.last_show, device.untouched, playing,
    )  # fmt: skip


def _device(device_id: str, device: str, slot: int, *fields: Any) -> Device:
    result = Device(device_id, device, slot)
    (
        result.session_id, result.session_start, result.session_last, result.session_plays,
        result.first_show, result.last_show, result.untouched, playing,
    ) = fields  # fmt: skip
    if playing is not None:
        show_id, title_id, start_ts, autoplay, source, *rest = playing
        play = result.play = Play(show_id, title_id, start_ts, autoplay, source)
        play.last_ts, play.playing, play.watched_s, play.counted, play.completed = rest
    return result
