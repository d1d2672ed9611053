"""Event logs by name: JSON Lines files, or a Kafka topic from its beginning to where it ends now."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import BadZipFile

import orjson

from streams import catalog, config, profiles, reading, topics, vectors
from streams.catalog import Catalog, InvalidTitle
from streams.errors import CommandError, UsageError
from streams.profiles import InvalidProfile, Profile, parse_profile

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

    Vectors come from a .titles.npz beside an event file, the last one that has any. Raises CommandError where a record
    or the vectors can't be used.
    """
    known = vectors.Vectors()
    for source in sources:
        if not source.startswith(KAFKA):
            path = _beside(source, "titles.npz")
            known = read_vectors(path) if path.is_file() else known
    try:
        return replace(catalog.load(title_lines(sources)), vectors=known)
    except InvalidTitle as error:
        raise CommandError(f"the catalogue of {', '.join(sources)} can't be used: {error}") from None


def title_lines(sources: Sequence[str]) -> list[bytes]:
    """The records of titles of logs, as `read_catalog` takes them."""
    lines: list[bytes] = []
    for source in sources:
        if source.startswith(KAFKA):
            lines.extend(_latest(topics.CATALOG).values())
        else:
            lines.extend(_lines_beside(source, "titles.jsonl"))
    return lines


def read_profiles(sources: Sequence[str]) -> dict[str, Profile]:
    """Profiles by member id: FILE's stem + .profiles.jsonl beside event files, and member.profiles for a topic.

    Raises CommandError where a record can't be used.
    """
    found: dict[str, Profile] = {}
    try:
        for source in sources:
            if source.startswith(KAFKA):
                for key, value in _latest(topics.PROFILES).items():
                    found[key.decode()] = parse_profile(orjson.loads(value))
            else:
                found |= profiles.load(_lines_beside(source, "profiles.jsonl"))
    except (InvalidProfile, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"the profiles of {', '.join(sources)} can't be used: {error}") from None
    return found


def read_vectors(path: Path) -> vectors.Vectors:
    """Title vectors as `cw titles bundle --npz` writes them. Raises CommandError where they can't be used."""
    try:
        return vectors.load(path)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise CommandError(f"the vectors of {path} can't be used: {error}") from None


def _latest(topic: str) -> dict[bytes, bytes]:
    """The newest value of each key of a compacted topic."""
    records = reading.records(config.load().bootstrap_servers, topic)
    newest = {record.key: record.value for record in records}
    return {key: value for key, value in newest.items() if key and value}


def _lines_beside(source: str, kind: str) -> list[bytes]:
    path = _beside(source, kind)
    return path.read_bytes().splitlines() if path.is_file() else []


def _beside(source: str, kind: str) -> Path:
    """The file of a kind beside an event file, or in a folder of examples."""
    path = Path(source)
    return path / kind if path.is_dir() else path.with_name(f"{path.stem}.{kind}")
