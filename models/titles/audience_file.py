"""Estimates the audience of every title in every country, for the page: audience.npz (streams/title_audience.py)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from models.examples import Doubles, Longs
from models.titles import sizing_file, sizing_vectors
from models.titles.audience import gather
from models.titles.bags import Bags
from models.titles.folder import TitleSpace
from models.titles.sizing import ENOUGH, Sizing
from models.titles.sizing_features import Described
from streams.title_audience import NAME

CARRIERS: Final = 8  # past titles told of each estimate
BLOCK: Final = 256  # titles estimated at a time, between two calls of a tick

Counter = Callable[[str, int], Callable[..., None]]


def write(space: TitleSpace, folder: Path, counter: Counter) -> bool:
    """Estimates and writes; false where too few titles have an audience, and then no file stays.

    A title that has an audience is estimated by models that have not learned from it.
    """
    path = folder / NAME
    table, _ = gather(space.audience or (), space.index)
    if len(table.launched) < ENOUGH:
        path.unlink(missing_ok=True)
        return False
    described = sizing_vectors.of_space(space, Bags.learn(space.titles))
    sizing = sizing_file.fitted(folder, described, table, counter)
    n, c = len(space.titles), len(table.codes)
    estimate = np.zeros((n, c, 3), np.float32)
    past = np.full((n, CARRIERS), -1, np.int32)
    share = np.zeros((n, CARRIERS), np.float32)
    tick = counter("Estimating audiences", -(-n // BLOCK))
    for start in range(0, n, BLOCK):
        rows = np.arange(start, min(start + BLOCK, n))
        titles = described.rows(rows)
        at, country = np.repeat(np.arange(len(rows)), c), np.tile(np.arange(c), len(rows))
        found = sizing.estimate(titles, rows, at, country)
        ends = np.stack([found.low, found.middle, found.high], axis=1)
        estimate[rows] = np.expm1(ends).reshape(len(rows), c, 3)
        weights = _weights(sizing, titles, rows)
        best = np.argsort(-weights, axis=1, kind="stable")[:, :CARRIERS]
        share[rows, : best.shape[1]] = np.take_along_axis(weights, best, axis=1)
        past[rows, : best.shape[1]] = np.where(
            np.take_along_axis(weights, best, axis=1) > 0, sizing.features.row[best], -1
        )
        tick()
    actual = np.full((n, c), np.nan, np.float32)
    actual[table.title, table.country] = np.expm1(table.log_size)
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        np.savez(
            file,
            codes=np.array(table.codes, np.str_),
            estimate=estimate,
            actual=actual,
            usual=np.expm1(sizing.features.parts.country_mean).astype(np.float32),
            past=past,
            share=share,
        )
    os.replace(new, path)
    return True


def _weights(sizing: Sizing, titles: Described, rows: Longs) -> Doubles:
    """(q, past titles): the part of all weight that each has; each view that finds any weighs the same."""
    weights = np.zeros((len(rows), len(sizing.features.row)))
    for alike in sizing.features.of_titles(titles, rows, None).found.values():
        total = alike.weight.sum(axis=1, keepdims=True)
        part = np.divide(alike.weight, total, out=np.zeros_like(alike.weight), where=total > 0)
        np.add.at(weights, (np.arange(len(rows))[:, None], alike.past), part)
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / np.where(total > 0, total, 1))
