"""Reads a topic from its beginning to where it ended when the reading began."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from streams.errors import CommandError
from streams.topics import no_kafka, one_line

_SILENCE_S = 30.0


def records(
    bootstrap_servers: str, topic: str, start: Mapping[int, int] | None = None, committed_only: bool = True
) -> Iterator[Any]:
    """kafka-python's records (partition, offset, timestamp in ms, key, value, headers), each partition in order.

    Begins at the offsets `start` {partition: offset}, or at the beginning; `committed_only` leaves out what aborted
    transactions wrote. Joins no group, commits nothing. Raises CommandError where the cluster or the topic can't be
    read.
    """
    from kafka import TopicPartition
    from kafka.errors import KafkaError

    with _consumer(bootstrap_servers, committed_only) as consumer:
        try:
            numbers = consumer.partitions_for_topic(topic)
            if not numbers:
                raise CommandError(f"there is no topic {topic} at {bootstrap_servers}: 'cw broker start' creates it")
            partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            for partition in partitions:
                if start is not None and partition.partition in start:
                    consumer.seek(partition, start[partition.partition])
                else:
                    consumer.seek_to_beginning(partition)
            waiting = {partition for partition in partitions if consumer.position(partition) < ends[partition]}
            silent_s = 0.0
            while waiting:
                polled = consumer.poll(timeout_ms=1000)
                silent_s = 0.0 if polled else silent_s + 1.0
                if silent_s >= _SILENCE_S:
                    raise CommandError(f"{bootstrap_servers} sends no more of {topic}: see 'cw broker status'")
                for partition, batch in polled.items():
                    if partition in waiting:
                        yield from (record for record in batch if record.offset < ends[partition])
                waiting = {partition for partition in waiting if consumer.position(partition) < ends[partition]}
        except KafkaError as error:
            raise CommandError(f"reading {topic} at {bootstrap_servers} failed: {one_line(error)}") from None


def length(bootstrap_servers: str, topic: str) -> int:
    """How many offsets the topic spans now. Raises CommandError where the cluster or the topic can't be read."""
    first, last = _bounds(bootstrap_servers, topic)
    return sum(last.values()) - sum(first.values())


def ends(bootstrap_servers: str, topic: str) -> dict[int, int]:
    """{partition: the offset that its next record gets}. Raises CommandError as `length` does."""
    return _bounds(bootstrap_servers, topic)[1]


def _bounds(bootstrap_servers: str, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    from kafka import TopicPartition
    from kafka.errors import KafkaError

    with _consumer(bootstrap_servers, committed_only=True) as consumer:
        try:
            numbers = consumer.partitions_for_topic(topic) or ()
            partitions = [TopicPartition(topic, number) for number in numbers]
            first, last = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        except KafkaError as error:
            raise CommandError(f"reading {topic} at {bootstrap_servers} failed: {one_line(error)}") from None
    return (
        {partition.partition: int(offset) for partition, offset in first.items()},
        {partition.partition: int(offset) for partition, offset in last.items()},
    )


@contextmanager
def _consumer(bootstrap_servers: str, committed_only: bool) -> Iterator[Any]:
    from kafka import KafkaConsumer
    from kafka.errors import KafkaError

    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap_servers.split(","),
            bootstrap_timeout_ms=5_000,
            enable_auto_commit=False,
            isolation_level="read_committed" if committed_only else "read_uncommitted",
            max_poll_records=5000,
        )
    except (KafkaError, OSError, ValueError) as error:
        raise no_kafka(bootstrap_servers, error) from None
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False)
