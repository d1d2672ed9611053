"""Statistics of shows and titles over members, from the viewings of the training households alone.

Rates of shows with few members are drawn towards the rate over all shows: a share of n is (hits + 3 × overall) /
(n + 3). What a single member did says little about the next one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.examples import Bools, Doubles, Floats, Longs, Plays
from streams.catalog import Catalog
from streams.localtime import DAY_MS
from streams.place import FINISHED_SHARE
from streams.population import SHOW_COLUMNS, TITLE_COLUMNS, Population, build, empty
from streams.vectors import Vectors

DRAWN: Final = 3.0  # weight of the overall rate, in members
RETURN_DAYS: Final = 30
RECENT_DAYS: Final = 30
ENOUGH_MEMBERS: Final = 3  # from so many on a title's own stops tell its length
COUNTS: Final = ("members_log", "recent_log")  # columns that are ln(1 + members)
FURTHEST: Final = 0.8  # of last positions: most who get there have seen the end


def of_plays(plays: Plays, catalog: Catalog | None = None) -> Population:
    """The population of all viewings given, with the catalogue's vectors; empty where there are no viewings."""
    vectors = catalog.vectors if catalog is not None else Vectors()
    if not len(plays):
        return replace(empty(), vectors=vectors)
    titles_present, title = np.unique(plays.title, return_inverse=True)
    shows_present, show = np.unique(plays.show, return_inverse=True)
    show_of_title = np.zeros(len(titles_present), np.int64)
    show_of_title[title] = show
    titles = _titles(plays, title.astype(np.int64), show.astype(np.int64), show_of_title)
    shows = _shows(plays, show.astype(np.int64))
    shows["episode_s"] = _median_by(show_of_title, titles["usual_end_s"], len(shows_present))
    show_ids = plays.shows[shows_present].tolist()
    if catalog is not None:
        kids = [any(title.kids for title in catalog.of_show(show_id)) for show_id in show_ids]
        shows["kids"] = np.array(kids, dtype=np.float64)
    of_all = build(
        show_ids,
        np.stack([shows[name] for name in SHOW_COLUMNS], axis=1).astype(np.float32),
        plays.titles[titles_present].tolist(),
        np.stack([titles[name] for name in TITLE_COLUMNS], axis=1).astype(np.float32),
    )
    return replace(of_all, vectors=vectors)


def pooled(own: Population, prior: Population) -> Population:
    """Both populations as one, each figure weighed by the members behind it; 0 is unknown where a length is meant."""
    shows, show_ids = _pooled(own.show_index, own.shows, prior.show_index, prior.shows, SHOW_COLUMNS, "episode_s")
    titles, title_ids = _pooled(
        own.title_index, own.titles, prior.title_index, prior.titles, TITLE_COLUMNS, "usual_end_s"
    )
    return replace(build(show_ids, shows, title_ids, titles), vectors=own.vectors or prior.vectors)


