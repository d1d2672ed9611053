"""Event logs as records in log order: JSON Lines files, or a Kafka topic from its beginning to where it ends now."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from streams import catalog, config, topics
from streams.catalog import Catalog, InvalidTitle
from streams.errors import CommandError, UsageError

KAFKA: Final = "kafka:"
_POLL_MS: Final = 1_000
_PATIENCE_MS: Final = 30_000  # without a record for so long, the broker is taken for gone


class Record(NamedTuple):
    """One record. A file has neither keys nor times of arrival."""

    where: str  # line number, or partition-offset
    key: bytes | None
    value: bytes
    arrived_ms: int | None


class Log:
    """A log by its name on the command line: a path, or `kafka:` and a topic."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.topic = source.removeprefix(KAFKA) if source.startswith(KAFKA) else None

    def size(self) -> int:
        """Bytes of a file, records of a topic. Raises UsageError where there is no such file."""
        if self.topic is not None:
            with _Topic(self.topic) as topic:
                return sum(topic.ends.values()) - sum(topic.beginnings.values())
        path = Path(self.source)
        if not path.is_file():
            raise UsageError(f"there is no event file {self.source}")
        return path.stat().st_size

    def read(self, progress: Callable[[int], None]) -> Iterator[Record]:
        """All records; `progress` is told how much more of `size` was read. Raises CommandError where reading fails."""
        return self._read_file(progress) if self.topic is None else self._read_topic(self.topic, progress)

    def _read_file(self, progress: Callable[[int], None]) -> Iterator[Record]:
        try:
            with Path(self.source).open("rb") as file:
                for number, line in enumerate(file, 1):
                    progress(len(line))
                    value = line.strip()
                    if value:
                        yield Record(str(number), None, value, None)
        except OSError as error:
            raise CommandError(f"can't read {self.source}: {error.strerror}") from None

    def _read_topic(self, name: str, progress: Callable[[int], None]) -> Iterator[Record]:
        with _Topic(name) as topic:
            for record in topic.records():
                progress(1)
                yield record


def read_catalog(sources: Sequence[str]) -> Catalog:
    """What the titles files beside event files say (FILE's stem + .titles.jsonl), and catalog.titles for a topic.

    Raises CommandError where a record can't be used.
    """
    lines: list[bytes] = []
    for source in sources:
        if source.startswith(KAFKA):
            with _Topic(topics.CATALOG) as topic:
                latest = {record.key: record.value for record in topic.records()}
            lines.extend(value for value in latest.values() if value)
            continue
        path = Path(source)
        beside = path.with_name(f"{path.stem}.titles.jsonl")
        if beside.is_file():
            lines.extend(line for line in beside.read_bytes().splitlines() if line.strip())
    try:
        return catalog.load(lines)
    except InvalidTitle as error:
        raise CommandError(f"the catalogue beside {', '.join(sources)} can't be used: {error}") from None


class _Topic:
    """A topic between the offsets that it had when it was opened, one partition after the other."""

    def __init__(self, name: str) -> None:
        from kafka import KafkaConsumer, TopicPartition
        from kafka.errors import KafkaError

        servers = config.load().bootstrap_servers
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=servers.split(","),
                enable_auto_commit=False,
                isolation_level="read_committed",
                max_partition_fetch_bytes=16 * 2**20,
                max_poll_records=20_000,
            )
        except KafkaError as error:
            raise CommandError(
                f"no Kafka answers at {servers} ({topics.one_line(error)}): start one with 'cw broker start', "
                "or set KAFKA_BOOTSTRAP_SERVERS to a cluster that runs"
            ) from None
        numbers = self._consumer.partitions_for_topic(name)
        if not numbers:
            self._consumer.close()
            raise CommandError(f"there is no topic {name} at {servers}")
        self._name = name
        self._partitions = [TopicPartition(name, number) for number in sorted(numbers)]
        self.beginnings: dict[Any, int] = self._consumer.beginning_offsets(self._partitions)
        self.ends: dict[Any, int] = self._consumer.end_offsets(self._partitions)

    def __enter__(self) -> "_Topic":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def records(self) -> Iterator[Record]:
        """Every record, deletions (empty values) included."""
        for partition in self._partitions:
            end, silent_ms = self.ends[partition], 0
            self._consumer.assign([partition])
            self._consumer.seek(partition, self.beginnings[partition])
            while self._consumer.position(partition) < end:
                polled = self._consumer.poll(timeout_ms=_POLL_MS).get(partition, [])
                silent_ms = 0 if polled else silent_ms + _POLL_MS
                if silent_ms >= _PATIENCE_MS:
                    raise CommandError(f"{self._name} gave no records for {_PATIENCE_MS // 1000} s; is the broker up?")
                for record in polled:
                    if record.offset < end:
                        where = f"{partition.partition}-{record.offset}"
                        yield Record(where, record.key, record.value or b"", record.timestamp)
