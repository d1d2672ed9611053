"""What the table holds, as bytes: members, and under a key of its own what their partition has learned.

A member's key is `m` and their id; LEARNING is the partition's own. The first byte of a value is its version.
"""

import struct
from typing import Any, Final

import orjson

from streams import codec
from streams.outcomes import drift, recalibration, tally
from streams.outcomes.join import Member, Session
from streams.outcomes.learning import Learning

LEARNING: Final = b"p"
MEMBER_VERSION: Final = 1
LEARNING_VERSION: Final = 2
_HEAD: Final = struct.Struct("<BI")  # version, length of what comes first

Stored = Member | Learning


def member_key(key: bytes) -> bytes:
    """The table's key of the member whose records have this key."""
    return b"m" + key


def encode(value: Stored) -> bytes:
    """The value as bytes."""
    if isinstance(value, Member):
        state = codec.encode_state(value.state)
        sessions = [
            [s.session_id, s.device_id, s.opened, s.settled, s.ended, s.ts, s.played, s.waiting, s.told]
            for s in value.sessions
        ]
        return _HEAD.pack(MEMBER_VERSION, len(state)) + state + orjson.dumps([sessions, value.early, value.seen])
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
            return _member(first, rest)
        if version == LEARNING_VERSION:
            return _learning(orjson.loads(first), rest)
    except (struct.error, KeyError, TypeError) as error:
        raise ValueError(f"damaged: {type(error).__name__}: {error}") from error
    raise ValueError(f"version {version} is not known")


def _member(state: bytes, rest: bytes) -> Member:
    member = Member()
    member.state = codec.decode_state(state)
    sessions, member.early, seen = orjson.loads(rest)
    member.sessions = [Session(*fields) for fields in sessions]
    member.seen = (seen[0], seen[1])
    return member


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
