"""A made-up catalogue: series, weekly shows and films, with runtimes, credits and the day each was added."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any, Final

from streams.clients.simulate import words

DAY_S: Final = 86_400
SERIES: Final = 340
WEEKLY: Final = 40
FILMS: Final = 420
COUNTRIES: Final = ("US", "GB", "DE", "FR", "ES", "BR", "MX", "IN", "JP", "KR", "AU", "NL")
_KIDS_SHARE: Final = 0.14
_LOCAL_SHARE: Final = 0.12  # titles that only some countries have
_FUTURE_WEEKS: Final = 26  # weekly episodes that are announced, not yet out


@dataclass(slots=True)
class Episode:
    """One thing that can be played. Seconds; `added_at` in ms since the epoch."""

    title_id: str
    season: int | None
    episode: int | None
    name: str
    summary: str
    runtime_s: int
    credits_s: int
    added_at: int


@dataclass(slots=True)
class Show:
    """A series or a film, its episodes in order of viewing (a film has one)."""

    show_id: str
    name: str
    kind: str
    genre: int  # index into words.GENRES
    genres: list[str]
    tags: list[str]
    summary: str
    countries: tuple[str, ...]
    kids: bool
    weekly: bool
    popularity: float
    episodes: list[Episode] = field(default_factory=list)


class Catalogue:
    """All shows, and a quick pick by genre and kind in proportion to popularity."""

    def __init__(self, shows: list[Show]) -> None:
        self.shows = shows
        self._by_genre: dict[tuple[int, str], tuple[list[Show], list[float]]] = {}
        for genre in range(len(words.GENRES)):
            for kind in ("series", "film"):
                group = [s for s in shows if s.genre == genre and s.kind == kind]
                self._by_genre[genre, kind] = group, list(accumulate(s.popularity for s in group))

    def pick(self, rng: Random, genre: int, kind: str) -> Show:
        """A show of the genre and kind, popular ones more often."""
        group, weights = self._by_genre[genre, kind]
        return group[min(bisect_right(weights, rng.random() * weights[-1]), len(group) - 1)]

    def records(self) -> Iterator[dict[str, Any]]:
        """The records of catalog.titles, one for each episode and film."""
        for show in self.shows:
            for episode in show.episodes:
                yield {
                    "title_id": episode.title_id,
                    "show_id": show.show_id,
                    "name": show.name,
                    "episode_name": episode.name if show.kind == "series" else None,
                    "summary": episode.summary,
                    "kind": show.kind,
                    "season": episode.season,
                    "episode": episode.episode,
                    "runtime_s": episode.runtime_s,
                    "credits_s": episode.credits_s,
                    "genres": show.genres,
                    "tags": show.tags,
                    "countries": list(show.countries),
                    "added_at": episode.added_at,
                    "kids": show.kids,
                }


def make(seed: int, until_ms: int) -> Catalogue:
    """The catalogue of a seed. `until_ms` is the end of the history: dates of addition are set around it.

    Names, runtimes and so on depend on the seed alone.
    """
    rng = Random(f"catalogue/{seed}")
    taken: set[str] = set()
    shows: list[Show] = []
    for number in range(SERIES + WEEKLY):
        shows.append(_series(rng, number, taken, number >= SERIES, until_ms))
    for number in range(FILMS):
        shows.append(_film(rng, number, taken, until_ms))
    return Catalogue(shows)


def _show(rng: Random, show_id: str, kind: str, taken: set[str], weekly: bool) -> Show:
    kids = not weekly and rng.random() < _KIDS_SHARE
    index = words.KIDS if kids else rng.randrange(words.KIDS)
    genre = words.GENRES[index]
    tags = rng.sample(genre.tags, 3)
    genres = [genre.name]
    if not kids and rng.random() < 0.4:
        other = words.GENRES[rng.randrange(words.KIDS)]
        if other.name != genre.name:
            genres.append(other.name)
            tags.append(rng.choice(other.tags))
    name = words.title(rng, genre, taken)
    countries: tuple[str, ...] = COUNTRIES
    if rng.random() < _LOCAL_SHARE:
        countries = tuple(sorted(rng.sample(COUNTRIES, rng.randint(2, 8))))
    summary = words.summary(rng, genre, tags)
    popularity = rng.paretovariate(1.1) * (1.5 if weekly else 1.0)
    return Show(show_id, name, kind, index, genres, tags, summary, countries, kids, weekly, popularity)


def _series(rng: Random, number: int, taken: set[str], weekly: bool, until_ms: int) -> Show:
    show = _show(rng, f"s{number:04d}", "series", taken, weekly)
    genre = words.GENRES[show.genre]
    if show.kids:
        minutes, per_season, seasons = rng.choice((7, 11, 11, 14, 23)), rng.randint(12, 30), rng.randint(1, 4)
    elif genre.name in ("comedy", "anime", "reality"):
        minutes, per_season, seasons = rng.choice((20, 21, 22, 23, 25, 29)), rng.randint(8, 22), rng.randint(1, 8)
    else:
        minutes, per_season, seasons = rng.choice((36, 39, 41, 43, 46, 49, 53)), rng.randint(8, 14), rng.randint(1, 7)
    now = until_ms // 1000
    if weekly:
        # One running season: out every week at the same hour, since before any history and beyond its end.
        weekday, hour = rng.randrange(7), rng.choice((3, 7, 17, 19))
        first = (now // DAY_S - 7 * rng.randint(14, 30) + weekday) * DAY_S + hour * 3600
        seasons, per_season = 1, (now - first) // (7 * DAY_S) + 1 + _FUTURE_WEEKS
    else:
        first = now - rng.randint(90, 2500) * DAY_S
    for season in range(1, seasons + 1):
        added = first + (season - 1) * rng.randint(250, 420) * DAY_S
        if not weekly and added > now - 3 * DAY_S:
            break
        for episode in range(1, per_season + 1):
            runtime = int(minutes * 60 * rng.uniform(0.92, 1.1))
            show.episodes.append(Episode(
                title_id=f"{show.show_id}e{season:02d}{episode:02d}",
                season=season,
                episode=episode,
                name=words.episode_name(rng, genre),
                summary=show.summary if episode == 1 else words.summary(rng, genre, show.tags),
                runtime_s=runtime,
                credits_s=runtime - rng.randint(20, 75),
                added_at=(added + (episode - 1) * 7 * DAY_S if weekly else added) * 1000,
            ))  # fmt: skip
    return show


def _film(rng: Random, number: int, taken: set[str], until_ms: int) -> Show:
    show = _show(rng, f"f{number:04d}", "film", taken, False)
    runtime = int((rng.gauss(84, 8) if show.kids else rng.gauss(104, 16)) * 60)
    runtime = max(runtime, 3600)
    # Most films are old stock; some come in while the history runs.
    age = rng.randint(0, 60) if rng.random() < 0.15 else rng.randint(60, 3000)
    show.episodes.append(Episode(show.show_id, None, None, show.name, show.summary, runtime,
                                 runtime - rng.randint(180, 480), (until_ms // 1000 - age * DAY_S) * 1000))  # fmt: skip
    return show
