"""One row of a viewing export to one view, or the reason why it can't be read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streams.clients import netflix_table as table
from streams.clients.netflix_device import classify
from streams.clients.netflix_title import ParsedTitle, parse_title
from streams.clients.netflix_values import day_comes_first, parse_duration, parse_start
from streams.clients.places import country_code, time_zone
from streams.clients.text import slug
from streams.events import MIN_TS

NO_PROFILE: Final = "viewer"  # the member's name in an export without a profile column
_DAY_MS: Final = 86_400_000
_LONGEST_S: Final = 86_400
_AUTOPLAYED: Final = re.compile(r"autoplayed\b(?::\s*user action:\s*(\w*))?", re.IGNORECASE)
_MOST_PROFILE_CHARS: Final = 100


class RowError(ValueError):
    """A row can't be read; the message is the reason, the same for every row that has it."""


@dataclass(frozen=True, slots=True)
class View:
    """One title watched on one device by one profile. Times in ms since the epoch, UTC; positions in seconds."""

    member_id: str
    start_ms: int
    duration_s: int  # played
    title: ParsedTitle
    device: str
    device_id: str | None  # None where the export names no device
    country: str | None
    tz: str | None
    position_s: int  # where it began
    stop_s: int  # where it stopped
    autoplay: bool
    key: tuple[str, ...]  # the row's own words: equal for exact repeats alone

    @property
    def end_ms(self) -> int:
        """When playing stopped."""
        return self.start_ms + self.duration_s * 1000


class ViewReader:
    """Reads the rows of one table. `prefix` is the household; a start after `now_ms` by over a day is refused."""

    def __init__(self, export: table.Table, prefix: str, now_ms: int) -> None:
        self._table = export
        self._prefix = prefix
        self._latest_ms = now_ms + _DAY_MS
        start = export.columns[table.START]
        self._day_first = day_comes_first(record[start] for _, record in export.records if len(record) > start)
        profile = export.columns.get(table.PROFILE)
        self._has_profiles = profile is not None and any(
            record[profile].strip() for _, record in export.records if len(record) > profile
        )

    def fields(self, record: Sequence[str]) -> dict[str, str]:
        """The record by column names. Raises RowError where it lacks columns or has too many."""
        if len(record) < self._table.width:
            raise RowError("too few columns")
        if len(record) > self._table.fields_a_row:
            raise RowError("too many columns")
        return self._table.fields(record)

    def key(self, fields: dict[str, str]) -> tuple[str, ...]:
        """What makes the row the same as another one, in this file or in another of the household."""
        return (self._prefix, *(fields.get(name, "") for name in _KEY_COLUMNS))

    def view(self, fields: dict[str, str], key: tuple[str, ...]) -> View:
        """Raises RowError with the reason."""
        start_ms = parse_start(fields[table.START], self._day_first)
        if start_ms is None:
            raise RowError("start time is not a time")
        if start_ms < MIN_TS:
            raise RowError("start time is before 2000")
        if start_ms > self._latest_ms:
            raise RowError("start time is in the future")
        duration = parse_duration(fields[table.DURATION])
        if duration is None:
            raise RowError("duration is not a time")
        if duration > _LONGEST_S:
            raise RowError("duration is over a day")
        if not any(c.isalnum() for c in fields[table.TITLE]):
            raise RowError("no title")
        country = country_code(fields.get(table.COUNTRY, ""))
        device = fields.get(table.DEVICE, "")
        position, stop = _positions(parse_duration(fields.get(table.BOOKMARK, "")), duration)
        return View(
            member_id=self._member(fields.get(table.PROFILE, "")),
            start_ms=start_ms,
            duration_s=duration,
            title=parse_title(fields[table.TITLE]),
            device=classify(device),
            device_id=slug(device, 64) if device else None,
            country=country,
            tz=time_zone(country),
            position_s=position,
            stop_s=stop,
            autoplay=_autoplayed(fields.get(table.ATTRIBUTES, "")),
            key=key,
        )

    def _member(self, profile: str) -> str:
        if not self._has_profiles:
            profile = NO_PROFILE
        elif not profile:
            raise RowError("no profile name")
        return f"{self._prefix}/{profile.replace('/', '_')[:_MOST_PROFILE_CHARS]}"


_KEY_COLUMNS: Final = (
    table.PROFILE, table.START, table.DURATION, table.TITLE,
    table.DEVICE, table.BOOKMARK, table.ATTRIBUTES, table.COUNTRY,
)  # fmt: skip


def _positions(bookmark: int | None, duration: int) -> tuple[int, int]:
    """Where a view began and stopped. Without a bookmark it is taken to have begun at the title's start."""
    if bookmark is None:
        return 0, duration
    return max(0, bookmark - duration), bookmark


def _autoplayed(attributes: str) -> bool:
    """Started by the player, and nobody is known to have touched anything since (docs/decisions)."""
    match = _AUTOPLAYED.search(attributes)
    return match is not None and (match[1] or "").casefold() != "user_interaction"
