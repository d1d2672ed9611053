"""What is known of the show from everybody: popularity and how people usually go on with it."""

from streams.features.batch import F64, Batch
from streams.features.registry import candidate

GROUP = "population"


@candidate(GROUP, "ln(1 + members who played it)")
def popularity(b: Batch) -> F64:
    return b.usual("members_log")


@candidate(GROUP, "ln(1 + members who played it in the last 30 days of the training window)")
def recent_popularity(b: Batch) -> F64:
    return b.usual("recent_log")


@candidate(GROUP, "how often a session with it is followed by another within 30 days")
def usual_return(b: Batch) -> F64:
    return b.usual("return_rate")


@candidate(GROUP, "share of members who played it in one session only")
def usual_once(b: Batch) -> F64:
    return b.usual("once_rate")


@candidate(GROUP, "how often it opens a session that plays it")
def usual_first(b: Batch) -> F64:
    return b.usual("first_rate")


@candidate(GROUP, "share of members who went on from this title to another of the show")
def usual_next(b: Batch) -> F64:
    return b.usual_title("next_rate")


@candidate(GROUP, "share of members who finished this title")
def usual_finish(b: Batch) -> F64:
    return b.usual_title("finish_rate")
