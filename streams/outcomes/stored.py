"""What the table holds, as bytes: members, and under a key of its own what their partition has learned.

A member's key is `m` and their id; LEARNING is the partition's own. The first byte of a value is its version.

Of a member's state only that is stored which says when sessions open and what they play first: devices, the ids of past
events, and of each show the times by which a late event is known, and which show gives way. All that the fold counts
beside, for the worker's features, is left out, and begins at zero when the member is read again.
"""

import struct
from typing import Any, Final
from zlib import crc32

import orjson

from streams import codec
from streams import show as s
from streams.outcomes import drift, recalibration, tally
from streams.outcomes.join import Member, Session
from streams.outcomes.learning import Learning
from streams.show import Show

LEARNING: Final = b"p"
MEMBER_WITH_STATE: Final = 1  # how members were stored once: with the worker's whole state. Read, not written
LEARNING_VERSION: Final = 2
MEMBER_VERSION: Final = 3
_HEAD: Final = struct.Struct("<BI")  # version, length of what comes first
_CHECKSUM: Final = struct.Struct("<I")  # CRC-32 of what follows
_TIMES: Final = (s.LAST_EVENT, s.DISMISSED, s.SNOOZED, s.RATED, s.LISTED)  # of a show

Stored = Member | Learning


def member_key(key: bytes) -> bytes:
    """The table's key of the member whose records have this key."""
    return b"m" + key


def encode(value: Stored) -> bytes:
    """The value as bytes."""
    if isinstance(value, Member):
        return _encode_member(value)
    figures = orjson.dumps(
        {
            "window": value.window,
            "served": {version: window.as_json() for version, window in value.served.items()},
            "shadow": {version: window.as_json() for version, window in value.shadow.items()},
            "recalibrations": {
                version: {kind: of_kind.as_json() for kind, of_kind in kinds.items()}
                for version, kinds in value.recalibrations.items()
            },
        }
    )
    return _HEAD.pack(LEARNING_VERSION, len(figures)) + figures + value.detectors.dump()


def decode(data: bytes) -> Stored:
    """The value that `encode` wrote. Raises ValueError."""
    try:
        version, length = _HEAD.unpack_from(data)
        first, rest = data[_HEAD.size : _HEAD.size + length], data[_HEAD.size + length :]
        if version == MEMBER_VERSION:
            return _member(data, length)
        if version == MEMBER_WITH_STATE:
            return _member_with_state(first, rest)
        if version == LEARNING_VERSION:
            return _learning(orjson.loads(first), rest)
    except (struct.error, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"damaged: {type(error).__name__}: {error}") from error
    raise ValueError(f"version {version} is not known")


def _encode_member(member: Member) -> bytes:
    state = member.state
    fields = orjson.dumps(
        [
            state.epoch,
            state.offset,
            [codec.device_fields(device) for device in state.devices.values()],
            [(show.show_id, *(show.times[column] for column in _TIMES)) for show in state.shows.values()],
            *_sessions_fields(member),
        ]
    )
    body = fields + state.event_ids
    return _HEAD.pack(MEMBER_VERSION, len(fields)) + _CHECKSUM.pack(crc32(body)) + body


def _member(data: bytes, length: int) -> Member:
    (checksum,) = _CHECKSUM.unpack_from(data, _HEAD.size)
    body = data[_HEAD.size + _CHECKSUM.size :]
    if crc32(body) != checksum:
        raise ValueError("damaged: its checksum is wrong")
    member = Member()
    state = member.state
    state.epoch, state.offset, devices, shows, *sessions = orjson.loads(body[:length])
    for fields in devices:
        device = codec.device_of(*fields)
        state.devices[device.device_id] = device
    for show_id, *times in shows:
        show = state.shows[show_id] = Show(show_id)
        for column, ts in zip(_TIMES, times, strict=True):
            show.times[column] = ts
    state.event_ids = bytearray(body[length:])
    _read_sessions(member, sessions)
    return member


def _member_with_state(state: bytes, rest: bytes) -> Member:
    member = Member()
    member.state = codec.decode_state(state)
    _read_sessions(member, orjson.loads(rest))
    return member


def _sessions_fields(member: Member) -> list[Any]:
    sessions = [
        [one.session_id, one.device_id, one.opened, one.settled, one.ended, one.ts, one.played, one.waiting, one.told]
        for one in member.sessions
    ]
    return [sessions, member.early, member.seen]


def _read_sessions(member: Member, fields: list[Any]) -> None:
    sessions, member.early, seen = fields
    member.sessions = [Session(*of_session) for of_session in sessions]
    member.seen = (seen[0], seen[1])


def _learning(figures: Any, detectors: bytes) -> Learning:
    learning = Learning(1)
    size = learning.window = figures["window"]
    for role, windows in (("served", learning.served), ("shadow", learning.shadow)):
        for version, record in figures[role].items():
            windows[version] = tally.window_from_json(record, size)
    for version, kinds in figures["recalibrations"].items():
        learning.recalibrations[version] = {
            kind: recalibration.from_json(record, size, recalibration.PIVOTS[kind]) for kind, record in kinds.items()
        }
    learning.detectors = drift.load(detectors)
    return learning
