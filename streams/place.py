"""Where a member is in a show: the place, which playback events move."""

from array import array
from typing import Final

from streams import show as s
from streams.device import Play
from streams.events import Event
from streams.show import Show

STARTED_S: Final = 120.0
STARTED_SHARE: Final = 0.05
FINISHED_SHARE: Final = 0.9


def update(kind: str, event: Event, ts: int, show: Show, play: Play | None, unattended: bool) -> None:
    """Applies a playback event to the place. `play` is what the device plays, None for an event that came late."""
    stats = show.stats
    if unattended:
        stats[s.UNATTENDED] = 1.0
        return
    stats[s.UNATTENDED] = 0.0
    if show.title_id != event["title_id"]:
        _move(kind, event, ts, show)
        return
    show.times[s.PLACE_AT] = ts
    duration = event.get("duration_s") or stats[s.DURATION_S]
    stats[s.DURATION_S] = duration
    if kind == "complete":
        stats[s.COMPLETED] = stats[s.STARTED] = 1.0
        stats[s.POSITION_S] = duration or stats[s.POSITION_S]
        return
    position: float = event["position_s"]
    started = _is_start(position, duration)
    if stats[s.COMPLETED]:
        if not started or play is None or play.completed:
            return  # the end of the same play, or a glance at a title already finished
        stats[s.COMPLETED] = 0.0
    stats[s.POSITION_S] = position
    if position > stats[s.LONGEST_S]:
        stats[s.LONGEST_S] = position
    if started:
        stats[s.STARTED] = 1.0  # and stays so: back at the beginning it is resumed there


def _move(kind: str, event: Event, ts: int, show: Show) -> None:
    """Moves the place to the event's title, once that is started; the first title seen is the place at once."""
    stats = show.stats
    season, episode = event.get("season"), event.get("episode")
    if episode is not None or season is not None or event["title_id"] != show.show_id:
        stats[s.IS_SERIES] = 1.0
    position: float = event.get("position_s") or 0.0
    duration: float = event.get("duration_s") or 0.0
    completed = kind == "complete"
    started = completed or _is_start(position, duration)
    if position > stats[s.LONGEST_S]:
        stats[s.LONGEST_S] = position
    if show.title_id is not None:
        if not started:
            return  # a glance at another title leaves the place where it is
        stats[s.TITLES] += 1
        if stats[s.COMPLETED] or past_share(stats, FINISHED_SHARE):
            stats[s.FINISHED_TITLES] += 1
    show.title_id = event["title_id"]
    show.times[s.PLACE_AT] = ts
    stats[s.SEASON] = -1.0 if season is None else season
    stats[s.EPISODE] = -1.0 if episode is None else episode
    stats[s.DURATION_S] = duration
    stats[s.POSITION_S] = duration if completed else position
    stats[s.COMPLETED] = 1.0 if completed else 0.0
    stats[s.STARTED] = 1.0 if started else 0.0


def _is_start(position_s: float, duration_s: float) -> bool:
    """Two minutes or 5 %, whichever is first."""
    return position_s >= STARTED_S or (duration_s > 0 and position_s >= STARTED_SHARE * duration_s)


def past_share(stats: "array[float]", share: float) -> bool:
    """Whether the place lies past that share of its title's duration; false where the duration is unknown."""
    return stats[s.DURATION_S] > 0 and stats[s.POSITION_S] >= share * stats[s.DURATION_S]
