"""Reads the times and durations of a viewing export in the forms that exports and spreadsheets write them."""

import re
from calendar import timegm
from collections.abc import Iterable
from typing import Final

_ISO: Final = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:Z|UTC|[+-]00:?00)?"
)
_LOCAL: Final = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4}|\d{2})[, ]+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AaPp]\.?[Mm]\.?)?"
)
_CLOCK: Final = re.compile(r"(?:(\d+) days?,? )?(\d{1,3}):(\d{2}):(\d{2})(?:[.,]\d+)?")
_SECONDS: Final = re.compile(r"\d{1,6}(?:\.\d+)?")


def looks_like_start(text: str) -> bool:
    """Whether the text is a date with a time of day."""
    text = text.strip()
    return _ISO.fullmatch(text) is not None or _LOCAL.fullmatch(text) is not None


def looks_like_duration(text: str) -> bool:
    """Whether the text is hours, minutes and seconds."""
    return _CLOCK.fullmatch(text.strip()) is not None


def day_comes_first(texts: Iterable[str]) -> bool:
    """Whether dates such as `13/02/2021` stand day first: by those that can be read one way only, else by the dots."""
    dotted = False
    for text in texts:
        match = _LOCAL.fullmatch(text.strip())
        if match is None:
            continue
        if int(match[1]) > 12:
            return True
        if int(match[3]) > 12:
            return False
        dotted = match[2] == "."
    return dotted


def parse_start(text: str, day_first: bool) -> int | None:
    """A start time, which exports give in UTC, to ms since the epoch; None where it is no such time."""
    match = _ISO.fullmatch(text)
    if match is not None:
        year, month, day, hour, minute, second = (int(group or 0) for group in match.groups())
    else:
        match = _LOCAL.fullmatch(text)
        if match is None:
            return None
        first, second_number, year = int(match[1]), int(match[3]), int(match[4])
        day, month = (first, second_number) if day_first else (second_number, first)
        year += 2000 if year < 100 else 0
        hour, minute, second = int(match[5]), int(match[6]), int(match[7] or 0)
        if match[8]:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if match[8][0] in "pP" else 0)
    if not (1 <= month <= 12 and 1 <= day <= _days(year, month) and hour < 24 and minute < 60 and second < 60):
        return None
    return timegm((year, month, day, hour, minute, second)) * 1000


def parse_duration(text: str) -> int | None:
    """`HH:MM:SS`, days before it or bare seconds, to whole seconds; None where it is none of them."""
    match = _CLOCK.fullmatch(text)
    if match is not None:
        days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds if minutes < 60 and seconds < 60 else None
    return int(float(text)) if _SECONDS.fullmatch(text) else None


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
