"""Copies what decisions need out of member states, so that a whole batch becomes a few matrices."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from streams import facts as f
from streams import show as s
from streams.cards import NEW_EPISODE, NEXT_EPISODE, RESUME, Card, card
from streams.catalog import Catalog
from streams.counting import pair_hash
from streams.device import Device
from streams.events import DEVICES
from streams.features.batch import CARD_FIELDS, DECISION_FIELDS, Batch
from streams.localtime import DAY_MS, local_hour
from streams.member import MemberState
from streams.population import Population
from streams.profiles import NO_PROFILE, Profile
from streams.show import Show

REASON_CODES: Final = {None: 0, RESUME: 1, NEXT_EPISODE: 2, NEW_EPISODE: 3}
_DEVICE_CODES: Final = {device: code for code, device in enumerate(DEVICES)}


class Candidate(NamedTuple):
    """A show that the member may continue, with its card."""

    show: Show
    card: Card


class Gatherer:
    """Collects decisions; `batch` hands them over as columns and starts anew."""

    def __init__(self, candidate_days: int, catalog: Catalog) -> None:
        self._window_ms = candidate_days * DAY_MS
        self._catalog = catalog
        self._clear()

    def _clear(self) -> None:
        self._numbers: list[bytes] = []  # times and stats of each decision's candidates, in turn
        self._facts: list[bytes] = []
        self._decisions: list[tuple[float, ...]] = []
        self._show_ids: list[str] = []
        self._title_ids: list[str | None] = []
        self._cards: list[tuple[float, ...]] = []  # CARD_FIELDS

    def __len__(self) -> int:
        return len(self._decisions)

    def add(self, state: MemberState, device: Device, now_ms: int, profile: Profile = NO_PROFILE) -> list[Candidate]:
        """One decision: `state` on `device` at `now_ms`. Returns its candidates, last played first.

        Candidates are the shows played in the last `candidate_days`, and those that have a new title since. The
        profile's country stands in where the member's events have named none.
        """
        shows = self._candidates(state, now_ms)
        country = state.country or profile.country or None
        catalog = self._catalog
        result = []
        numbers: list[Any] = []
        for show in shows:
            of_show = card(show, catalog, country, now_ms)
            result.append(Candidate(show, of_show))
            numbers += (show.times, show.stats)
            self._show_ids.append(show.show_id)
            self._title_ids.append(show.title_id)
            self._cards.append(self._card_numbers(show, of_show, now_ms))
        self._numbers.append(b"".join(numbers))  # a copy: the state goes on
        self._facts.append(state.facts.tobytes())
        hour, weekday = local_hour(now_ms, state.tz)
        self._decisions.append(
            (
                now_ms,
                len(shows),
                device.slot,
                _DEVICE_CODES[device.device],
                hour,
                weekday,
                pair_hash(state.last_show) if state.last_show else 0.0,
                pair_hash(device.last_show) if device.last_show else 0.0,
                len(state.devices),
                self._same_type_slots(state, device),
                _country_code(country),
                profile.signed_up_at,
                profile.languages,
                profile.kids,
            )
        )
        return result

    def batch(self, population: Population) -> Batch:
        """The decisions added since the last call."""
        raw = np.frombuffer(b"".join(self._numbers), dtype=np.uint8)
        width = 8 * s.TIME_COLUMNS + 4 * s.STAT_COLUMNS
        raw = raw.reshape(len(self._show_ids), width)
        decisions = np.array(self._decisions, dtype=np.float64).reshape(-1, len(DECISION_FIELDS))
        batch = Batch(
            times=np.ascontiguousarray(raw[:, : 8 * s.TIME_COLUMNS]).view(np.int64),
            stats=np.ascontiguousarray(raw[:, 8 * s.TIME_COLUMNS :]).view(np.float32),
            facts=np.frombuffer(b"".join(self._facts), dtype=np.float64).reshape(-1, f.FACT_COLUMNS),
            context=decisions,
            cards=np.array(self._cards, dtype=np.float64).reshape(-1, len(CARD_FIELDS)),
            show_rows=population.show_rows(self._show_ids),
            title_rows=population.title_rows(self._title_ids),
            vector_rows=population.vectors.rows(self._show_ids),
            show_hashes=np.array([pair_hash(show_id) for show_id in self._show_ids], dtype=np.float64),
            population=population,
        )
        self._clear()
        return batch

    def _candidates(self, state: MemberState, now_ms: int) -> list[Show]:
        oldest = now_ms - self._window_ms
        known = self._catalog
        shows = []
        for show in state.shows.values():
            times = show.times
            if times[s.LAST_PLAY] > 0 and (
                times[s.LAST_PLAY] >= oldest
                or (known.knows(show.show_id) and known.has_new(show.show_id, times[s.PLACE_AT], now_ms))
            ):
                shows.append(show)
        shows.sort(key=_last_watched, reverse=True)
        return shows

    def _card_numbers(self, show: Show, of_show: Card, now_ms: int) -> tuple[float, ...]:
        """CARD_FIELDS."""
        catalog, show_id, title_id = self._catalog, show.show_id, show.title_id or ""
        reason, runtime = REASON_CODES[of_show.reason], show.stats[s.DURATION_S]
        if not catalog.knows(show_id):
            return reason, runtime, 0.0, 0.0, -1.0, 0.0
        titles = catalog.titles
        if not runtime and (place := titles.get(title_id)) is not None:
            runtime = place.runtime_s or 0.0
        out, left, season_share = catalog.standing(show_id, title_id, now_ms)
        next_title = titles.get(of_show.title_id or "")
        return reason, runtime, out, left, season_share, next_title.added_at if next_title is not None else 0

    @staticmethod
    def _same_type_slots(state: MemberState, device: Device) -> int:
        """A bit for each slot whose device is of this type."""
        if len(state.devices) == 1:
            return 1 << device.slot
        return sum(1 << other.slot for other in state.devices.values() if other.device == device.device)


@lru_cache(maxsize=1024)
def _country_code(country: str | None) -> float:
    """A number for each country of two letters, those with the same first letter together; -1 for anything else."""
    if country is None or len(country) != 2 or not ("A" <= country[0] <= "Z" and "A" <= country[1] <= "Z"):
        return -1.0
    return 26.0 * (ord(country[0]) - 65) + ord(country[1]) - 65


def _last_watched(show: Show) -> tuple[int, str]:
    return show.times[s.LAST_WATCHED], show.show_id
