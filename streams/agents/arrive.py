"""Step one: records to events. Sorts out what can't be read, and what stands in another partition than its key's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from streams import events, topics
from streams.batching import Record
from streams.events import Event, InvalidEvent

ORIGIN_HEADER: Final = "cw-origin"  # on a moved record: TOPIC/PARTITION/OFFSET where it stood


Arrival: TypeAlias = tuple[Record, Event]  # a valid event of this partition, and the record that brought it


class Refused(NamedTuple):
    """A record for cw.invalid, with the reason."""

    record: Record
    reason: str


@dataclass(slots=True)
class Arrivals:
    """The records of a batch, sorted; each list is in log order."""

    events: list[Arrival] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    strays: list[Record] = field(default_factory=list)  # to be moved to the partition of their key
    ahead: int = 0  # events whose clock ran ahead; they count as the time of arrival


def sort(records: Sequence[Record], partition: int, partitions: int) -> Arrivals:
    """Decodes and validates each record. No record raises, whatever it holds."""
    arrivals = Arrivals()
    decode, found = events.decode, arrivals.events
    at_home: dict[bytes, bool] = {}  # whether this is the partition of the key
    for record in records:
        key = record.key
        try:
            event = decode(record.value, key)
        except InvalidEvent as error:
            arrivals.refused.append(Refused(record, str(error)))
            continue
        except (RecursionError, ValueError) as error:
            arrivals.refused.append(Refused(record, f"can't be read: {type(error).__name__}: {error}"))
            continue
        assert key is not None  # decode has checked
        here = at_home.get(key)
        if here is None:
            here = at_home[key] = topics.partition_of(key, partitions) == partition
        if not here:
            if any(name == ORIGIN_HEADER for name, _ in record.headers):
                arrivals.refused.append(Refused(record, "moved once already, and again not in its key's partition"))
            else:
                arrivals.strays.append(record)
            continue
        if event["ts"] > record.timestamp:
            arrivals.ahead += events.correct_clock(event, record.timestamp)
        found.append((record, event))
    return arrivals
