"""Where the member is in the show: within the episode, the season, and what comes next."""

import numpy as np

from streams import show as s
from streams.features.batch import F64, Batch, ratio
from streams.features.registry import candidate, shared
from streams.place import FINISHED_SHARE

GROUP = "place"


@candidate(GROUP, "position in the title, minutes")
def position_minutes(b: Batch) -> F64:
    return b.stat(s.POSITION_S) / 60


@candidate(GROUP, "position as a share of the runtime; -1 where the runtime is unknown")
def progress(b: Batch) -> F64:
    return ratio(b.stat(s.POSITION_S), b.card("runtime_s"), unknown=-1.0)


@candidate(GROUP, "position as a share of where members usually stop in this title; -1 unknown")
def against_usual_end(b: Batch) -> F64:
    return ratio(b.stat(s.POSITION_S), b.usual_title("usual_end_s"), unknown=-1.0)


@candidate(GROUP, "position as a share of the usual length of this show's titles; -1 unknown")
def against_usual_length(b: Batch) -> F64:
    return ratio(b.stat(s.POSITION_S), b.usual("episode_s"), unknown=-1.0)


@candidate(GROUP, "position as a share of the furthest this member has been in any title of the show")
def against_own_longest(b: Batch) -> F64:
    return ratio(b.stat(s.POSITION_S), b.stat(s.LONGEST_S), unknown=-1.0)


@candidate(
    GROUP, "the best estimate of how far through the title: runtime, else this title's usual end, else the show's"
)
@shared
def through(b: Batch) -> F64:
    return np.where(b.stat(s.COMPLETED) > 0, 1.0, np.minimum(ratio(b.stat(s.POSITION_S), _length(b)), 1.5))


@candidate(GROUP, "length of the title by that estimate, minutes; 0 unknown")
def length_minutes(b: Batch) -> F64:
    return _length(b) / 60


@candidate(GROUP, "minutes left in the title by that estimate; 0 where it is finished")
def minutes_left(b: Batch) -> F64:
    share = through(b)
    position = b.stat(s.POSITION_S)
    length = np.where(share > 0, position / np.maximum(share, 1e-6), 0.0)
    return np.where(share >= FINISHED_SHARE, 0.0, np.maximum(0.0, length - position) / 60)


@candidate(GROUP, "1 where a `complete` ended the title")
def completed(b: Batch) -> F64:
    return b.stat(s.COMPLETED)


@candidate(GROUP, "the card: 0 not in the row, 1 resume, 2 next episode, 3 new episode")
def card_reason(b: Batch) -> F64:
    return b.card("reason")


@candidate(GROUP, "titles of the show that are out behind the place; 0 where the catalogue does not know it")
def titles_left(b: Batch) -> F64:
    return b.card("titles_left")


@candidate(GROUP, "titles of the show that are out; 0 where the catalogue does not know it")
def titles_known(b: Batch) -> F64:
    return b.card("titles_out")


@candidate(GROUP, "share of the season's titles that are out up to the place; -1 where the catalogue does not know it")
def through_season(b: Batch) -> F64:
    return b.card("season_share")


@candidate(GROUP, "number of the episode; -1 unknown")
def episode(b: Batch) -> F64:
    return b.stat(s.EPISODE)


@candidate(GROUP, "number of the season; -1 unknown")
def season(b: Batch) -> F64:
    return b.stat(s.SEASON)


@candidate(GROUP, "1 for a series")
def is_series(b: Batch) -> F64:
    return b.stat(s.IS_SERIES)


@candidate(GROUP, "times the place moved on to another title")
def titles_moved(b: Batch) -> F64:
    return b.stat(s.TITLES)


@candidate(GROUP, "share of the titles left behind that had been finished")
def finished_share(b: Batch) -> F64:
    return ratio(b.stat(s.FINISHED_TITLES), b.stat(s.TITLES), unknown=-1.0)


@candidate(GROUP, "1 while autoplay ran on past the place with nobody touching anything")
def unattended(b: Batch) -> F64:
    return b.stat(s.UNATTENDED)


@shared
def _length(b: Batch) -> F64:
    """(n,) seconds: the runtime, else where members usually stop in this title, else in this show's, else own."""
    length = b.card("runtime_s")
    for other in (b.usual_title("usual_end_s"), b.usual("episode_s"), b.stat(s.LONGEST_S)):
        length = np.where(length > 0, length, other)
    return length
