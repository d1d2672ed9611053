"""What exists: titles by show, from the topic catalog.titles or a file of its records."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from streams.vectors import Vectors


class InvalidTitle(ValueError):
    """A catalogue record can't be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Title:
    """One title: an episode, or a film. Times in seconds, `added_at` in ms; None where unknown."""

    title_id: str
    show_id: str
    name: str
    kind: str
    season: int | None
    episode: int | None
    runtime_s: float | None
    credits_s: float | None
    genres: tuple[str, ...]
    tags: tuple[str, ...]
    countries: frozenset[str]  # empty: everywhere
    added_at: int
    kids: bool

    def available(self, country: str | None, now_ms: int) -> bool:
        """Whether it can be played there and then; an unknown country counts as everywhere."""
        return self.added_at <= now_ms and (not self.countries or country is None or country in self.countries)


def parse_title(record: Any) -> Title:
    """One decoded record of catalog.titles. Raises InvalidTitle."""
    if type(record) is not dict:
        raise InvalidTitle("a title is a JSON object")
    title_id, show_id = record.get("title_id"), record.get("show_id")
    if not (isinstance(title_id, str) and title_id and isinstance(show_id, str) and show_id):
        raise InvalidTitle("title_id and show_id must be strings")
    countries = record.get("countries") or ()
    genres, tags = record.get("genres") or (), record.get("tags") or ()
    for name, value in (("countries", countries), ("genres", genres), ("tags", tags)):
        if not (isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)):
            raise InvalidTitle(f"{name} must be a list of strings")
    return Title(
        title_id=title_id,
        show_id=show_id,
        name=str(record.get("name") or show_id),
        kind="film" if record.get("kind") == "film" else "series",
        season=_whole(record, "season"),
        episode=_whole(record, "episode"),
        runtime_s=_seconds(record, "runtime_s"),
        credits_s=_seconds(record, "credits_s"),
        genres=tuple(genres),
        tags=tuple(tags),
        countries=frozenset(countries),
        added_at=_whole(record, "added_at") or 0,
        kids=record.get("kids") is True,
    )


class Numbered(NamedTuple):
    """Where a title stands among its show's. Worked out once, since every decision about the show asks for it."""

    of_show: list[Title]  # in order of season and episode
    place: int  # in `of_show`
    behind: int  # in `of_show`, of the first title with a higher number
    show_added: list[int]  # when the show's titles came out, in order
    in_season: int  # its place in its season
    season_added: list[int]  # when the season's titles came out, in order
    all_out: tuple[int, int, float]  # `Catalog.standing` once all of the show is out


