"""One card a show: where the member goes on in it, and whether the row may show it. The catalogue is a side input."""

from typing import Final, NamedTuple

from streams import show as s
from streams.catalog import Catalog, Title
from streams.member import FINISHED_SHARE, STARTED_S, STARTED_SHARE
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
    stats = show.stats
    place = catalog.find(show.show_id, show.title_id, int(stats[s.SEASON]), int(stats[s.EPISODE]))
    duration = stats[s.DURATION_S] or (place.runtime_s if place is not None else None) or 0.0
    position = stats[s.POSITION_S]
    reason: str | None = RESUME
    if show.title_id is None or show.dismissed(now_ms):
        reason = None
    elif _finished(show, place, position, duration):
        following = _following(show, place, catalog, country, now_ms)
        if following is not None:
            return following
        reason = None
    elif not _started(show, position, duration) or (place is not None and not place.available(country, now_ms)):
        reason = None
    season, episode = stats[s.SEASON], stats[s.EPISODE]
    return Card(
        show.title_id,
        int(season) if season >= 0 else None,
        int(episode) if episode >= 0 else None,
        position,
        duration or None,
        min(1.0, position / duration) if duration else 0.0,
        reason,
    )


def _started(show: Show, position: float, duration: float) -> bool:
    return (
        bool(show.stats[s.STARTED]) or position >= STARTED_S or (duration > 0 and position >= STARTED_SHARE * duration)
    )


def _finished(show: Show, place: Title | None, position: float, duration: float) -> bool:
    if show.stats[s.COMPLETED]:
        return True
    if place is not None and place.credits_s and position >= place.credits_s:
        return True
    return duration > 0 and position >= FINISHED_SHARE * duration


def _following(show: Show, place: Title | None, catalog: Catalog, country: str | None, now_ms: int) -> Card | None:
    """The card of the episode behind a finished one; None where there is none, or not here, or not yet."""
    stats = show.stats
    season, episode = int(stats[s.SEASON]), int(stats[s.EPISODE])
    if catalog.of_show(show.show_id):
        if place is not None:
            season, episode = place.season or 0, place.episode or 0
        following = catalog.after(show.show_id, season, episode, now_ms)
        if following is None or not following.available(country, now_ms):
            return None
        reason = NEW_EPISODE if following.added_at > show.times[s.PLACE_AT] else NEXT_EPISODE
        return Card(
            following.title_id, following.season, following.episode, 0.0, following.runtime_s, 0.0, reason
        )  # fmt: skip
    if not stats[s.IS_SERIES]:
        return None
    return Card(
        None, season if season >= 0 else None, episode + 1 if episode >= 0 else None, 0.0, None, 0.0, NEXT_EPISODE
    )
