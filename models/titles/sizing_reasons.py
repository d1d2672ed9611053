"""The past titles that an estimate rests on, and by how much each moves it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.titles.sizing import Sizing
from models.titles.sizing_features import Described

SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Carrier:
    """A past title that counts for an estimate."""

    row: int  # of the titles table
    share: float  # of all weight of past titles, 0 to 1; each view with any weighs the same
    views: tuple[str, ...]  # in which it is among the likest
    beyond: float | None  # ln(1 + audience) beyond what is usual in the country; None where it has no audience there
    level: float  # the same over all countries
    moves: float  # by how much ln(1 + audience) of the estimate falls when it is left out


def carriers(sizing: Sizing, title: Described, row: int, country: int, left_out: set[int]) -> list[Carrier]:
    """The SHOWN past titles with the most weight, and what the estimate would be without each.

    The model stays as it is: what it learned of how past titles tell new ones is not learned anew.

    Parameters
    ----------
    title: one title; `row` of the titles table, -1 for a title that is not in it
    country: index into the country codes
    left_out: rows of the titles table that don't count
    """
    features = sizing.features
    without = np.isin(features.row, list(left_out))
    at, codes, rows = np.array([0]), np.array([country]), np.array([row])
    found = features.of_titles(title, rows, without).found
    share = np.zeros(len(features.row))
    among: dict[int, list[str]] = {}
    used = 0
    for view, alike in found.items():
        total = alike.weight[0].sum()
        if total <= 0:
            continue
        used += 1
        for past, weight in zip(alike.past[0], alike.weight[0] / total, strict=True):
            share[past] += weight
            if weight >= 1 / len(alike.past[0]):
                among.setdefault(int(past), []).append(view)
    told = sizing.estimate(title, rows, at, codes, without).middle[0]
    made = []
    for past in np.argsort(-share, kind="stable")[:SHOWN]:
        if share[past] <= 0:
            break
        fewer = without.copy()
        fewer[past] = True
        moved = told - sizing.estimate(title, rows, at, codes, fewer).middle[0]
        known = features.past.known[past, country] > 0
        made.append(
            Carrier(
                int(features.row[past]),
                float(share[past] / used),
                tuple(among.get(int(past), [])),
                float(features.past.beyond[past, country]) if known else None,
                float(features.past.level[past]),
                float(moved),
            )
        )
    return made
