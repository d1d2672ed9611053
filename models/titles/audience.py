"""Audiences of past titles as arrays: what is usual in a country, and how titles and countries depart from it.

The audience of title t in country c, as y = ln(1 + audience), is taken apart as y = m_c + a_t + u_t·v_c + noise: what
is usual in the country, how the title does everywhere, and what it does here and not there. v_c are the country
vectors: countries whose v are alike like the same titles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from models.examples import Bools, Doubles, Longs
from models.titles.table import AudienceRow

DIMENSIONS: Final = 6  # of country vectors at most
FEW: Final = 3.0  # rows of a country that weigh as much as the mean of all countries
_ROUNDS: Final = 15


@dataclass(frozen=True, slots=True)
class AudienceTable:
    """Pairs of a title and a country with their audience; m pairs, in no particular order."""

    codes: list[str]  # of countries, (c,)
    titles: int  # rows of the titles table that `title` points into
    title: Longs  # (m,) row of the titles table
    country: Longs  # (m,) index into codes
    log_size: Doubles  # (m,) ln(1 + audience)

    def select(self, mask: Bools) -> "AudienceTable":
        """The pairs of a mask (m,); titles and countries stay as they are."""
        return AudienceTable(self.codes, self.titles, self.title[mask], self.country[mask], self.log_size[mask])

    @property
    def launched(self) -> Longs:
        """The rows of titles that have an audience anywhere, ascending."""
        return np.unique(self.title)


class Decomposed(NamedTuple):
    """The parts of an audience table. Titles without an audience have zeros."""

    country_mean: Doubles  # (c,) m_c, drawn to the mean of all where a country has few rows
    country_rows: Longs  # (c,) how many pairs m_c rests on
    title_level: Doubles  # (titles,) a_t, drawn to 0 where a title has few pairs
    title_factors: Doubles  # (titles, k) u_t
    country_vectors: Doubles  # (c, k) v_c


def gather(rows: Iterable[AudienceRow], index: dict[str, int]) -> tuple[AudienceTable, int]:
    """Rows as a table by `index` (title_id to row), and how many rows name no title of it."""
    given = list(rows)
    known = [row for row in given if row.title_id in index]
    codes = sorted({row.country for row in known})
    place = {code: number for number, code in enumerate(codes)}
    table = AudienceTable(
        codes,
        len(index),
        np.array([index[row.title_id] for row in known], np.int64),
        np.array([place[row.country] for row in known], np.int64),
        np.log1p(np.array([row.audience for row in known], np.float64)),
    )
    return table, len(given) - len(known)


def decompose(table: AudienceTable, dimensions: int = DIMENSIONS) -> Decomposed:
    """Takes a table apart by alternating least squares; each title's and country's part is drawn to 0 by as much as
    the noise asks (probabilistic principal components with gaps: Ilin and Raiko, 2010, without their variances).

    There are at most a quarter as many dimensions as countries with twenty rows; with one country there are none.
    """
    countries = len(table.codes)
    rows = np.bincount(table.country, minlength=countries)
    mean = _country_mean(table, rows)
    rest = table.log_size - mean[table.country]
    launched, at = np.unique(table.title, return_inverse=True)
    k = max(0, min(dimensions, int((rows >= 20).sum()) // 4))
    vectors = np.hstack([np.ones((countries, 1)), np.random.default_rng(0).normal(0, 0.1, (countries, k))])
    spread = np.concatenate([[max(rest.var(), 1e-6)], np.full(k, max(rest.var() / 4, 1e-6))])
    noise = max(rest.var() / 2, 1e-6)
    scores = np.zeros((len(launched), 1 + k))
    for _ in range(_ROUNDS if k else 3):
        scores = _solve(at, len(launched), vectors[table.country], rest, np.diag(noise / spread))
        if k:
            left = rest - scores[at, 0]
            vectors[:, 1:] = _solve(table.country, countries, scores[at, 1:], left, np.eye(k))
            spread[1:] = np.maximum((scores[:, 1:] ** 2).mean(0), 1e-6)
        spread[0] = max((scores[:, 0] ** 2).mean(), 1e-6)
        noise = max(((rest - (scores[at] * vectors[table.country]).sum(1)) ** 2).mean(), 1e-6)
    if k:
        # The same products with factors that are uncorrelated, the most telling first, each of variance 1.
        left_turn, size, turn = np.linalg.svd(scores[:, 1:] @ vectors[:, 1:].T, full_matrices=False)
        scores[:, 1:] = left_turn[:, :k] * np.sqrt(len(launched))
        vectors[:, 1:] = turn[:k].T * size[:k] / np.sqrt(len(launched))
    level = np.zeros(table.titles)
    factors = np.zeros((table.titles, k))
    level[launched], factors[launched] = scores[:, 0], scores[:, 1:]
    return Decomposed(mean, rows, level, factors, vectors[:, 1:])


def usual_without(table: AudienceTable, parts: Decomposed) -> Doubles:
    """What would be usual in the country of each pair had the pair not been, (m,): for a country with few rows that is
    what a title not yet launched is compared with."""
    rows = parts.country_rows[table.country] + FEW
    return np.asarray((parts.country_mean[table.country] * rows - table.log_size) / (rows - 1))


def matrix(table: AudienceTable, mean: Doubles, titles: Longs) -> tuple[Doubles, Doubles]:
    """What `titles` do beyond what is usual in a country, (t, c), 0 where it is not known; and 1.0 where it is."""
    place = np.full(table.titles, -1, np.int64)
    place[titles] = np.arange(len(titles))
    here = place[table.title] >= 0
    beyond, known = np.zeros((2, len(titles), len(table.codes)))
    at = place[table.title[here]], table.country[here]
    beyond[at] = table.log_size[here] - mean[table.country[here]]
    known[at] = 1.0
    return beyond, known


def _country_mean(table: AudienceTable, rows: Longs) -> Doubles:
    sums = np.bincount(table.country, weights=table.log_size, minlength=len(rows))
    overall = (sums / np.maximum(rows, 1))[rows > 0].mean() if len(table.title) else 0.0
    return np.asarray((sums + FEW * overall) / (rows + FEW))


def _solve(group: Longs, groups: int, inputs: Doubles, target: Doubles, ridge: Doubles) -> Doubles:
    """Least squares of each group by itself: (groups, d) of `inputs` (m, d) and `target` (m,) with `ridge` (d, d)."""
    d = inputs.shape[1]
    products = np.zeros((groups, d, d))
    for i in range(d):
        for j in range(i, d):
            products[:, i, j] = np.bincount(group, inputs[:, i] * inputs[:, j], groups)
            products[:, j, i] = products[:, i, j]
    right = np.stack([np.bincount(group, inputs[:, i] * target, groups) for i in range(d)], 1)
    return np.asarray(np.linalg.solve(products + ridge, right[..., None])[..., 0])
