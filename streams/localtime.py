"""Event time to the clock on a member's wall."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAY_MS: Final = 86_400_000
_QUARTER_MS = 15 * 60 * 1000  # every zone's offset changes on a quarter of an hour


def local_hour(ts_ms: int, tz: str) -> tuple[float, int]:
    """Hour of the day in [0, 24) and weekday (Monday 0) in the zone; an unknown zone counts as UTC."""
    local_ms = ts_ms + _offset_ms(ts_ms // _QUARTER_MS, tz)
    return (local_ms % DAY_MS) / 3_600_000, (local_ms // DAY_MS + 3) % 7


@lru_cache(maxsize=65_536)
def _offset_ms(quarter: int, tz: str) -> int:
    try:
        zone = _zone(tz)
    except (KeyError, ValueError, OSError):
        return 0
    offset = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)


@lru_cache(maxsize=1024)
def _zone(tz: str) -> ZoneInfo:
    return ZoneInfo(tz)
