"""What the source tasks are to predict, as arrays: the categories of titles, and their audiences by country."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.titles.table import AudienceRow, TitleRecord


@dataclass(frozen=True, slots=True)
class CategoryTargets:
    """The categories of n titles, as far as they are common."""

    names: list[str]
    labels: np.ndarray  # f32 (n, c): 1 where a title is listed in a category, NaN where it is listed in none at all
    main: np.ndarray  # i32 (n,): the first category listed, -1 where it is not one of `names`


@dataclass(frozen=True, slots=True)
class AudienceTargets:
    """Audiences as differences from the usual one of their country.

    `scaled` f32 (n, c) is (ln(1 + audience) - means) / scale, NaN where it is not known.
    """

    countries: list[str]
    scaled: np.ndarray
    means: np.ndarray  # f32 (c,)
    scale: float


def categories(titles: Sequence[TitleRecord], least: int) -> CategoryTargets:
    """The categories that at least so many titles have; the most frequent first."""
    counts = Counter(name for title in titles for name in set(title.categories))
    names = [name for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= least]
    place = {name: number for number, name in enumerate(names)}
    labels = np.zeros((len(titles), len(names)), np.float32)
    main = np.full(len(titles), -1, np.int32)
    for row, title in enumerate(titles):
        labels[row, [place[name] for name in title.categories if name in place]] = 1
        if title.categories:
            main[row] = place.get(title.categories[0], -1)
        else:
            labels[row] = np.nan
    return CategoryTargets(names, labels, main)


def audiences(titles: Sequence[TitleRecord], rows: Sequence[AudienceRow]) -> AudienceTargets | None:
    """None where no audience is of a title of `titles`."""
    place = {title.title_id: number for number, title in enumerate(titles)}
    known = [row for row in rows if row.title_id in place]
    if not known:
        return None
    countries = sorted({row.country for row in known})
    number = {country: column for column, country in enumerate(countries)}
    logs = np.full((len(titles), len(countries)), np.nan)
    for row in known:
        logs[place[row.title_id], number[row.country]] = np.log1p(row.audience)
    means = np.nanmean(logs, axis=0)
    scale = max(float(np.nanstd(logs - means)), 1e-6)
    return AudienceTargets(countries, ((logs - means) / scale).astype(np.float32), means.astype(np.float32), scale)