@dataclass(slots=True)
class Catalog:
    """All titles known. A show without any counts as unknown: it then goes on for ever, as events show it.

    `vectors` say what shows are like, for training; a worker has them from the bundle.
    """

    titles: dict[str, Title] = field(default_factory=dict)
    vectors: Vectors = field(default_factory=Vectors)
    _shows: dict[str, list[Title]] = field(default_factory=dict)  # in order of season and episode
    _added: dict[str, list[int]] = field(default_factory=dict)  # show_id: when its titles came out, in order
    _numbers: dict[str, Numbered] = field(default_factory=dict)  # by title_id

    def put(self, title: Title) -> None:
        """Adds a title or puts it in place of the one with its id.

        A series' record without an episode number names the show, and says nothing of which episodes exist.
        """
        self.remove(title.title_id)
        self.titles[title.title_id] = title
        if title.kind == "series" and title.episode is None:
            return
        order = self._shows.setdefault(title.show_id, [])
        order.insert(bisect_right(order, _order(title), key=_order), title)
        self._number(title.show_id)

    def remove(self, title_id: str) -> None:
        """Takes a title out; one that is not there is no error."""
        old = self.titles.pop(title_id, None)
        if old is not None:
            self._numbers.pop(title_id, None)
            remaining = [title for title in self.of_show(old.show_id) if title.title_id != title_id]
            if remaining:
                self._shows[old.show_id] = remaining
                self._number(old.show_id)
            else:
                self._shows.pop(old.show_id, None)
                self._added.pop(old.show_id, None)

    def of_show(self, show_id: str) -> list[Title]:
        """The show's titles by season and episode; empty where it is unknown."""
        return self._shows.get(show_id, [])

    def shows(self) -> Iterable[str]:
        return self._shows.keys()

    def find(self, show_id: str, title_id: str | None, season: int, episode: int) -> Title | None:
        """The title by its id, else by its season and episode (-1 where unknown), else None."""
        title = self.titles.get(title_id) if title_id is not None else None
        if title is not None:
            return title
        if episode < 0:
            return None
        for candidate in self.of_show(show_id):
            if candidate.episode == episode and (candidate.season or 0) == max(season, 0):
                return candidate
        return None

    def after(self, show_id: str, season: int, episode: int, now_ms: int) -> Title | None:
        """The first title of the show behind that season and episode that is out by then, or None."""
        order = self.of_show(show_id)
        for candidate in order[bisect_right(order, (max(season, 0), episode), key=_order) :]:
            if candidate.added_at <= now_ms:
                return candidate
        return None

    def knows(self, show_id: str) -> bool:
        """Whether any title of the show is known."""
        return show_id in self._shows

    def following(self, title: Title, now_ms: int) -> Title | None:
        """The first title behind this one in its show that is out by then, or None."""
        numbered = self._numbers.get(title.title_id)
        if numbered is None:
            return self.after(title.show_id, title.season or 0, title.episode or 0, now_ms)
        order = numbered.of_show
        for index in range(numbered.behind, len(order)):
            if order[index].added_at <= now_ms:
                return order[index]
        return None

    def out(self, show_id: str, now_ms: int) -> int:
        """How many titles of the show are out by then."""
        return bisect_right(self._added.get(show_id, []), now_ms)

    def standing(self, show_id: str, title_id: str, now_ms: int) -> tuple[int, int, float]:
        """Titles of the show that are out by then, those of them behind that title, and how far through its season the
        title is: the share of the season's titles that are out up to it. 0 behind it and -1 where it has no number."""
        numbered = self._numbers.get(title_id)
        if numbered is not None and now_ms >= numbered.show_added[-1] and numbered.of_show[0].show_id == show_id:
            return numbered.all_out
        out = self.out(show_id, now_ms)
        if numbered is None:
            return out, 0, -1.0
        of_season = bisect_right(numbered.season_added, now_ms)
        return out, max(0, out - 1 - numbered.place), min(1.0, (numbered.in_season + 1) / max(1, of_season))

    def has_new(self, show_id: str, since_ms: int, now_ms: int) -> bool:
        """Whether a title of the show came out in that time."""
        return self.out(show_id, now_ms) > self.out(show_id, since_ms)

    def _number(self, show_id: str) -> None:
        order = self._shows[show_id]
        self._added[show_id] = show_added = sorted(title.added_at for title in order)
        seasons: dict[int, list[int]] = {}
        for title in order:
            seasons.setdefault(title.season or 0, []).append(title.added_at)
        for season_added in seasons.values():
            season_added.sort()
        seen: dict[int, int] = {}  # titles of each season so far
        n = len(order)
        for place, title in enumerate(order):
            season_added = seasons[title.season or 0]
            in_season = seen[title.season or 0] = seen.get(title.season or 0, -1) + 1
            behind = bisect_right(order, _order(title), key=_order)
            standing = n, n - 1 - place, (in_season + 1) / len(season_added)
            self._numbers[title.title_id] = Numbered(
                order, place, behind, show_added, in_season, season_added, standing
            )


def load(lines: Iterable[bytes]) -> Catalog:
    """A catalogue from JSON Lines of its records. Raises InvalidTitle naming the line."""
    catalog = Catalog()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            catalog.put(parse_title(orjson.loads(line)))
        except (InvalidTitle, orjson.JSONDecodeError) as error:
            raise InvalidTitle(f"line {number}: {error}") from None
    return catalog


def _order(title: Title) -> tuple[int, int]:
    return (title.season or 0, title.episode or 0)


def _whole(record: dict[str, Any], name: str) -> int | None:
    value = record.get(name)
    if value is None or (type(value) is int and value >= 0):
        return value
    raise InvalidTitle(f"{name} must be a whole number, 0 or more, or null")


def _seconds(record: dict[str, Any], name: str) -> float | None:
    value = record.get(name)
    if value is None or (type(value) in (int, float) and value >= 0):
        return value
    raise InvalidTitle(f"{name} must be seconds, 0 or more, or null")
