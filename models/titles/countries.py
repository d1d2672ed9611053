"""Which countries are alike: by learned country vectors, and by which titles do well in them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.examples import Doubles, Floats, Longs
from models.titles.audience import AudienceTable, decompose, matrix

ENOUGH: Final = 10  # titles that two countries must share for their audiences to be compared


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike c countries are: cosines (c, c) of -1 to 1, NaN where nothing is known."""

    codes: list[str]
    cosine: Doubles

    def nearest(self, country: int, count: int) -> list[tuple[int, float]]:
        """The other countries with their cosine, the nearest first; those that can't be compared are left out."""
        row = self.cosine[country].copy()
        row[country] = np.nan
        known = np.flatnonzero(~np.isnan(row))
        return [(int(other), float(row[other])) for other in known[np.argsort(-row[known], kind="stable")][:count]]


def by_vectors(codes: list[str], vectors: Doubles | Floats) -> Alike:
    """By the cosine of vectors (c, d), less their mean: what all countries share tells none apart."""
    return Alike(codes, _cosine(vectors - vectors.mean(0)))


def by_profile(table: AudienceTable) -> tuple[Alike, Longs]:
    """By the correlation, over the titles that two countries share, of how titles do there beyond what they do
    everywhere; and how many they share, (c, c)."""
    parts = decompose(table, 0)
    beyond, known = matrix(table, parts.country_mean, table.launched)
    departure = (beyond - parts.title_level[table.launched, None]) * known
    shared = known.T @ known
    product = departure.T @ departure
    squares = (departure**2).T @ known  # of each country over the titles that it shares with another
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = product / np.sqrt(squares * squares.T)
    cosine[(shared < ENOUGH) | ~np.isfinite(cosine)] = np.nan
    return Alike(table.codes, cosine), shared.astype(np.int64)


def _cosine(vectors: Doubles | Floats) -> Doubles:
    norms = np.linalg.norm(vectors, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = vectors / norms[:, None]
    return np.asarray(unit @ unit.T)
