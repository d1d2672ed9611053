"""Bytes to and from what the tables and topics hold: member states and rows."""

import struct
from array import array
from typing import Any, Final
from zlib import crc32

import orjson

from streams import facts as f
from streams import show as s
from streams.device import Device, Play
from streams.member import MAX_EVENT_IDS, MemberState
from streams.show import Show
from streams.upgrades import upgrade

STATE_VERSION: Final = 2  # the step from each older one is in streams/upgrades.py
_MARK: Final = struct.Struct("<BI")  # version, CRC-32 of what follows
_HEAD: Final = struct.Struct("<IqIHHH")  # epoch, offset, length of the names, columns of facts, times and stats
_FIRST: Final = _MARK.size + _HEAD.size
_WIDTHS: Final = (f.FACT_COLUMNS, s.TIME_COLUMNS, s.STAT_COLUMNS)


class UndecodableState(ValueError):
    """A stored state can't be read; the message says why. It is set aside, never taken for an empty one."""


def encode_state(state: MemberState) -> bytes:
    """The state as bytes: version, checksum, head, names as JSON, number columns (little-endian) as in memory, ids."""
    shows = state.shows.values()
    names = orjson.dumps(
        [
            state.tz,
            state.country,
            state.last_show,
            [device_fields(device) for device in state.devices.values()],
            [(show.show_id, show.title_id) for show in shows],
        ]
    )
    parts: list[Any] = [_HEAD.pack(state.epoch, state.offset, len(names), *_WIDTHS), names, state.facts]
    for show in shows:
        parts.append(show.times)
        parts.append(show.stats)
    parts.append(state.event_ids)
    body = b"".join(parts)
    return _MARK.pack(STATE_VERSION, crc32(body)) + body


def decode_state(data: bytes) -> MemberState:
    """The state that `encode_state` wrote, or wrote in an older version. Raises UndecodableState."""
    try:
        if data[:1] != _NEWEST:
            data = upgrade(data, STATE_VERSION)
        _, checksum = _MARK.unpack_from(data)
        epoch, offset, length, *widths = _HEAD.unpack_from(data, _MARK.size)
    except KeyError:
        raise UndecodableState(f"the state has version {data[0]}; versions up to {STATE_VERSION} are read") from None
    except (struct.error, IndexError):
        raise UndecodableState(f"{len(data)} bytes are too few for a state") from None
    if crc32(memoryview(data)[_MARK.size :]) != checksum:
        raise UndecodableState("the state is damaged: its checksum is wrong")
    if any(width > known for width, known in zip(widths, _WIDTHS, strict=True)):
        raise UndecodableState(f"the state has columns {widths}, of which this version knows {list(_WIDTHS)}")
    facts, times, stats = widths
    try:
        return _decode(data, epoch, offset, length, 8 * facts, 8 * times, 4 * stats)
    except (ValueError, TypeError) as error:
        raise UndecodableState(f"the state is damaged: {error}") from error


_NEWEST: Final = bytes([STATE_VERSION])


def _decode(data: bytes, epoch: int, offset: int, length: int, facts: int, times: int, stats: int) -> MemberState:
    """`facts`, `times` and `stats` are bytes, of one show each."""
    state = MemberState()
    state.epoch, state.offset = epoch, offset
    at = _FIRST + length
    state.tz, state.country, state.last_show, devices, shows = orjson.loads(data[_FIRST:at])
    state.facts = array("d", data[at : at + facts])
    _widen(state.facts, f.FACT_COLUMNS)
    at += facts
    for fields in devices:
        device = device_of(*fields)
        state.devices[device.device_id] = device
    end = at + len(shows) * (times + stats)
    if end > len(data):
        raise ValueError("it ends too early")
    _read_shows(state.shows, shows, data[at:end], times, stats)
    ids = data[end:]
    if len(ids) % 8 or len(ids) > 8 * MAX_EVENT_IDS:
        raise ValueError(f"{len(ids)} bytes of event ids")
    state.event_ids = bytearray(ids)
    return state


def _read_shows(into: dict[str, Show], names: list[Any], numbers: bytes, times: int, stats: int) -> None:
    """Shows by their names and columns. A long history has more than a hundred, and decoding it takes its time here.

    A slice of an array costs a third of a new array of bytes. So all numbers are taken as float32; and twice as int64,
    from byte 0 and from byte 4, since the times of a show begin at any multiple of four.
    """
    floats = array("f", numbers)
    even = array("q", numbers[: len(numbers) // 8 * 8])
    odd = array("q", numbers[4 : 4 + (len(numbers) - 4) // 8 * 8])
    at, columns, stride = 0, times // 8, times + stats
    for show_id, title_id in names:
        show = into[show_id] = Show.__new__(Show)
        show.show_id = show_id
        show.title_id = title_id
        first = at // 8
        show.times = (odd if at % 8 else even)[first : first + columns]
        show.stats = floats[(at + times) // 4 : (at + stride) // 4]
        at += stride
    if times < 8 * s.TIME_COLUMNS or stats < 4 * s.STAT_COLUMNS:
        for show in into.values():
            _widen(show.times, s.TIME_COLUMNS)
            _widen(show.stats, s.STAT_COLUMNS)


def encode_row(row: dict[str, Any]) -> bytes:
    """A row as the JSON of cw.rows."""
    return orjson.dumps(row)


def row_key(member_id: str, device_id: str) -> bytes:
    """The key of a row in cw.rows."""
    return f"{member_id}|{device_id}".encode()


def _widen(numbers: "array[Any]", columns: int) -> None:
    """Columns added since the state was written begin at zero."""
    numbers.frombytes(bytes(numbers.itemsize * (columns - len(numbers))))


def device_fields(device: Device) -> tuple[Any, ...]:
    """A device as JSON has it; `device_of` takes these."""
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


def device_of(device_id: str, device: str, slot: int, *fields: Any) -> Device:
    """The device that `device_fields` gave. Raises ValueError or TypeError where it can't be one."""
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
