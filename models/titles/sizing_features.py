"""What the audience model is told of a title and a country."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from models.boosting import SEED
from models.examples import Bools, Doubles, Floats, Longs
from models.titles import past
from models.titles.audience import AudienceTable, Decomposed, decompose, matrix
from models.titles.past import Alike, Past
from models.titles.table import FILM, SERIES, TitleRecord

DIRECTIONS: Final = 16  # of the title vectors that trees may ask about
COMMON: Final = 40  # categories, tags, countries of origin: as many of each as trees may ask about
LINEAR: Final = ("fields", "people")  # bags whose words have weights of their own in the linear part
FREQUENT: Final = 300  # words of a bag, those of most titles
GAIN: Final = 0.01  # by which vectors must lower the linear part's squared error, or they are left out
FEWEST: Final = 5  # titles that have a word, for it to be asked about
PARTS: Final = 10  # of past titles, each told by a linear part that has not seen it
_PENALTIES: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)

Tick = Callable[[], None]


class OfTitles(NamedTuple):
    """What the model is told of n titles."""

    inputs: Floats  # (n, features) how they do everywhere
    told: Doubles  # (n, 1 + c) by the linear part: everywhere, and beyond that in each country
    found: dict[str, Alike]  # the past titles that are like them, by view


@dataclass(frozen=True, slots=True)
class Described:
    """Titles as models see them: n records, and their vectors by view (n, d), of length one or zero, dense or sparse.

    Dense views are learned vectors; sparse ones are bags (models.titles.bags).
    """

    titles: Sequence[TitleRecord]
    views: Mapping[str, Any]

    def rows(self, rows: Longs) -> "Described":
        """Some of the titles."""
        return Described([self.titles[row] for row in rows], {name: view[rows] for name, view in self.views.items()})

    def only(self, views: Sequence[str]) -> "Described":
        """The same titles, told by some of the views."""
        return Described(self.titles, {name: view for name, view in self.views.items() if name in views})

    @property
    def years(self) -> Doubles:
        """(n,) NaN where not known."""
        return np.array([np.nan if t.release_year is None else t.release_year for t in self.titles], np.float64)

    @property
    def dense(self) -> Floats:
        """The dense views side by side, (n, d)."""
        views = [np.asarray(view, np.float32) for view in self.views.values() if not hasattr(view, "todense")]
        return np.hstack(views) if views else np.zeros((len(self.titles), 0), np.float32)


class Facts:
    """What the table says of a title in columns that trees can ask about."""

    def __init__(self, titles: Sequence[TitleRecord]) -> None:
        from collections import Counter

        self._common: dict[str, dict[str, int]] = {}
        self.names = ["film", "release_year", "people", "categories", "tags", "origins", "words"]
        for field in ("categories", "tags", "countries"):
            counted = Counter(value for title in titles for value in getattr(title, field))
            chosen = [value for value, count in counted.most_common(COMMON) if count >= FEWEST]
            self._common[field] = {value: len(self.names) + i for i, value in enumerate(chosen)}
            self.names += [f"{field}: {value}" for value in chosen]

    def columns(self, titles: Sequence[TitleRecord]) -> Floats:
        """(n, f) float32; NaN where nothing is known."""
        made = np.zeros((len(titles), len(self.names)), np.float32)
        for row, title in enumerate(titles):
            made[row, :7] = (
                {FILM: 1.0, SERIES: 0.0}.get(title.kind, np.nan),
                np.nan if title.release_year is None else title.release_year,
                len(title.people) or np.nan,
                len(title.categories) or np.nan,
                len(title.tags) or np.nan,
                len(title.countries) or np.nan,
                len(title.summary.split()) or np.nan,
            )
            for field, places in self._common.items():
                for value in getattr(title, field):
                    if value in places:
                        made[row, places[value]] = 1.0
        return made


@dataclass(frozen=True, slots=True)
class Linear:
    """Ridge regression from vectors to how a title does everywhere, and to how it departs from that in each country."""

    centre: Doubles  # (d,) of the vectors that it was learned from
    usual: Doubles  # (1 + c,) of the targets
    weights: Doubles  # (d, 1 + c)
    own: Doubles  # (p, 1 + c) what a regression without it and others says of each past title
    turn: Doubles  # (DIRECTIONS at most, d) where the vectors vary most

    @classmethod
    def learn(cls, vectors: Floats | Doubles, target: Doubles) -> tuple["Linear", float]:
        """Learns from (p, d) and (p, 1 + c); and its squared error on titles left out.

        Each output has the penalty with the least error on titles left out, PARTS times a part of them; a past title's
        own values are those of a regression without its part. They follow from the regression on all titles: with H
        the block of the hat matrix for a part and e its residuals, (1 - H)^-1 e are the errors without it (for single
        titles: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 7.10). Single titles must not
        be left out: what the others say then falls as the title's own value rises, and trees read it off that.
        """
        vectors = np.asarray(vectors, np.float64)
        centre, usual = vectors.mean(0), target.mean(0)
        left, size, turn = _singular(vectors - centre)
        aim = left.T @ (target - usual)
        owned = np.zeros(target.shape)
        weights = np.zeros((vectors.shape[1], target.shape[1]))
        least = np.full(target.shape[1], np.inf)
        part = np.random.default_rng(SEED).permutation(len(left)) % PARTS
        for penalty in _PENALTIES:
            kept = size**2 / (size**2 + penalty)
            error = target - usual - (left * kept) @ aim
            for rows in (np.flatnonzero(part == number) for number in range(PARTS)):
                hat = (left[rows] * kept) @ left[rows].T + 1 / len(left)
                error[rows] = np.linalg.solve(np.eye(len(rows)) - hat, error[rows])
            squared = (error**2).mean(0)
            better = squared < least
            least[better], owned[:, better] = squared[better], (target - error)[:, better]
            weights[:, better] = turn.T @ ((kept / np.maximum(size, 1e-9))[:, None] * aim[:, better])
        error_of_all = float(least[0] + (least[1:].mean() if len(least) > 1 else 0.0))
        return cls(centre, usual, weights, owned, turn[:DIRECTIONS]), error_of_all

    def told(self, vectors: Floats) -> Doubles:
        """(n, 1 + c) of vectors (n, d)."""
        return np.asarray((vectors - self.centre) @ self.weights + self.usual)

    def directions(self, vectors: Floats) -> Doubles:
        """(n, DIRECTIONS at most) of vectors (n, d)."""
        return np.asarray((vectors - self.centre) @ self.turn.T)


class Features:
    """Learned from past titles; makes the model's inputs for any title and country.

    `linear` is what was learned of the views `views`; the rest is worked out quickly.
    """

    def __init__(
        self, described: Described, table: AudienceTable, learned: tuple[Linear, list[str]] | None = None
    ) -> None:
        """Learns from what titles of `described` did; `learned` from the same before is taken as it is."""
        self.described = described
        self.codes = table.codes
        self.parts: Decomposed = decompose(table)
        self.row = table.launched
        of_past = described.rows(self.row)
        beyond, known = matrix(table, self.parts.country_mean, self.row)
        self.past = Past(self.row, of_past.years, beyond, known, self.parts.title_level[self.row])
        self._facts = Facts(of_past.titles)
        self._frequent = {name: _frequent(view) for name, view in of_past.views.items() if name in LINEAR}
        parts = self.parts
        departure = np.where(
            known > 0,
            beyond - parts.title_level[self.row, None],
            parts.title_factors[self.row] @ parts.country_vectors.T,
        )
        target = np.hstack([parts.title_level[self.row, None], departure])
        self.linear, self.views = learned or self._helpful(of_past, target)
        of_past = of_past.only(self.views)
        self._views = of_past.views
        vectors = self._linear_inputs(of_past)
        of_view = [f"{view}: {name}" for view in self._views for name in past.OF_TITLE]
        directions = self.linear.directions(vectors[:1]).shape[1]
        told = ["told everywhere", *(f"direction {i}" for i in range(directions))]
        self.names_of_title = [*of_view, *told, *self._facts.names]
        self.sure_of_title = [
            i for i, name in enumerate(self.names_of_title)
            if name in ("release_year", "film") or name.endswith(("evidence", "spread", "likest"))
        ]  # fmt: skip
        asked = {*told, "film", "release_year"}
        self._asked = [i for i, name in enumerate(self.names_of_title) if name in asked]
        k = self.parts.country_vectors.shape[1]
        self.names_of_pair = ["usual here", "rows here", *(f"country {i}" for i in range(k)), "told here"]
        self.names_of_pair += [f"{view}: {name}" for view in self._views for name in past.OF_PAIR]
        self.sure_of_pair = [
            i for i, name in enumerate(self.names_of_pair)
            if name in ("usual here", "rows here") or name.endswith("evidence here")
        ]  # fmt: skip
        self.names_of_pair += [self.names_of_title[i] for i in self._asked]

    def of_titles(
        self, titles: Described, row: Longs, without: Bools | None = None, tick: Tick | None = None
    ) -> OfTitles:
        """What says how n titles do everywhere.

        Parameters
        ----------
        row: (n,) of the titles table, -1 for a title that is not in it
        without: (p,) past titles that don't count
        """
        found = {
            name: past.alike(titles.views[name], mine, row, titles.years, self.past, without, tick)
            for name, mine in self._views.items()
        }
        vectors = self._linear_inputs(titles.only(self.views))
        told = self.linear.told(vectors)
        place, here = self.places(row)
        told[here] = self.linear.own[place[here]]
        columns: list[Any] = [past.everywhere(found[view], self.past) for view in self._views]
        columns += [told[:, :1], self.linear.directions(vectors), self._facts.columns(titles.titles)]
        return OfTitles(np.hstack(columns, dtype=np.float32), told, found)

    def of_pairs(self, titles: OfTitles, at: Longs, country: Longs) -> Floats:
        """The inputs of m pairs, float32 (m, features): what says how a title departs from its level in a country.

        Parameters
        ----------
        at, country: (m,) index into the titles and into the country codes
        """
        parts = self.parts
        columns: list[Any] = [parts.country_mean[country][:, None], parts.country_rows[country][:, None]]
        columns += [parts.country_vectors[country], titles.told[at, 1 + country][:, None]]
        for view in self._views:
            mean, evidence = past.here(titles.found[view], self.past)
            columns += [mean[at, country][:, None], evidence[at, country][:, None]]
        columns.append(titles.inputs[at][:, self._asked])
        return np.hstack(columns, dtype=np.float32)

    def places(self, row: Longs) -> tuple[Longs, Bools]:
        """Where rows of the titles table stand among the past titles, and whether they do, (n,) each."""
        place = np.searchsorted(self.row, np.maximum(row, 0)).clip(max=len(self.row) - 1)
        return place, self.row[place] == row

    def _helpful(self, of_past: Described, target: Doubles) -> tuple[Linear, list[str]]:
        """The linear part, and the views: all bags, and of the vectors those that lower its error on titles left out.

        Vectors that say nothing of audiences would lend noise to what tells titles alike.
        """
        views = [name for name, view in of_past.views.items() if hasattr(view, "todense")]
        best, least = Linear.learn(self._linear_inputs(of_past.only(views)), target)
        for name in of_past.views:
            if name not in views:
                tried, error = Linear.learn(self._linear_inputs(of_past.only([*views, name])), target)
                if error < (1 - GAIN) * least:
                    best, least, views = tried, error, [*views, name]
        return best, [name for name in of_past.views if name in views]

    def _linear_inputs(self, titles: Described) -> Floats:
        bags = [titles.views[name][:, chosen].toarray() for name, chosen in self._frequent.items()]
        return np.hstack([np.ones((len(titles.titles), 1)), titles.dense, *bags], dtype=np.float32)


def _singular(values: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """The singular value decomposition of (n, d), without what is next to nothing, by the smaller of its two Grams:
    several times faster than numpy's for n far from d, to a precision that ridge regression has no need of."""
    wide = values.shape[0] < values.shape[1]
    squares, vectors = np.linalg.eigh(values @ values.T if wide else values.T @ values)
    kept = np.flatnonzero(squares > squares[-1] * 1e-9)[::-1]
    size = np.sqrt(squares[kept])
    if wide:
        return vectors[:, kept], size, (values.T @ vectors[:, kept] / size).T
    return values @ vectors[:, kept] / size, size, vectors[:, kept].T


def _frequent(view: Any) -> Longs:
    """The words of a bag that most titles have, (FREQUENT at most,)."""
    titles = np.bincount(view.indices, minlength=view.shape[1])
    return np.argsort(-titles, kind="stable")[: min(FREQUENT, int((titles >= FEWEST).sum()))]
