"""A made-up catalogue with audiences: what tests and measurements need, and nobody's real title.

The logarithm of a title's audience in a country is a sum of
  - the country's size, and how liked the title is everywhere for reasons that nobody wrote down (`LUCK`)
  - how much the country likes the title's tags: tastes are shared by neighbours, with a part of the country's own
  - how known its people are, a lift in the countries that made it, and noise.
So tags, people and countries predict audiences, to a known limit.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt

from models.titles.table import FILM, SERIES, AudienceRow, TitleRecord
from streams.clients.simulate import words

# Country, the region whose taste it shares, and its size in members.
COUNTRIES: Final = (
    ("US", "english", 9e6), ("GB", "english", 3e6), ("AU", "english", 1e6), ("CA", "english", 1.5e6),
    ("DE", "central", 2.5e6), ("NL", "central", 6e5), ("SE", "central", 5e5), ("PL", "central", 7e5),
    ("FR", "latin", 2.2e6), ("IT", "latin", 1.4e6), ("ES", "latin", 1.5e6),
    ("MX", "americas", 2e6), ("BR", "americas", 3e6), ("AR", "americas", 9e5), ("CO", "americas", 6e5),
    ("JP", "asia", 1.8e6), ("KR", "asia", 1.2e6), ("TW", "asia", 4e5),
    ("IN", "south", 1.5e6), ("TR", "south", 8e5), ("EG", "south", 3e5), ("NG", "south", 2e5),
)  # fmt: skip
# Standard deviations on the natural log scale; of tags and people, of one.
LUCK: Final = 0.6
REGION_TASTE: Final = 0.8
OWN_TASTE: Final = 0.4
COMMON_TASTE: Final = 0.5
FAME: Final = 0.4
HOME: Final = 1.2  # the lift at home
NOISE: Final = 0.3
SHARE_WATCHING: Final = -5.5  # ln of the share of a country that watches a usual title
MISSING: Final = 0.08  # pairs without an audience: the title is not out there

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Made:
    """A catalogue, and its audiences by title and country."""

    titles: list[TitleRecord]
    audience: list[AudienceRow]


def make(titles: int = 200, seed: int = 1, countries: int = len(COUNTRIES)) -> Made:
    """A catalogue of so many titles, shown in the first so many of COUNTRIES. The same in every run of a seed."""
    rng, text = np.random.default_rng(seed), Random(f"titles/{seed}")
    tags = [tag for genre in words.GENRES for tag in genre.tags]
    people = [_person(text) for _ in range(max(60, titles // 3))]
    leaning = rng.integers(0, len(words.GENRES), len(people))  # the genre that a person mostly works in
    codes = [code for code, _, _ in COUNTRIES]
    taken: set[str] = set()
    made = [_title(number, rng, text, people, leaning, taken, codes) for number in range(titles)]

    has_tag = np.array([[tag in title.tags for tag in tags] for title in made], np.float64)
    has_tag /= np.sqrt(has_tag.sum(axis=1, keepdims=True))
    fame = dict(zip(people, rng.normal(0, FAME, len(people)), strict=True))
    known = np.array([sum(fame[person] for person in title.people) for title in made])
    home = np.array([[code in title.countries for code in codes] for title in made])
    logs = (
        SHARE_WATCHING
        + np.log([size for _, _, size in COUNTRIES])
        + rng.normal(0, LUCK, (titles, 1))
        + known[:, None]
        + has_tag @ _tastes(rng, len(tags))
        + HOME * home
        + rng.normal(0, NOISE, (titles, len(codes)))
    )
    out = rng.random(logs.shape) >= MISSING
    audience = [
        AudienceRow(title.title_id, code, float(np.round(np.exp(logs[row, column]))))
        for row, title in enumerate(made)
        for column, code in enumerate(codes[:countries])
        if out[row, column]
    ]
    return Made(made, audience)


def _tastes(rng: np.random.Generator, tags: int) -> Floats:
    """(tags, countries): how much each country likes a tag."""
    regions = sorted({region for _, region, _ in COUNTRIES})
    of_region = rng.normal(0, REGION_TASTE, (tags, len(regions)))
    shared = of_region[:, [regions.index(region) for _, region, _ in COUNTRIES]]
    own = rng.normal(0, OWN_TASTE, (tags, len(COUNTRIES)))
    common: Floats = rng.normal(0, COMMON_TASTE, (tags, 1))
    return common + shared + own


def _title(
    number: int,
    rng: np.random.Generator,
    text: Random,
    people: list[str],
    leaning: npt.NDArray[np.int64],
    taken: set[str],
    codes: list[str],
) -> TitleRecord:
    index = int(rng.integers(len(words.GENRES)))
    genre = words.GENRES[index]
    categories, tags = [genre.name], text.sample(genre.tags, 3)
    if rng.random() < 0.4:
        other = words.GENRES[int(rng.integers(len(words.GENRES)))]
        if other is not genre:
            categories.append(other.name)
            tags.append(text.choice(other.tags))
    weights = np.where(leaning == index, 1.0, 0.05)
    cast = rng.choice(len(people), size=int(rng.integers(2, 6)), replace=False, p=weights / weights.sum())
    return TitleRecord(
        title_id=f"t{number:05d}",
        title=words.title(text, genre, taken),
        kind=SERIES if rng.random() < 0.4 else FILM,
        release_year=int(2024 - rng.integers(0, 25)),
        categories=tuple(categories),
        tags=tuple(tags),
        people=tuple(dict.fromkeys(people[at] for at in cast)),
        countries=tuple(dict.fromkeys(text.choices(codes, k=1 if rng.random() < 0.85 else 2))),
        summary=f"{words.summary(text, genre, tags)} {_mood(text, tags)}",
    )


def _mood(text: Random, tags: list[str]) -> str:
    """A sentence that tells of the tags, in other words than the list of them."""
    spoken = [tag.replace("-", " ") for tag in tags]
    return text.choice((
        f"A tale of {spoken[0]}, with more than a little {spoken[-1]}.",
        f"For those who like {spoken[1]} and do not mind {spoken[0]}.",
        f"Between {spoken[0]} and {spoken[1]}, told without haste.",
        f"All about {spoken[-1]}.",
    ))  # fmt: skip


def _person(text: Random) -> str:
    return f"{text.choice(words.PROFILE_NAMES)} {words.invented(text)}"
