"""What the audience model sees of titles: bags of what the table says, and vectors that no audience was used for."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.examples import Floats
from models.titles.bags import Bags
from models.titles.folder import TitleSpace
from models.titles.sizing_features import Described
from models.titles.table import TitleRecord
from streams.nearest import units

BAGS: Final = ("fields", "people", "name")
# Vectors learned from audiences know those of past titles: as inputs they would make the model too sure of itself.
LEFT_OUT: Final = ("audience", "combined")
TOPICS: Final = 64  # of words of summaries, where there is no text model

Progress = Callable[[str, int, int], None]


def of_space(space: TitleSpace, bags: Bags) -> Described:
    """The titles of a folder of vectors. `bags` were learned from its titles."""
    views: dict[str, Any] = {name: units(view) for name, view in space.views.items() if name not in LEFT_OUT}
    return Described(space.titles, views | _bags(bags, space.titles))


def of_table(titles: Sequence[TitleRecord], progress: Progress | None = None) -> Described:
    """Titles of a table, their summaries by a sentence encoder, or by their words where it is not installed."""
    from models.titles import text
    from streams.errors import CommandError

    summaries = [title.summary for title in titles]
    bags = Bags.learn(titles)
    views = _bags(bags, titles)
    if any(summary.strip() for summary in summaries):
        try:
            vectors = text.sentence_vectors(
                summaries, progress and (lambda done, of: progress("Reading summaries", done, of))
            )
        except CommandError:
            vectors = topics(bags.vectors(titles)["summary"])
        views["summary"] = units(vectors)
    return Described(titles, views)


def topics(words: Any) -> Floats:
    """Sparse (n, words) in the TOPICS directions that tell most of it apart (latent semantic analysis)."""
    from sklearn.decomposition import TruncatedSVD

    return np.asarray(TruncatedSVD(min(TOPICS, min(words.shape) - 1), random_state=0).fit_transform(words), np.float32)


def _bags(bags: Bags, titles: Sequence[TitleRecord]) -> dict[str, Any]:
    return {name: view for name, view in bags.vectors(titles).items() if name in BAGS}


def with_views(described: Described, space: TitleSpace) -> Described:
    """The same titles with the vectors of a folder, zeros where it lacks a title."""
    rows = np.array([space.index.get(title.title_id, -1) for title in described.titles])
    views = {
        name: units(np.where(rows[:, None] >= 0, view[rows], 0))
        for name, view in space.views.items()
        if name not in LEFT_OUT
    }
    return Described(described.titles, {**described.views, **views})


def of_new(record: TitleRecord, described: Described, bags: Bags, folder: Path) -> Described:
    """A title that is not in the folder as `described` has those that are; zeros in views that can't be made for it."""
    from models.titles import cold_start

    made = cold_start.vectors(record, folder)
    views: dict[str, Any] = {}
    for name, view in described.views.items():
        if not hasattr(view, "todense"):
            views[name] = units(made[name][None]) if name in made else np.zeros((1, view.shape[1]), np.float32)
    return Described([record], views | _bags(bags, [record]))
