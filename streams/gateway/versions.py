"""Row versions and event places as HTTP carries them: `EPOCH-OFFSET-MS` and `EPOCH-OFFSET`, compared as numbers."""

import re
from typing import Final

from streams.row import Version

_VERSION: Final = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{1,18})", re.ASCII)
_PLACE: Final = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


def parse_version(text: object) -> Version | None:
    """`EPOCH-OFFSET-MS` as three numbers, or None where the text is something else."""
    match = _VERSION.fullmatch(text) if isinstance(text, str) else None
    return Version(int(match[1]), int(match[2]), int(match[3])) if match else None


def parse_place(text: str) -> tuple[int, int] | None:
    """`EPOCH-OFFSET` as two numbers, or None where the text is something else."""
    match = _PLACE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def covers(version: Version, place: tuple[int, int]) -> bool:
    """Whether the event at (epoch, offset) is in the row of that version."""
    return (version.epoch, version.offset) >= place
