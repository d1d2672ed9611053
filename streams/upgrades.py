"""Stored states of older versions, brought up to the version that the codec reads, one version at a time.

The version is raised when the bytes of a state are laid out anew. A number column more needs none: a state says how
many columns it has. Whoever raises it adds the step from the version before, and a test with bytes of that version.

A worker reads older states and writes new ones, and to an older worker those are unreadable. So workers of two versions
must not run at the same time (docs/operations.md).
"""

import struct
from collections.abc import Callable, Mapping
from typing import Final
from zlib import crc32

_HEAD_1: Final = struct.Struct("<BIqI")  # version, epoch, offset, length of the names
_HEAD_2: Final = struct.Struct("<BIIqIHHH")  # version, checksum, epoch, offset, length of the names, three widths
_CHECKED_FROM_2: Final = 5
_WIDTHS_1: Final = (39, 13, 70)  # columns of facts, times and stats, which version 1 took for granted


def _with_widths_and_checksum(data: bytes) -> bytes:
    """Version 1 to 2: the widths of the number columns, and a CRC-32 of all that stands behind it."""
    _, epoch, offset, length = _HEAD_1.unpack_from(data)
    upgraded = bytearray(_HEAD_2.pack(2, 0, epoch, offset, length, *_WIDTHS_1) + data[_HEAD_1.size :])
    struct.pack_into("<I", upgraded, 1, crc32(memoryview(upgraded)[_CHECKED_FROM_2:]))
    return bytes(upgraded)


UPGRADES: Final[Mapping[int, Callable[[bytes], bytes]]] = {1: _with_widths_and_checksum}  # from a version to the next


def upgrade(data: bytes, version: int) -> bytes:
    """A state's bytes in `version`. Raises KeyError where no steps lead there, struct.error where they are too few."""
    while data[0] != version:
        data = UPGRADES[data[0]](data)
    return data
