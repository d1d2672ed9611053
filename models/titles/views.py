"""Trains the views of a catalogue: category, audience, graph, and all of them combined."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jax
import numpy as np

from models.titles import targets, texts, training
from models.titles.folder import TitleSpace
from models.titles.inputs import Inputs
from models.titles.table import AudienceRow, TitleRecord
from models.titles.tasks import Audience, Categories
from models.titles.training import Trained
from streams.errors import CommandError
from streams.nearest import units

LEAST: Final = 5  # titles that a category must have to be learned from
SEED: Final = 1

Stage = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Supervised:
    """What was trained on the source tasks."""

    space: TitleSpace
    inputs: Inputs
    trained: dict[str, Trained]


def supervised(
    titles: list[TitleRecord], audience: list[AudienceRow] | None, text: str, together: bool, stage: Stage
) -> Supervised:
    """Trains the views `category` and, where there are audiences, `audience`.

    Each has an encoder of its own. `together` trains one encoder for both tasks, whose vectors are both views.
    Raises CommandError where there is neither a category nor an audience to learn from.
    """
    read = texts.read(text, [title.summary for title in titles], stage)
    inputs = Inputs.learn(titles, read, text)
    table = inputs.table(titles, read)
    heads: dict[str, Any] = {}
    wanted: dict[str, np.ndarray] = {}
    described: dict[str, dict[str, Any]] = {}
    of_categories = targets.categories(titles, min(LEAST, max(2, len(titles) // 100)))
    if of_categories.names:
        heads["category"] = Categories(np.nanmean(of_categories.labels, axis=0), jax.random.key(SEED))
        wanted |= {"labels": of_categories.labels, "main": of_categories.main}
        described["category"] = {"categories": of_categories.names}
    of_audience = targets.audiences(titles, audience or ())
    if of_audience is not None:
        heads["audience"] = Audience(len(of_audience.countries), jax.random.key(SEED + 1))
        wanted["audience"] = of_audience.scaled
        described["audience"] = {"countries": len(of_audience.countries), "scale": of_audience.scale}
    if not heads:
        raise CommandError(
            "nothing to learn from: no category is listed by two titles, and no audience is of one of the titles"
        )
    trained, views, figures = {}, {}, {}
    for tasks in [sorted(heads)] if together else [[task] for task in heads]:
        name, begin = f"Learning {' and '.join(tasks)}", time.perf_counter()
        done, total = 0, training.batches(len(table))

        def tick(name: str = name, total: int = total) -> None:
            nonlocal done
            done += 1
            stage(name, done, total)

        fitted = training.fit(inputs, table, {task: heads[task] for task in tasks}, wanted, seed=SEED, tick=tick)
        vectors = training.vectors(fitted.encoder, table)
        for task in tasks:
            trained[task], views[task] = fitted, vectors
            figures[task] = described[task] | {
                "dims": vectors.shape[1],
                "trained_on": tasks,
                "epochs": training.usual_epochs(len(titles)),
                "seconds": round(time.perf_counter() - begin, 1),
            }
    countries = None
    if of_audience is not None:
        countries = (of_audience.countries, np.asarray(trained["audience"].heads["audience"].countries))
    meta = {"text": text, "views": figures}
    return Supervised(TitleSpace(titles, views, countries, audience, meta), inputs, trained)


def combined(views: Sequence[np.ndarray]) -> np.ndarray:
    """Views side by side, f32 (n, sum of d), each brought to length one so that none outweighs the others.

    A title that a view lacks has zeros there.
    """
    return np.hstack([units(view) for view in views])
