"""What is remembered of one member and one show: where they are in it, and how they have watched it.

The numbers stand in two flat arrays, so that a batch of shows becomes a matrix by joining bytes (streams/features).
`times` holds int64 milliseconds since the epoch, `stats` float32. The names below are column numbers.
"""

from array import array
from typing import Final

MAX_DEVICES: Final = 8  # devices of a member that are told apart; the one longest unused gives way
HOUR_BINS: Final = 8  # three hours each, in the member's time zone
HALF_LIVES_DAYS: Final = (1.0, 5.0, 20.0, 90.0)

# times
(
    FIRST_PLAY,  # start of the first counted play
    LAST_PLAY,  # start of the last counted play; 0 where none has counted yet
    PREVIOUS_PLAY,  # start of the last counted play in an earlier session than the last one's
    LAST_WATCHED,  # last moment of a counted play
    LAST_EVENT,  # newest playback event applied: older ones come late and move nothing
    LAST_STARTED,  # newest `play` of this show, counted or not: it ends a dismissal
    DISMISSED,
    UNDISMISSED,
    SNOOZED,  # when it was snoozed
    SNOOZED_UNTIL,
    RATED,
    LISTED,  # newest add_to_list or remove_from_list
    PLACE_AT,  # newest event that moved the place
    TIME_COLUMNS,
) = range(14)

# stats
(
    SEASON,  # the place: -1 where unknown
    EPISODE,
    POSITION_S,
    DURATION_S,  # 0 where unknown
    COMPLETED,  # 1 where a `complete` ended the place's title
    STARTED,  # 1 where the place passed two minutes or 5 %
    UNATTENDED,  # 1 while autoplay runs on past the place with nobody touching anything
    LONGEST_S,  # longest position reached in any title of the show
    IS_SERIES,
    PLAYS,
    SESSIONS,  # sessions with a counted play of it
    FIRSTS,  # sessions that it opened
    TITLES,  # times that the place moved to another title
    FINISHED_TITLES,  # titles left by `complete` or past 90 %
    AUTOPLAYS,
    SEARCHES,  # plays found by searching
    ROW_PLAYS,  # plays from the row
    WATCHED_S,
    LAST_WATCH_S,  # watched in the last counted play
    RUN,  # plays in its last session
    LONGEST_RUN,
    SESSION_INDEX,  # the member's count of sessions with a play, at its last play
    PLAY_INDEX,  # the member's count of plays, at its last play
    GAPS,  # gaps between its sessions
    GAP_LOG_MEAN,  # exponential mean of ln(1 + gap in hours), weight 0.3
    GAP_LOG_SQUARE,
    RETURNS,  # gaps above 14 days
    RATING,  # -1, 0, 1, 2; 0 where unrated
    LISTED_NOW,
    PAIR_HASH_1,  # the shows that its sessions most often followed, and how often
    PAIR_COUNT_1,
    PAIR_HASH_2,
    PAIR_COUNT_2,
    RECENT_FIRSTS,  # FIRSTS decayed with a half-life of 20 days
    DECAYED_1,  # plays, decayed with HALF_LIVES_DAYS, as of LAST_PLAY
    DECAYED_5,
    DECAYED_20,
    DECAYED_90,
    DECAYED_WATCH,  # seconds watched, half-life 20 days, as of LAST_PLAY
    DEVICE_PLAYS,  # + device slot: plays on that device, half-life 90 days, as of LAST_PLAY
) = range(40)
DEVICE_LAST: Final = DEVICE_PLAYS + MAX_DEVICES  # + device slot: hours since 2020 of the last play there, 0 none
HOUR_PLAYS: Final = DEVICE_LAST + MAX_DEVICES  # + hour bin: plays, half-life 90 days, as of LAST_PLAY
WEEKDAY_PLAYS: Final = HOUR_PLAYS + HOUR_BINS  # + weekday, Monday first: likewise
STAT_COLUMNS: Final = WEEKDAY_PLAYS + 7

HOURS_ORIGIN_MS: Final = 1_577_836_800_000  # 2020-01-01, so that hours fit a float32 to 15 seconds

_NO_TIMES: Final = bytes(8 * TIME_COLUMNS)
_NO_STATS: Final = bytes(4 * STAT_COLUMNS)


class Show:
    """One show of one member. `title_id` is the place's title, None where the show has no place yet."""

    __slots__ = ("show_id", "stats", "times", "title_id")

    def __init__(self, show_id: str) -> None:
        self.show_id = show_id
        self.title_id: str | None = None
        self.times = array("q", _NO_TIMES)
        self.stats = array("f", _NO_STATS)
        self.stats[SEASON] = self.stats[EPISODE] = -1.0

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Show)
            and self.show_id == other.show_id
            and self.title_id == other.title_id
            and self.times == other.times
            and self.stats == other.stats
        )

    __hash__ = None  # type: ignore[assignment]

    def dismissed(self, now_ms: int) -> bool:
        """Out of the row by the member's wish: dismissed and not played or undismissed since, or still snoozed."""
        times = self.times
        if not times[DISMISSED] and not times[SNOOZED]:
            return False
        if times[DISMISSED] > max(times[UNDISMISSED], times[LAST_STARTED]):
            return True
        return times[SNOOZED_UNTIL] > now_ms and times[SNOOZED] > max(times[UNDISMISSED], times[LAST_STARTED])


def hours_since_origin(ms: int) -> float:
    """Milliseconds since the epoch to hours since 2020-01-01."""
    return (ms - HOURS_ORIGIN_MS) / 3_600_000
