"""Takes a finished log of events and catalogue records to a file, or to the broker."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from streams.errors import CommandError
from streams.events import Event

_STEP = 5_000  # events between two words of progress


def write(
    events: Sequence[Event], titles: Sequence[dict[str, Any]], path: Path, progress: Callable[[int], None]
) -> str:
    """Writes the events to `path` as JSON Lines, the titles to its stem + .titles.jsonl; returns both names.

    `progress` is told how many more events were written. Raises CommandError where a file can't be written.
    """
    beside = path.with_name(f"{path.stem}.titles.jsonl")
    try:
        beside.write_bytes(b"".join(orjson.dumps(title) + b"\n" for title in titles))
        with path.open("wb") as file:
            for start in range(0, len(events), _STEP):
                chunk = events[start : start + _STEP]
                file.writelines(orjson.dumps(event) + b"\n" for event in chunk)
                progress(len(chunk))
    except OSError as error:
        raise CommandError(
            f"can't write {error.filename or path}: {error.strerror}; name another file with -o"
        ) from None
    return f"{path}, {beside}"


def produce(events: Sequence[Event], titles: Sequence[dict[str, Any]], progress: Callable[[int], None]) -> str:
    """Sends titles, then events in their order, to the broker of the settings; returns where they went.

    `progress` is told how many more events the broker has acknowledged. Raises CommandError where it can't be reached.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from streams import config, topics

    settings = config.load()
    try:
        topics.ensure(settings.bootstrap_servers, settings.partitions)
        producer = KafkaProducer(
            bootstrap_servers=settings.bootstrap_servers, acks="all", linger_ms=20, batch_size=256 * 1024
        )  # fmt: skip
        try:
            for title in titles:
                producer.send(topics.CATALOG, key=title["title_id"].encode(), value=orjson.dumps(title))
            for start in range(0, len(events), _STEP):
                chunk = events[start : start + _STEP]
                sent = [
                    producer.send(topics.EVENTS, key=event["member_id"].encode(), value=orjson.dumps(event))
                    for event in chunk
                ]
                for acknowledgement in sent:
                    acknowledgement.get(timeout=60)
                progress(len(chunk))
            producer.flush()
        finally:
            producer.close()
    except KafkaError as error:
        raise CommandError(
            f"can't send to the broker at {settings.bootstrap_servers} ({error}); start one with 'cw broker start', "
            "or name it with KAFKA_BOOTSTRAP_SERVERS"
        ) from None
    return f"topics {topics.EVENTS} and {topics.CATALOG} at {settings.bootstrap_servers}"
