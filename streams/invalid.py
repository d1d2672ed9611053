"""What could not be read: the records of cw.invalid, and sending those again that can be read now.

A record that was sent again is remembered by a marker in the compacted topic cw.invalid.replayed, written once the
event is acknowledged: key PARTITION-OFFSET-TIMESTAMP of the record in cw.invalid, value the event's new place.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from streams import topics
from streams.errors import CommandError
from streams.events import MAX_EVENT_BYTES, InvalidEvent, validate
from streams.reading import records

UNREADABLE: Final = "the member's state is unreadable"  # how the reason begins for a state that can't be decoded
_BATCH: Final = 200  # sent and remembered together; what a cut-off replay repeats at most
_PREVIEW_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Refused:
    """One record of cw.invalid."""

    marker: str  # PARTITION-OFFSET-TIMESTAMP in cw.invalid
    key: bytes | None
    value: bytes
    reason: str
    topic: str  # where it stood, as its headers tell; "?" where they do not
    partition: str
    offset: str
    timestamp: str  # of its arrival there, ms since the epoch
    replayed: bool

    def preview(self) -> str:
        """The beginning of the value on one line, nothing that a terminal would obey."""
        text = self.value[: 4 * _PREVIEW_CHARS].decode("utf-8", errors="backslashreplace")
        safe = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
        return safe if len(safe) <= _PREVIEW_CHARS else safe[: _PREVIEW_CHARS - 3] + "..."

    def as_json(self) -> dict[str, Any]:
        """Every field; key and value as text where they are UTF-8, else base64 under `key_base64`, `value_base64`."""
        fields: dict[str, Any] = {
            "reason": self.reason,
            "topic": self.topic,
            "partition": _number(self.partition),
            "offset": _number(self.offset),
            "timestamp": _number(self.timestamp),
            "replayed": self.replayed,
        }
        for name, payload in (("key", self.key), ("value", self.value)):
            try:
                fields[name] = None if payload is None else payload.decode()
            except UnicodeDecodeError:
                fields[f"{name}_base64"] = base64.b64encode(payload or b"").decode()
        return fields


@dataclass(slots=True)
class Replayed:
    """What a replay did, in records."""

    sent: int = 0
    before: int = 0  # sent by an earlier replay
    still_invalid: int = 0


def refused(bootstrap_servers: str) -> Iterator[Refused]:
    """Every record of cw.invalid, partition by partition in order."""
    markers = _markers(bootstrap_servers)
    for record in records(bootstrap_servers, topics.INVALID):
        headers = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
        marker = f"{record.partition}-{record.offset}-{record.timestamp}"
        yield Refused(
            marker=marker,
            key=record.key,
            value=record.value or b"",
            reason=headers.get("reason", "?"),
            topic=headers.get("topic", "?"),
            partition=headers.get("partition", "?"),
            offset=headers.get("offset", "?"),
            timestamp=headers.get("timestamp", "?"),
            replayed=marker in markers,
        )


def replay(bootstrap_servers: str, partitions: int, on_progress: Callable[[Replayed], None]) -> Replayed:
    """Sends the records of cw.invalid that are valid events now to playback.events, each once, keyed by its member.

    `partitions` is the number that playback.events has. `on_progress` is called after each batch.
    The others stay for a later replay. Cut off in between, the next replay repeats at most one batch of 200, and the
    worker recognises a repeat by its event_id. Raises CommandError where Kafka fails; what was sent stays remembered.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    topics.ensure(bootstrap_servers, partitions)
    done = Replayed()
    batch: list[tuple[Refused, bytes]] = []
    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap_servers.split(","), acks="all", enable_idempotence=True, linger_ms=5
        )
        try:
            for record in refused(bootstrap_servers):
                member = None if record.replayed else _member_of(record.value)
                if record.replayed:
                    done.before += 1
                elif member is None:
                    done.still_invalid += 1
                else:
                    batch.append((record, member))
                if len(batch) >= _BATCH:
                    done.sent += _send(producer, batch, partitions)
                    batch.clear()
                    on_progress(done)
            done.sent += _send(producer, batch, partitions)
        finally:
            producer.close()
    except (KafkaError, OSError) as error:
        raise CommandError(
            f"Kafka stopped taking records after {done.sent} were sent again ({topics.one_line(error)}): "
            "run 'cw invalid replay' again, it goes on from there"
        ) from None
    return done


def settle_covered(bootstrap_servers: str, member_id: str, partition: int, offset: int) -> int:
    """Remembers as sent the events that were turned away while their member's state was unreadable, up to `offset`.

    For a state rebuilt from the log up to there: they are in it, and a replay would only repeat them. Returns their
    number. Raises CommandError where Kafka fails.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    key = member_id.encode()
    covered = [
        record
        for record in refused(bootstrap_servers)
        if record.key == key
        and record.reason.startswith(UNREADABLE)
        and not record.replayed
        and (record.topic, record.partition) == (topics.EVENTS, str(partition))
        and int(record.offset) <= offset
    ]
    try:
        producer = KafkaProducer(bootstrap_servers=bootstrap_servers.split(","), acks="all", linger_ms=5)
        try:
            for future in [_remember(producer, record, f"{record.partition}/{record.offset}") for record in covered]:
                future.get(60)
        finally:
            producer.close()
    except (KafkaError, OSError) as error:
        raise CommandError(
            f"the state is rebuilt, but Kafka did not note which events it covers ({topics.one_line(error)}): "
            "'cw invalid replay' would send them again, and those older than the member's last 512 would count twice"
        ) from None
    return len(covered)


def _remember(producer: Any, record: Refused, place: str) -> Any:
    return producer.send(topics.REPLAYED, key=record.marker.encode(), value=place.encode())


def _send(producer: Any, batch: list[tuple[Refused, bytes]], partitions: int) -> int:
    sent = [
        producer.send(
            topics.EVENTS,
            key=member,
            value=record.value,
            partition=topics.partition_of(member, partitions),
            headers=[("replayed_from", f"{topics.INVALID}/{record.marker}".encode())],
        )
        for record, member in batch
    ]
    places = [future.get(60) for future in sent]
    remembered = [
        _remember(producer, record, f"{place.partition}/{place.offset}")
        for (record, _), place in zip(batch, places, strict=True)
    ]
    for future in remembered:
        future.get(60)
    return len(batch)


def _member_of(value: bytes) -> bytes | None:
    """The right key of an event, or None where the value is none."""
    if not value or len(value) > MAX_EVENT_BYTES:
        return None
    try:
        event = orjson.loads(value)
        validate(event)
        return str(event["member_id"]).encode()
    except (orjson.JSONDecodeError, InvalidEvent, UnicodeEncodeError):
        return None


def _markers(bootstrap_servers: str) -> set[str]:
    return {record.key.decode() for record in records(bootstrap_servers, topics.REPLAYED) if record.key}


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
