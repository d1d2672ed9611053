"""Event logs by name: JSON Lines files, or a Kafka topic from its beginning to where it ends now."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from streams import catalog, config, reading, topics
from streams.catalog import Catalog, InvalidTitle
from streams.errors import CommandError, UsageError

KAFKA: Final = "kafka:"


class Record(NamedTuple):
    """One record of a topic."""

    where: str  # partition-offset
    key: bytes | None
    value: bytes
    arrived_ms: int


class Log:
    """A log by its name on the command line: a path, or `kafka:` and a topic."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.topic = source.removeprefix(KAFKA) if source.startswith(KAFKA) else None

    def size(self) -> int:
        """Bytes of a file, records of a topic. Raises UsageError where there is no such file."""
        if self.topic is not None:
            return reading.length(config.load().bootstrap_servers, self.topic)
        path = Path(self.source)
        if not path.is_file():
            raise UsageError(f"there is no event file {self.source}")
        return path.stat().st_size

    def records(self) -> Iterator[Record]:
        """All records of a topic. Raises CommandError where reading fails."""
        for record in reading.records(config.load().bootstrap_servers, self.topic or self.source):
            yield Record(f"{record.partition}-{record.offset}", record.key, record.value or b"", record.timestamp)


def read_catalog(sources: Sequence[str]) -> Catalog:
    """What the titles files beside event files say (FILE's stem + .titles.jsonl), and catalog.titles for a topic.

    Raises CommandError where a record can't be used.
    """
    lines: list[bytes] = []
    for source in sources:
        if source.startswith(KAFKA):
            records = reading.records(config.load().bootstrap_servers, topics.CATALOG)
            latest = {record.key: record.value for record in records}
            lines.extend(value for value in latest.values() if value)
            continue
        path = Path(source)
        beside = path.with_name(f"{path.stem}.titles.jsonl")
        if beside.is_file():
            lines.extend(line for line in beside.read_bytes().splitlines() if line.strip())
    try:
        return catalog.load(lines)
    except InvalidTitle as error:
        raise CommandError(f"the catalogue of {', '.join(sources)} can't be used: {error}") from None
