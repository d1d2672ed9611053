"""Orders that need no training: what a model has to beat. Each gives a score per candidate, higher first."""

from typing import Final

import numpy as np

from models.examples import Examples, Floats
from streams import show
from streams.localtime import DAY_MS
from streams.population import SHOW_COLUMNS, Population

NAMES: Final = ("recency", "decayed_count", "play_count", "popularity")


def scores(name: str, examples: Examples, population: Population) -> Floats:
    """(n,) scores of one baseline; ties are broken by recency wherever scores are ordered.

    recency: the show played last first. decayed_count: plays, each halved every 5 days. play_count: plays.
    popularity: members who played the show, of the given population.
    """
    if name == "recency":
        return -examples.recency_rank.astype(np.float32)
    if name == "decayed_count":
        days = (examples.ts[examples.decision] - examples.times[:, show.LAST_PLAY]) / DAY_MS
        half_life = show.HALF_LIVES_DAYS[show.DECAYED_5 - show.DECAYED_1]
        return np.asarray(examples.stats[:, show.DECAYED_5] * np.exp2(-days / half_life), np.float32)
    if name == "play_count":
        return examples.stats[:, show.PLAYS]
    if name == "popularity":
        rows = population.show_rows(examples.shows.tolist())
        known = rows < len(population.show_index)
        members = np.where(known, population.shows[rows, SHOW_COLUMNS.index("members_log")], 0.0)
        return members[examples.show].astype(np.float32)
    raise ValueError(f"no baseline is called {name!r}")
