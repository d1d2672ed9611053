"""What the models see beyond a candidate's own features: how it stands among the others of its decision.

One definition for training and serving. Candidates of a decision stand in recency order, so that a stable sort breaks
ties of the score by recency. Every decision has at least one candidate here.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

# Of each candidate: its score, by how much it beats the best other one, its place, its share of the decision.
STANDING_NAMES: Final = ("score", "score_margin", "score_place", "score_log_share", "candidates_log")
TOP: Final = 3  # probabilities of the best candidates that the continuation model sees one by one
PROBABILITY_NAMES: Final = ("p_first", "p_second", "p_third", "p_any", "p_sum", "candidates_log", "score_margin")


def best_first(score: Floats, offsets: Longs) -> Longs:
    """(n,) row numbers, decision after decision, the highest score first; ties keep their order (recency)."""
    decision = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.lexsort((-score, decision))


def standing(score: Floats, offsets: Longs, order: Longs) -> Floats:
    """(n, len(STANDING_NAMES)): every column rises, or falls, with the score within a decision."""
    starts, sizes = offsets[:-1], np.diff(offsets)
    n = len(score)
    out = np.empty((n, len(STANDING_NAMES)), np.float32)
    best_row = order[starts]
    best = score[best_row]
    # Where there is no other, the margin is over nothing: as if the other stood far below.
    second_row = order[np.minimum(starts + 1, n - 1)]
    second = np.where(sizes > 1, score[second_row], best - 10.0)
    spread = np.exp(score - np.repeat(best, sizes))
    total = np.add.reduceat(spread, starts)
    margin = score - np.repeat(best, sizes)
    margin[best_row] = best - second
    place = np.empty(n, np.float32)
    place[order] = np.arange(n) - np.repeat(starts, sizes)
    out[:, 0] = score
    out[:, 1] = margin
    out[:, 2] = place
    out[:, 3] = np.log(spread / np.repeat(total, sizes) + 1e-6)
    out[:, 4] = np.repeat(np.log(sizes), sizes)
    return out


def play_inputs(score: Floats, C: Floats, offsets: Longs, order: Longs) -> Floats:
    """(n, len(STANDING_NAMES) + G): what the play probability is made from."""
    return np.concatenate([standing(score, offsets, order), np.repeat(C, np.diff(offsets), axis=0)], axis=1)


def any_of(probability: Floats, offsets: Longs) -> Floats:
    """(m,) 1 − ∏(1 − p): at least one candidate is played, were the plays independent."""
    if len(offsets) == 1:
        return np.empty(0, np.float32)
    log_none = np.log1p(-np.minimum(probability, np.float32(1 - 1e-6)))
    return np.asarray(-np.expm1(np.add.reduceat(log_none, offsets[:-1])), np.float32)


def continuation_inputs(
    X: Floats, C: Floats, score: Floats, probability: Floats, offsets: Longs, order: Longs
) -> Floats:
    """(m, len(PROBABILITY_NAMES) + G + F): probabilities, context, and the features of the first candidate by score."""
    starts, sizes = offsets[:-1], np.diff(offsets)
    n, m = len(score), len(starts)
    g, f = C.shape[1], X.shape[1]
    head = len(PROBABILITY_NAMES)
    out = np.empty((m, head + g + f), np.float32)
    for place in range(TOP):
        row = order[np.minimum(starts + place, n - 1)]
        out[:, place] = np.where(sizes > place, probability[row], 0.0)
    first = order[starts]
    second = order[np.minimum(starts + 1, n - 1)]
    out[:, TOP] = any_of(probability, offsets)
    out[:, TOP + 1] = np.add.reduceat(probability, starts)
    out[:, TOP + 2] = np.log(sizes)
    out[:, TOP + 3] = np.where(sizes > 1, score[first] - score[second], 10.0)
    out[:, head : head + g] = C
    out[:, head + g :] = X[first]
    return out
