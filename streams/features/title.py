"""What is known of the show beyond the member: popularity, how people usually go on with it, its age, what it is like.

What a show is like is its vector in the bundle's titles.npz. Where there is none, every closeness is 0.
"""

import numpy as np

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


@candidate("title", "ln(1 + days since the title that it goes on with came out); -1 unknown")
def title_age(b: Batch) -> F64:
    added = b.card("added_ms")
    days = np.maximum(0.0, b.now_each - added) / 86_400_000.0
    return np.where(added > 0, np.log1p(days), -1.0)


@candidate("title", "closeness to the show last watched: cosine of their vectors")
def like_last(b: Batch) -> F64:
    if not b.population.vectors:
        return np.zeros(b.size)
    first = b.offsets[b.owner]  # candidates stand last watched first
    return np.einsum("ij,ij->i", b.vectors, b.vectors[first]).astype(np.float64)


@candidate("title", "closeness to the member's taste: cosine with the mean of the others, weighted by decayed_20")
def like_taste(b: Batch) -> F64:
    if not b.population.vectors:
        return np.zeros(b.size)
    weighted = b.vectors * b.decayed_20[:, None].astype(np.float32)
    starts = b.offsets[:-1][np.diff(b.offsets) > 0]
    sums = np.repeat(np.add.reduceat(weighted, starts, axis=0), np.diff(np.append(starts, b.size)), axis=0)
    others = sums - weighted  # not the show itself, or every show would be like the taste that it makes
    lengths = np.sqrt(np.einsum("ij,ij->i", others, others))
    dots = np.einsum("ij,ij->i", b.vectors, others)
    return np.divide(dots, lengths, out=np.zeros(b.size, np.float32), where=lengths > 1e-6).astype(np.float64)
