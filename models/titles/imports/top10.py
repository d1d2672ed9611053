"""Netflix's weekly Top 10: the world's table with hours and views, and the countries' table with ranks alone.

A world audience is the sum of a title's views over the weeks and seasons that charted. Weeks before June 2023 have
hours alone: views are then hours divided by the runtime that other weeks tell, or by what is usual of films or series.

A country's table has no sizes. A week at rank 1 counts 1,000, one at rank r as much less as rank r usually has fewer
views than rank 1 by the world's table (by a power law where that is not given); weeks are summed. So a country's
audiences compare titles within that country; sizes of countries are not in these tables. A title that never charted is
missing, and not 0: both are lower bounds.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from models.titles.delimited import BrokenRow, DelimitedFile, Row
from models.titles.imports.imported import Imported, by_columns
from models.titles.table import FILM, SERIES, WORLD, AudienceRow, TitleRecord, is_nothing, number
from streams.clients.text import digest, slug

_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "the world": ("week", "category", "weekly_rank", "show_title", "weekly_hours_viewed"),
    "countries": ("country_iso2", "week", "category", "weekly_rank", "show_title"),
}
RANKS: Final = 10
POINTS_AT_FIRST: Final = 1000.0
_FALLS: Final = {FILM: 0.89, SERIES: 0.78}  # views fall with rank ** -x: fitted to the world's table of 2021 to 2026
_USUAL_HOURS: Final = {FILM: 1.8, SERIES: 5.2}  # medians of that table

Key = tuple[str, str]  # kind and name


@dataclass(slots=True)
class _Week:
    """A title's, or a season's, week in the world's table."""

    key: Key
    season: str
    chart: tuple[str, str]  # week and category
    rank: int
    hours: float
    runtime: float | None
    views: float | None


@dataclass(slots=True)
class Charts:
    """What charted. `first_year` is when a title was first seen in a chart."""

    world: dict[Key, float] = field(default_factory=lambda: defaultdict(float))
    countries: dict[tuple[Key, str], float] = field(default_factory=lambda: defaultdict(float))
    first_year: dict[Key, int] = field(default_factory=dict)

    def see(self, key: Key, week: str) -> None:
        year = int(week[:4])
        self.first_year[key] = min(year, self.first_year.get(key, year))


def read(files: list[Path]) -> Imported:
    """Titles as the charts name them, each once a kind, and their audiences."""
    imported, charts = read_charts(files)
    ids: dict[Key, str] = {}
    for kind, name in charts.first_year:
        title_id = f"{kind}-{slug(name, 60)}"
        ids[kind, name] = title_id if title_id not in ids.values() else f"{title_id}-{digest(name)}"
        imported.titles.append(TitleRecord(ids[kind, name], name, kind))
    imported.audience = audiences(charts, ids)
    return imported


def read_charts(files: list[Path]) -> tuple[Imported, Charts]:
    """The charts, and an Imported that has broken rows alone. Raises CommandError where a file is no Top 10 table."""
    imported, charts = Imported(unit="views in the world's Top 10; points of rank in a country's"), Charts()
    tables = by_columns(files, _KINDS, "Netflix's Top 10")
    weeks: list[_Week] = []
    for kind, file in tables:
        if kind == "the world":
            weeks += _world(file, charts)
    shares = _shares(_with_views(weeks))
    for week in weeks:
        charts.world[week.key] += week.views or 0.0
    for kind, file in tables:
        if kind == "countries":
            _countries(file, charts, shares)
        imported.report(file.path, file.broken)
    return imported, charts


def audiences(charts: Charts, ids: dict[Key, str]) -> list[AudienceRow]:
    """The audiences of titles that have an id; those that share one are added up."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for key, views in charts.world.items():
        if key in ids:
            sums[ids[key], WORLD] += views
    for (key, country), points in charts.countries.items():
        if key in ids:
            sums[ids[key], country] += points
    return [AudienceRow(title_id, country, round(size, 1)) for (title_id, country), size in sums.items()]


def _world(file: DelimitedFile, charts: Charts) -> list[_Week]:
    weeks = []
    for row in file:
        place = _place(row, file)
        if place is None:
            continue
        hours = number(row["weekly_hours_viewed"])
        if hours is None:
            file.broken.append(BrokenRow(row.line, f"weekly_hours_viewed {row['weekly_hours_viewed']!r} is no number"))
            continue
        key, rank = place
        charts.see(key, row["week"])
        season = row["season_title"] if not is_nothing(row["season_title"]) else key[1]
        views, runtime = number(row["weekly_views"]), number(row["runtime"])
        weeks.append(_Week(key, season, (row["week"], row["category"]), rank, hours, runtime or None, views))
    return weeks


def _with_views(weeks: list[_Week]) -> list[_Week]:
    """Fills in views where a week has hours alone; returns the weeks that had both."""
    told = [week for week in weeks if week.views is not None]
    runtimes = {(week.key, week.season): week.runtime for week in weeks if week.runtime}
    for week in weeks:
        if week.views is None:
            week.views = week.hours / (runtimes.get((week.key, week.season)) or _USUAL_HOURS[week.key[0]])
    return told


def _shares(told: list[_Week]) -> dict[tuple[str, int], float]:
    """What a rank usually has of the views of rank 1, by kind and rank: the median over weeks."""
    first = {week.chart: week.views for week in told if week.rank == 1}
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for week in told:
        if top := first.get(week.chart):
            found[week.key[0], week.rank].append((week.views or 0.0) / top)
    return {
        (kind, rank): median(found[kind, rank]) if found.get((kind, rank)) else rank**-fall
        for kind, fall in _FALLS.items()
        for rank in range(1, RANKS + 1)
    }


def _countries(file: DelimitedFile, charts: Charts, shares: dict[tuple[str, int], float]) -> None:
    for row in file:
        place = _place(row, file)
        if place is None:
            continue
        if not row["country_iso2"]:
            file.broken.append(BrokenRow(row.line, "no country_iso2"))
            continue
        key, rank = place
        charts.see(key, row["week"])
        charts.countries[key, row["country_iso2"]] += POINTS_AT_FIRST * shares[key[0], rank]


def _place(row: Row, file: DelimitedFile) -> tuple[Key, int] | None:
    """Title and rank; what is wrong with a row goes to the file's broken ones."""
    category = row["category"].casefold()
    kind = FILM if category.startswith("film") else SERIES if category.startswith("tv") else ""
    rank = row["weekly_rank"]
    reason = ""
    if not row["show_title"]:
        reason = "no show_title"
    elif not kind:
        reason = f"category {row['category']!r} is neither Films nor TV"
    elif not rank.isdecimal() or not 1 <= int(rank) <= RANKS:
        reason = f"weekly_rank {rank!r} is not 1 to {RANKS}"
    elif not row["week"][:4].isdecimal():
        reason = f"week {row['week']!r} is no date"
    if reason:
        file.broken.append(BrokenRow(row.line, reason))
        return None
    return (kind, row["show_title"]), int(rank)
