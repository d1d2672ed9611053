"""What is usual over all members: statistics of shows and titles, computed in training and read from the bundle.

Side input of the features. Everything has a neutral value where a show or title is unknown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.vectors import Vectors

Float32 = npt.NDArray[np.float32]

# columns of `shows`, float32
SHOW_COLUMNS: Final = (
    "members_log",  # ln(1 + members who played it)
    "recent_log",  # ln(1 + members who played it in the last 30 days of the training window)
    "return_rate",  # share of its plays that another session of the same member followed within 30 days
    "once_rate",  # share of its members who played it in one session only
    "sessions_mean",  # sessions a member, ln(1 + mean)
    "gap_log_mean",  # mean of ln(1 + hours) between a member's sessions of it
    "episode_s",  # usual length of a title: the median over titles of `usual_end_s`; 0 unknown
    "first_rate",  # of the sessions with a play of it, the share that it opened
    "series",  # share of plays with a season or episode
    "kids",  # 1 where the catalogue says so
)
# columns of `titles`, float32
TITLE_COLUMNS: Final = (
    "usual_end_s",  # where those who got furthest stopped: the 80th percentile of last positions; 0 unknown
    "finish_rate",  # share of its members who stopped past 90 % of `usual_end_s`
    "next_rate",  # share of its members who went on to another title of the show
    "members_log",
)


@dataclass(frozen=True, slots=True)
class Population:
    """`shows` is float32 (n_shows + 1, len(SHOW_COLUMNS)), `titles` likewise; the last row is for the unknown.

    `vectors` come from another file of the bundle (streams/vectors.py), and are not saved with the rest.
    """

    show_index: Mapping[str, int]
    title_index: Mapping[str, int]
    shows: Float32
    titles: Float32
    vectors: Vectors = field(default_factory=Vectors)

    def show_rows(self, show_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row numbers in `shows`."""
        get, unknown = self.show_index.get, len(self.show_index)
        return np.array([get(show_id, unknown) for show_id in show_ids], dtype=np.int64)

    def title_rows(self, title_ids: Iterable[str | None]) -> npt.NDArray[np.int64]:
        """Row numbers in `titles`; None is unknown."""
        get, unknown = self.title_index.get, len(self.title_index)
        return np.array([get(t, unknown) if t is not None else unknown for t in title_ids], dtype=np.int64)

    def save(self, path: Path) -> None:
        """Writes population.npz."""
        np.savez_compressed(
            path,
            show_ids=np.array(list(self.show_index), dtype=np.str_),
            title_ids=np.array(list(self.title_index), dtype=np.str_),
            shows=self.shows,
            titles=self.titles,
        )


def build(show_ids: list[str], shows: Float32, title_ids: list[str], titles: Float32) -> Population:
    """A population from statistics (n, columns); the row for unknown shows and titles is the mean, or zeros if none."""
    return Population(
        {show_id: row for row, show_id in enumerate(show_ids)},
        {title_id: row for row, title_id in enumerate(title_ids)},
        _with_unknown(shows, len(SHOW_COLUMNS)),
        _with_unknown(titles, len(TITLE_COLUMNS)),
    )


def empty() -> Population:
    """A population that knows nothing."""
    none = np.zeros((0, 0), dtype=np.float32)
    return build([], none, [], none)


def load(path: Path) -> Population:
    """Reads population.npz. Raises ValueError where its columns are not this version's."""
    with np.load(path) as data:
        shows, titles = data["shows"], data["titles"]
        show_ids, title_ids = data["show_ids"].tolist(), data["title_ids"].tolist()
    if shows.shape != (len(show_ids) + 1, len(SHOW_COLUMNS)) or titles.shape != (
        len(title_ids) + 1,
        len(TITLE_COLUMNS),
    ):
        raise ValueError("population.npz has other columns than this version reads; train again")
    return Population(
        {show_id: row for row, show_id in enumerate(show_ids)},
        {title_id: row for row, title_id in enumerate(title_ids)},
        shows.astype(np.float32, copy=False),
        titles.astype(np.float32, copy=False),
    )


def _with_unknown(values: Float32, columns: int) -> Float32:
    table = np.zeros((len(values) + 1, columns), dtype=np.float32)
    if len(values):
        table[:-1] = values
        table[-1] = values.mean(axis=0)
        zero_when_unknown = 6 if columns == len(SHOW_COLUMNS) else 0
        table[-1, zero_when_unknown] = 0.0
    return table
