"""One card a show: where the member goes on in it, and whether the row may show it. The catalogue is a side input."""

from typing import Final, NamedTuple

from streams import show as s
from streams.catalog import Catalog, Title
from streams.place import FINISHED_SHARE, STARTED_S, STARTED_SHARE
from streams.show import Show

RESUME: Final = "resume"
NEXT_EPISODE: Final = "next_episode"
NEW_EPISODE: Final = "new_episode"


class Card(NamedTuple):
    """What the row would say of a show. `reason` is None where the row leaves it out; then `title_id` is its place's.

    Positions and durations in seconds; `progress` in [0, 1], 0 where the duration is unknown.
    """

    title_id: str | None
    season: int | None
    episode: int | None
    position_s: float
    duration_s: float | None
    progress: float
    reason: str | None


def card(show: Show, catalog: Catalog, country: str | None, now_ms: int) -> Card:
    """Applies the rules of docs/architecture.md, "Which shows are in the row", to one show."""
    stats, title_id = show.stats, show.title_id
    season, episode, position = int(stats[s.SEASON]), int(stats[s.EPISODE]), stats[s.POSITION_S]
    known = catalog.knows(show.show_id)
    place = catalog.find(show.show_id, title_id, season, episode) if known else None
    duration = stats[s.DURATION_S] or (place is not None and place.runtime_s) or 0.0
    reason: str | None = RESUME
    if title_id is None or show.dismissed(now_ms):
        reason = None
    elif (
        stats[s.COMPLETED]
        or (duration > 0 and position >= FINISHED_SHARE * duration)
        or (place is not None and place.credits_s and position >= place.credits_s)
    ):
        following = _following(show, place, catalog, country, now_ms) if known else _next_unseen(show)
        if following is not None:
            return following
        reason = None
    elif not (stats[s.STARTED] or position >= STARTED_S or (duration > 0 and position >= STARTED_SHARE * duration)) or (
        place is not None and not place.available(country, now_ms)
    ):
        reason = None
    progress = position / duration if duration else 0.0
    return Card(
        title_id,
        season if season >= 0 else None,
        episode if episode >= 0 else None,
        position,
        duration or None,
        progress if progress < 1.0 else 1.0,
        reason,
    )


def _following(show: Show, place: Title | None, catalog: Catalog, country: str | None, now_ms: int) -> Card | None:
    """The card of the episode behind a finished one; None where there is none, or not here, or not yet."""
    if place is None:
        title = catalog.after(show.show_id, int(show.stats[s.SEASON]), int(show.stats[s.EPISODE]), now_ms)
    elif place.show_id == show.show_id:
        title = catalog.following(place, now_ms)
    else:  # the catalogue has moved the title to another show
        title = catalog.after(show.show_id, place.season or 0, place.episode or 0, now_ms)
    if title is None or not title.available(country, now_ms):
        return None
    reason = NEW_EPISODE if title.added_at > show.times[s.PLACE_AT] else NEXT_EPISODE
    return Card(title.title_id, title.season, title.episode, 0.0, title.runtime_s, 0.0, reason)


def _next_unseen(show: Show) -> Card | None:
    """Without a catalogue a series goes on with the next number, whose title nobody knows; a film is over."""
    season, episode = int(show.stats[s.SEASON]), int(show.stats[s.EPISODE])
    if not show.stats[s.IS_SERIES]:
        return None
    return Card(
        None, season if season >= 0 else None, episode + 1 if episode >= 0 else None, 0.0, None, 0.0, NEXT_EPISODE
    )
