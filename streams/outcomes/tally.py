"""What live decisions came to, as sums: of one partition, and added up over many.

A decision is a row served at the start of a session that then played something. Precision at 1 is over those that
played a show of the row. The base is what it is held against on the very same rows: recency order for the bundle that
serves, what serves for a bundle in its shadow. Probabilities are judged over all decisions (continuation) and over all
items of their rows (play).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from math import log
from typing import Any, Final

BINS: Final = 15  # of equal width, as in training's expected calibration error
CHUNKS: Final = 10  # pieces of a window; the oldest is let go when a new one begins
_CUT: Final = 1e-7


def log_loss(probability: float, happened: bool) -> float:
    """-ln of the probability given to what happened, cut at 1e-7."""
    p = min(max(probability, _CUT), 1 - _CUT)
    return -log(p if happened else 1 - p)


@dataclass(slots=True)
class Judged:
    """One kind of probability against what happened. A bin is [count, sum of probabilities, how many happened]."""

    n: int = 0
    loss: float = 0.0
    bins: list[list[float]] = field(default_factory=lambda: [[0, 0.0, 0] for _ in range(BINS)])

    def add(self, probability: float, happened: bool) -> None:
        """Counts one."""
        self.n += 1
        self.loss += log_loss(probability, happened)
        of_bin = self.bins[min(int(probability * BINS), BINS - 1)]
        of_bin[0] += 1
        of_bin[1] += probability
        of_bin[2] += happened

    def merge(self, other: "Judged") -> None:
        """Adds the other's sums."""
        self.n += other.n
        self.loss += other.loss
        for mine, theirs in zip(self.bins, other.bins, strict=True):
            for at, value in enumerate(theirs):
                mine[at] += value

    @property
    def log_loss(self) -> float | None:
        """The mean; None where there is nothing."""
        return self.loss / self.n if self.n else None

    @property
    def calibration_error(self) -> float | None:
        """Expected calibration error; None where there is nothing."""
        return sum(abs(p - happened) for _, p, happened in self.bins) / self.n if self.n else None


@dataclass(slots=True)
class Tally:
    """Sums over decisions. Hits, of the order judged and of the base, are of those that `continued_row`."""

    decisions: int = 0
    continued_row: int = 0  # played a show of the row first
    hits: int = 0  # it stood first
    base_hits: int = 0  # it stood first in the base
    only_hits: int = 0  # it stood first, and did not in the base
    only_base_hits: int = 0
    reciprocal: float = 0.0  # sum of 1 / rank
    base_reciprocal: float = 0.0
    from_row: int = 0  # the client said that the play came from the row
    continuation: Judged = field(default_factory=Judged)
    play: Judged = field(default_factory=Judged)

    def rank(self, rank: int | None, base_rank: int | None) -> None:
        """Counts where the first play stood, 1 is first; both None where the row did not have it."""
        self.decisions += 1
        if rank is None or base_rank is None:
            return
        self.continued_row += 1
        self.hits += rank == 1
        self.base_hits += base_rank == 1
        self.only_hits += rank == 1 < base_rank
        self.only_base_hits += base_rank == 1 < rank
        self.reciprocal += 1 / rank
        self.base_reciprocal += 1 / base_rank

    def merge(self, other: "Tally") -> None:
        """Adds the other's sums."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.continuation.merge(other.continuation)
        self.play.merge(other.play)

    @property
    def precision(self) -> float | None:
        return self.hits / self.continued_row if self.continued_row else None

    @property
    def base_precision(self) -> float | None:
        return self.base_hits / self.continued_row if self.continued_row else None

    @property
    def gain(self) -> tuple[float, float] | None:
        """Precision at 1 less the base's, and half of its 95 % interval.

        Paired: only decisions that one of both got right count (Agresti, Categorical Data Analysis, section 10.1).
        """
        n = self.continued_row
        if not n:
            return None
        gain = (self.only_hits - self.only_base_hits) / n
        variance = ((self.only_hits + self.only_base_hits) / n - gain * gain) / n
        return gain, 1.96 * max(variance, 0.0) ** 0.5

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        sums = {name: getattr(self, name) for name in _SUMS}
        return sums | {
            name: {"n": judged.n, "loss": judged.loss, "bins": judged.bins}
            for name, judged in (("continuation", self.continuation), ("play", self.play))
        }


def from_json(record: Any) -> Tally:
    """The tally that `as_json` wrote. Raises KeyError, TypeError."""
    return Tally(
        **{name: record[name] for name in _SUMS},
        continuation=Judged(**record["continuation"]),
        play=Judged(**record["play"]),
    )


def merged(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total


_SUMS: Final = tuple(f.name for f in fields(Tally) if f.name not in ("continuation", "play"))


class Window:
    """The tally of about the last `size` decisions, and of all of them: pieces of `size / CHUNKS` decisions each."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.total = Tally()
        self.chunks: list[Tally] = [Tally()]

    def add(self, one: Tally) -> None:
        """Counts the tally of one decision."""
        if self.chunks[-1].decisions >= max(1, self.size // CHUNKS):
            self.chunks.append(Tally())
            del self.chunks[:-CHUNKS]
        self.chunks[-1].merge(one)
        self.total.merge(one)

    def recent(self) -> Tally:
        """The last decisions alone."""
        return merged(self.chunks)

    def as_json(self) -> dict[str, Any]:
        """What `window_from_json` reads."""
        return {"total": self.total.as_json(), "chunks": [chunk.as_json() for chunk in self.chunks]}


def window_from_json(record: Any, size: int) -> Window:
    """The window that `as_json` wrote."""
    window = Window(size)
    window.total = from_json(record["total"])
    window.chunks = [from_json(chunk) for chunk in record["chunks"]]
    return window
