"""Decisions as columns: what the features read. Arrays over candidates have n values, over decisions m."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streams import show as s
from streams.population import SHOW_COLUMNS, TITLE_COLUMNS, Population

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Numbers = F64 | I64

DECISION_FIELDS: Final = (
    "now_ms",
    "candidates",
    "slot",
    "device",
    "hour",
    "weekday",
    "last_show",
    "device_last_show",
    "devices",
    "same_type",
    "country",
    "signed_up_ms",
    "languages",
    "kids",
)
CARD_FIELDS: Final = (
    "reason",  # 0 not in the row, 1 resume, 2 next episode, 3 new episode
    "runtime_s",  # of the place's title, 0 unknown
    "titles_out",  # of the show, 0 where the catalogue does not know it
    "titles_left",  # of them, those behind the place
    "season_share",  # of the season's titles that are out, the share up to the place; -1 unknown
    "added_ms",  # when the title came out that the show goes on with, 0 unknown
)
DAY_H: Final = 24.0
NEVER_H: Final = 24.0 * 3650  # hours, where something never happened
_HOUR_MS: Final = 3_600_000.0


@dataclass
class Batch:
    """`context` has the columns DECISION_FIELDS, `cards` CARD_FIELDS."""

    times: I64  # (n, show.TIME_COLUMNS)
    stats: F32  # (n, show.STAT_COLUMNS)
    facts: F64  # (m, member.FACT_COLUMNS)
    context: F64  # (m, len(DECISION_FIELDS))
    cards: F64  # (n, len(CARD_FIELDS))
    show_rows: I64  # (n,) rows of population.shows
    title_rows: I64  # (n,) rows of population.titles
    vector_rows: I64  # (n,) rows of population.vectors, -1 where the show has none
    show_hashes: F64  # (n,)
    population: Population
    columns: dict[Any, Any] = field(default_factory=dict, repr=False)  # worked out so far (registry.shared)

    @property
    def size(self) -> int:
        """n, the number of candidates."""
        return len(self.times)

    @property
    def decisions(self) -> int:
        """m, the number of decisions."""
        return len(self.context)

    # --- columns

    def now(self, name: str) -> F64:
        """(m,) a column of `context`."""
        return self.context[:, DECISION_FIELDS.index(name)]

    def card(self, name: str) -> F64:
        """(n,) a column of `cards`."""
        return self.cards[:, CARD_FIELDS.index(name)]

    def each(self, of_decisions: F64) -> F64:
        """(n,) a value of the decision for each of its candidates."""
        return of_decisions.take(self.owner)

    def fact(self, column: int) -> F64:
        """(n,) a member's fact for each candidate."""
        return self.each(self.facts[:, column])

    def stat(self, column: int) -> F64:
        """(n,) a number of the show, as float64."""
        return self._columns[column]

    def span(self, first_column: int, columns: int) -> F64:
        """(columns, n) neighbouring numbers of the show, as float64."""
        return self._columns[first_column : first_column + columns]

    def usual(self, name: str) -> F64:
        """(n,) a column of the population's shows."""
        return self._of_shows[SHOW_COLUMNS.index(name)]

    def usual_title(self, name: str) -> F64:
        """(n,) a column of the population's titles."""
        return self._of_titles[TITLE_COLUMNS.index(name)]

    def hours_since(self, column: int) -> F64:
        """(n,) hours from a time of the show until now; NEVER_H where it is 0."""
        return self._hours_since[column]

    def here(self, first_column: int) -> F64:
        """(n,) the number of the show at the column of the decision's device slot."""
        return self._columns[first_column + self.slot_each, self.rows]

    # --- shared intermediate columns

    @cached_property
    def offsets(self) -> I64:
        """(m + 1,) where each decision's candidates begin."""
        counts = self.now("candidates").astype(np.int64)
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])

    @cached_property
    def owner(self) -> I64:
        """(n,) the decision of each candidate."""
        return np.repeat(np.arange(self.decisions), np.diff(self.offsets))

    @cached_property
    def _columns(self) -> F64:
        """(STAT_COLUMNS, n): a column lies in one piece, since features read columns."""
        return np.ascontiguousarray(self.stats.T, dtype=np.float64)

    @cached_property
    def _hours_since(self) -> F64:
        """(TIME_COLUMNS, n): of all times at once, since a call of numpy costs more than what it does here."""
        then = np.ascontiguousarray(self.times.T)
        return np.where(then > 0, np.maximum(0.0, (self.now_each - then) / _HOUR_MS), NEVER_H)

    @cached_property
    def _of_shows(self) -> F64:
        """(SHOW_COLUMNS, n) of the population."""
        return np.ascontiguousarray(self.population.shows[self.show_rows].T, dtype=np.float64)

    @cached_property
    def _of_titles(self) -> F64:
        """(TITLE_COLUMNS, n) of the population."""
        return np.ascontiguousarray(self.population.titles[self.title_rows].T, dtype=np.float64)

    @cached_property
    def rows(self) -> I64:
        """(n,) 0, 1, 2, …"""
        return np.arange(self.size)

    @cached_property
    def now_each(self) -> F64:
        return self.each(self.now("now_ms"))

    @cached_property
    def slot_each(self) -> I64:
        return self.each(self.now("slot")).astype(np.int64)

    @cached_property
    def recency_rank(self) -> I64:
        """(n,) 0 for the show last played: candidates stand in that order."""
        return self.rows - self.offsets[self.owner]

    @cached_property
    def hours_since_play(self) -> F64:
        return self.hours_since(s.LAST_PLAY)

    @cached_property
    def hours_since_here(self) -> F64:
        """(n,) hours since the show was last played on this device; NEVER_H where it was not."""
        last = self.here(s.DEVICE_LAST)
        now = (self.now_each - s.HOURS_ORIGIN_MS) / _HOUR_MS
        return np.where(last > 0, np.maximum(0.0, now - last), NEVER_H)

    @cached_property
    def log_since_play(self) -> F64:
        """(n,) ln(1 + hours since the last counted play began)."""
        return np.log1p(self.hours_since_play)

    @cached_property
    def log_since_watched(self) -> F64:
        """(n,) ln(1 + hours since it was last watched)."""
        return np.log1p(self.hours_since(s.LAST_WATCHED))

    @cached_property
    def log_since_here(self) -> F64:
        """(n,) ln(1 + hours since it was last played on this device)."""
        return np.log1p(self.hours_since_here)

    @cached_property
    def plays_on_devices(self) -> F64:
        """(n,) its plays on all devices, as of its last play."""
        return self.span(s.DEVICE_PLAYS, s.MAX_DEVICES).sum(axis=0)

    @cached_property
    def plays_here(self) -> F64:
        """(n,) its plays on this device, as of its last play."""
        return self.here(s.DEVICE_PLAYS)

    @cached_property
    def at_hour(self) -> F64:
        """(n,) its plays at about this hour, as of its last play."""
        return self.about_now(self.span(s.HOUR_PLAYS, s.HOUR_BINS))

    @cached_property
    def decayed_5(self) -> F64:
        """(n,) plays, half-life 5 days, as of now."""
        return self.decayed(s.DECAYED_5, 5.0)

    @cached_property
    def decayed_20(self) -> F64:
        """(n,) plays, half-life 20 days, as of now."""
        return self.decayed(s.DECAYED_20, 20.0)

    @cached_property
    def recent_firsts(self) -> F64:
        """(n,) sessions that it opened, half-life 20 days, as of now."""
        return self.decayed(s.RECENT_FIRSTS, 20.0)

    def decayed(self, column: int, half_life_days: float) -> F64:
        """(n,) a count kept as of the last play, brought forward to now."""
        return self.stat(column) * self.fading(half_life_days)

    def fading(self, half_life_days: float) -> F64:
        """(n,) what is left of a count since the last play."""
        if half_life_days not in self._fading:
            self._fading[half_life_days] = np.exp2(self.hours_since_play * (-1.0 / (DAY_H * half_life_days)))
        return self._fading[half_life_days]

    @cached_property
    def vectors(self) -> F32:
        """(n, d) of the shows, of length 1; zeros where a show has none."""
        return self.population.vectors.unit(self.vector_rows)

    @cached_property
    def _fading(self) -> dict[float, F64]:
        return {}

    def about_now(self, bins: F64) -> F64:
        """(n,) of (HOUR_BINS, n): the two bins about the hour, weighed by how near their middles are."""
        left, weight = self._hour_bins
        return (1.0 - weight) * bins[left, self.rows] + weight * bins[(left + 1) % s.HOUR_BINS, self.rows]

    @cached_property
    def _hour_bins(self) -> tuple[I64, F64]:
        at = self.each(self.now("hour") * (s.HOUR_BINS / 24.0) - 0.5)
        low = np.floor(at)
        return low.astype(np.int64) % s.HOUR_BINS, at - low

    # --- within a decision

    def total(self, values: F64) -> F64:
        """(m,) sums over each decision's candidates."""
        return np.asarray(np.bincount(self.owner, weights=values, minlength=self.decisions), np.float64)

    def share(self, values: F64) -> F64:
        """(n,) each value's share of its decision's total; 0 where that is 0."""
        return ratio(values, self.each(self.total(values)))

    def rank(self, values: F64) -> I64:
        """(n,) 0 for the highest value of each decision; equals stand in order of recency."""
        order = np.lexsort((-values, self.owner))  # stable
        ranks = np.empty(self.size, dtype=np.int64)
        ranks[order] = self.recency_rank
        return ranks

    def first(self, values: F64) -> F64:
        """(m,) the value of each decision's first candidate; 0 where it has none."""
        result = np.zeros(self.decisions)
        some = np.diff(self.offsets) > 0
        result[some] = values[self.offsets[:-1][some]]
        return result


def ratio(part: F64, whole: F64, unknown: float = 0.0) -> F64:
    """part / whole, or `unknown` where whole is 0."""
    result = np.empty(part.shape)
    result.fill(unknown)
    return np.divide(part, whole, out=result, where=whole > 0)