def _pooled(
    index: Mapping[str, int],
    own: Floats,
    prior_index: Mapping[str, int],
    prior: Floats,
    columns: Sequence[str],
    length: str,
) -> tuple[Floats, list[str]]:
    ids = [*prior_index, *(name for name in index if name not in prior_index)]
    sides = np.zeros((2, len(ids), len(columns)))
    for side, (known, table) in enumerate(((index, own), (prior_index, prior))):
        rows = np.array([known.get(name, -1) for name in ids], np.int64)
        sides[side, rows >= 0] = table[rows[rows >= 0]]
    counts = [at for at, name in enumerate(columns) if name in COUNTS]
    members = np.expm1(sides[:, :, columns.index("members_log")])
    weights = np.repeat(members[:, :, None], len(columns), axis=2)
    weights[:, :, columns.index(length)] *= sides[:, :, columns.index(length)] > 0
    total = weights.sum(axis=0)
    pooled = np.divide((weights * sides).sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
    pooled[:, counts] = np.log1p(np.expm1(sides[:, :, counts]).sum(axis=0))
    return pooled.astype(np.float32), ids


def _shows(plays: Plays, show: Longs) -> dict[str, Doubles]:
    """Columns of SHOW_COLUMNS by show number, but for what titles and the catalogue tell."""
    count = int(show.max()) + 1
    window_end = int(plays.ts.max())
    # One line per member, show and session: m, s sorted so that a member's sessions of a show follow each other.
    first_of_session = _first_of_session(plays)
    order = np.lexsort((plays.ts, plays.session, show, plays.member))
    member, of_show, session, ts = plays.member[order], show[order], plays.session[order], plays.ts[order]
    new_pair = _changes(member, of_show)
    new_line = new_pair | _changes(session)
    starts = np.flatnonzero(new_line)
    opened = np.logical_or.reduceat(first_of_session[order], starts)
    member, of_show, ts, new_pair = member[starts], of_show[starts], ts[starts], new_pair[starts]
    followed = np.append(~new_pair[1:], False)  # the next line is the same member's next session of the show
    gap_h = np.append(np.diff(ts), 0) / 3_600_000
    returned = followed & (gap_h <= 24 * RETURN_DAYS)
    known = returned | (ts <= window_end - RETURN_DAYS * DAY_MS)  # else the window ended before one could tell
    sessions_of_pair = np.diff(np.append(np.flatnonzero(new_pair), len(new_pair)))
    pair_show = of_show[new_pair]
    recent = np.unique(np.stack([member, of_show])[:, ts >= window_end - RECENT_DAYS * DAY_MS], axis=1)
    episodic = (plays.season >= 0) | (plays.episode >= 0)
    return {
        "members_log": np.log1p(_sum(pair_show, None, count)),
        "recent_log": np.log1p(_sum(recent[1].astype(np.int64), None, count)),
        "return_rate": _rate(of_show[known], returned[known], count),
        "once_rate": _rate(pair_show, sessions_of_pair == 1, count),
        "sessions_mean": np.log1p(_mean(pair_show, sessions_of_pair, count)),
        "gap_log_mean": _mean(of_show[followed], np.log1p(np.maximum(gap_h[followed], 0)), count),
        "first_rate": _rate(of_show, opened, count),
        "series": _sum(show, episodic, count) / _sum(show, None, count),
        "kids": np.zeros(count),
    }


def _titles(plays: Plays, title: Longs, show: Longs, show_of_title: Longs) -> dict[str, Doubles]:
    """Columns of TITLE_COLUMNS by title number."""
    count = len(show_of_title)
    order = np.lexsort((plays.ts, title, plays.member))
    starts = np.flatnonzero(_changes(plays.member[order], title[order]))
    of_title, member = title[order][starts], plays.member[order][starts]
    furthest = np.maximum.reduceat(plays.stop_s[order].astype(np.float64), starts)
    members = _sum(of_title, None, count)
    usual = _quantile_by(of_title, furthest, FURTHEST, count)
    # With too few members the show's other titles tell the length, unless somebody got further here.
    length = _median_by(show_of_title, usual, int(show_of_title.max()) + 1)[show_of_title]
    usual = np.where(members >= ENOUGH_MEMBERS, usual, np.maximum(usual, length))
    # A member went on where the last viewing of any title of the show began after this title's first.
    last_by_pair = _LastStart(plays, title, show)
    first_ts = plays.ts[order][starts]
    went_on = last_by_pair(member, show_of_title[of_title], of_title) > first_ts
    return {
        "usual_end_s": usual,
        "finish_rate": _rate(of_title, furthest >= FINISHED_SHARE * usual[of_title], count),
        "next_rate": _rate(of_title, went_on, count),
        "members_log": np.log1p(members),
    }


class _LastStart:
    """When a member last began a title of a show other than a given one."""

    def __init__(self, plays: Plays, title: Longs, show: Longs) -> None:
        order = np.lexsort((plays.ts, show, plays.member))
        self._shows = int(show.max()) + 1
        key = plays.member[order].astype(np.int64) * self._shows + show[order]
        ends = np.append(np.flatnonzero(_changes(key))[1:], len(key)) - 1
        self._keys, self._last, self._title = key[ends], plays.ts[order][ends], title[order][ends]
        # The last of the titles that are not the last one: where that one is asked for.
        other = title[order] != self._title[np.searchsorted(self._keys, key)]
        before = np.where(other, plays.ts[order], -1)
        self._other = np.maximum.reduceat(before, np.flatnonzero(_changes(key)))

    def __call__(self, member: NDArray[np.int32], show: Longs, title: Longs) -> Longs:
        at = np.searchsorted(self._keys, member.astype(np.int64) * self._shows + show)
        return np.where(self._title[at] == title, self._other[at], self._last[at])


def _first_of_session(plays: Plays) -> Bools:
    """(v,) the viewing that began first in its session."""
    order = np.lexsort((plays.ts, plays.session, plays.member))
    first = np.zeros(len(plays), np.bool_)
    first[order] = _changes(plays.member[order], plays.session[order])
    return first


def _changes(*columns: NDArray[np.integer]) -> Bools:
    """True where any column differs from the line before; the first line is a change."""
    changed = np.ones(len(columns[0]), np.bool_)
    changed[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return changed


def _sum(group: Longs, values: NDArray[np.generic] | None, count: int) -> Doubles:
    return np.bincount(group, weights=values, minlength=count).astype(np.float64)


def _rate(group: Longs, hits: Bools, count: int) -> Doubles:
    """Share of hits by group, drawn towards the overall share; that share where a group has none."""
    overall = float(hits.mean()) if len(hits) else 0.0
    return (_sum(group, hits, count) + DRAWN * overall) / (_sum(group, None, count) + DRAWN)


def _mean(group: Longs, values: NDArray[np.generic], count: int) -> Doubles:
    """Mean by group, drawn towards the overall mean likewise."""
    numbers = values.astype(np.float64)
    overall = float(numbers.mean()) if len(numbers) else 0.0
    return (_sum(group, numbers, count) + DRAWN * overall) / (_sum(group, None, count) + DRAWN)


def _quantile_by(group: Longs, values: Doubles, q: float, count: int) -> Doubles:
    """The value at the quantile (the higher of two neighbours) of each group; 0 where it has none."""
    order = np.lexsort((values, group))
    sizes = np.bincount(group, minlength=count)
    ends = np.cumsum(sizes)
    result = np.zeros(count)
    some = sizes > 0
    at = (ends - sizes + np.ceil(q * (sizes - 1)).astype(np.int64))[some]
    result[some] = values[order][at]
    return result


def _median_by(group: Longs, values: Doubles, count: int) -> Doubles:
    return _quantile_by(group, values, 0.5, count)
