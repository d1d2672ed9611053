"""Which members' rows a batch makes: those of urgent events, and those of quiet ones as far as there is room."""

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Final, Protocol

from streams import metrics
from streams.agents.fold import Folded

ROOM: Final = 32  # rows, of all batches handled at once: what makes a light load's every event a row at once
ROOM_AN_EVENT: Final = 0.3  # rows for each event of a batch, where that is more


class Marks(Protocol):
    """What is asked of a batch (streams.batching.Batch)."""

    @property
    def records(self) -> Collection[object]: ...

    @property
    def marked(self) -> Collection[bytes]: ...

    def mark(self, keys: Iterable[bytes]) -> None: ...

    def unmark(self, keys: Iterable[bytes]) -> None: ...


def members(batch: Marks, folded: Folded, batches: int) -> dict[bytes, None]:
    """The keys of the members whose rows are made with this batch, one of `batches` that are handled at once.

    Members of urgent events always; then those of quiet ones, those that were put off first, up to the batch's share of
    the room. The others are marked, and have their turn as soon as there is room for them.
    """
    chosen = dict(folded.urgent)
    room = int(max(ROOM / batches, ROOM_AN_EVENT * len(batch.records)))
    for key in chain(batch.marked, folded.quiet):
        if len(chosen) >= room:
            break
        chosen[key] = None
    put_off = [key for key in folded.quiet if key not in chosen]
    metrics.ROWS_DEFERRED.inc(len(put_off))
    batch.mark(put_off)
    batch.unmark(chosen)
    return chosen
