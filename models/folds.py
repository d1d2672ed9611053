"""Which decisions are learned from together: households never split, groups as even as they can be."""

import numpy as np

from models.examples import Ints, Longs, Texts


def by_household(households: Texts, k: int) -> Ints:
    """(m,) the fold, 0 to k - 1, of each decision; all of a household's decisions are in one fold.

    The largest household first, each into the fold with the fewest decisions so far: the same log gives the same folds.
    """
    names, index, counts = np.unique(households, return_inverse=True, return_counts=True)
    load = np.zeros(k, np.int64)
    fold_of_name = np.zeros(len(names), np.int32)
    for name in np.lexsort((names, -counts)):
        fold = int(np.argmin(load))
        fold_of_name[name] = fold
        load[fold] += counts[name]
    return fold_of_name[index]


def inner(households: Texts, members: Texts, ts: Longs, k: int) -> Ints:
    """(m,) folds inside the training data: by household; below k of them by member; below k of these by time.

    By time means k stretches of equally many decisions, so that neighbouring sessions mostly stay together.
    """
    for groups in (households, members):
        if len(np.unique(groups)) >= k:
            return by_household(groups, k)
    place = np.empty(len(ts), np.int64)
    place[np.argsort(ts, kind="stable")] = np.arange(len(ts))
    return (place * k // max(len(ts), 1)).astype(np.int32)
