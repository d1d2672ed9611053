"""Step two: events into member states, and what that asks for: rows, and impressions of rows served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streams import events
from streams.agents.arrive import Arrival, Refused
from streams.batching import Record
from streams.events import Event
from streams.invalid import UNREADABLE
from streams.member import Applied, MemberState

# These change little that a row shows: while the worker is behind, they wait for the member's next urgent event, or
# for the worker to catch up. Every other type makes a row with its batch. docs/event-schema.md has the list.
QUIET_TYPES: Final = frozenset({"progress", "seek", "browse", "row_viewed"})
URGENT_TYPES: Final = events.TYPES - QUIET_TYPES

# An enum's members take 0.14 µs to look up on their class, and each event asks for three of them.
_REPLAYED: Final = Applied.REPLAYED
_REPEATED_ID: Final = Applied.REPEATED_ID
_OPENED: Final = Applied.OPENED


class Served(NamedTuple):
    """A moment at which a row was shown: a session that opened, or the row seen."""

    member_id: str
    device_id: str
    session_id: str
    offset: int
    trigger: str  # session_start or row_viewed
    shown_version: str | None  # on row_viewed, the version that the client says it showed
    arrived: int = 0  # ms: when its event came to the log


@dataclass(slots=True)
class Folded:
    """What a batch did. Members are named by their keys, in the order of their first event."""

    states: dict[bytes, MemberState] = field(default_factory=dict)  # changed, to be kept
    urgent: dict[bytes, None] = field(default_factory=dict)  # members whose rows are due with this batch
    quiet: dict[bytes, None] = field(default_factory=dict)  # members whose rows may wait
    served: list[Served] = field(default_factory=list)
    _by_session: dict[tuple[str, str, str], list[Served]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    applied: int = 0
    repeated: int = 0  # an event id seen before
    replayed: int = 0  # an offset applied before: the batch, or part of it, is processed again

    def served_to(self, member_id: str, device_id: str, session_id: str) -> list[Served]:
        """Moments at which this session saw a row. Sessions that were past by the end of the batch saw none of it."""
        return self._by_session.get((member_id, device_id, session_id), [])

    def serve(self, moment: Served) -> None:
        """Notes a moment at which a row was shown."""
        self.served.append(moment)
        self._by_session.setdefault((moment.member_id, moment.device_id, moment.session_id), []).append(moment)


def fold(
    arrivals: Sequence[Arrival],
    states: Mapping[bytes, MemberState | None],
    broken: Mapping[bytes, Exception],
    epoch: int,
) -> Folded:
    """Applies events to the states of their members. One event's failure costs that event alone.

    `states` has None for members without a state yet; `broken` those whose state can't be decoded: their events are
    refused, to be replayed once the state is mended.
    """
    folded = Folded()
    changed, urgent, quiet = folded.states, folded.urgent, folded.quiet
    for record, event in arrivals:
        key: bytes = record.key  # type: ignore[assignment]
        state = changed.get(key)
        if state is None:
            if key in broken:
                folded.refused.append(Refused(record, f"{UNREADABLE}: {broken[key]}"))
                continue
            state = states[key] or MemberState()
        try:
            applied = state.apply(event, epoch, record.offset)
        except Exception as error:  # a bug in the fold must not stop a partition
            folded.refused.append(Refused(record, f"can't be applied: {type(error).__name__}: {error}"))
            continue
        if applied is _REPLAYED:
            folded.replayed += 1
            urgent[key] = None  # its row may have been lost with the worker that made it
            changed.setdefault(key, state)
            continue
        changed[key] = state
        if applied is _REPEATED_ID:
            folded.repeated += 1
            continue
        folded.applied += 1
        kind = event["type"]
        (quiet if kind in QUIET_TYPES else urgent)[key] = None
        if applied is _OPENED or kind == "row_viewed":
            urgent[key] = None  # the row that was shown, for its impression
            folded.serve(_served(event, record, applied is _OPENED))
    return folded


def _served(event: Event, record: Record, opened: bool) -> Served:
    return Served(
        event["member_id"],
        event.get("device_id") or event["device"],
        event["session_id"],
        record.offset,
        "session_start" if opened else "row_viewed",
        event.get("row_version"),
        record.timestamp,
    )
