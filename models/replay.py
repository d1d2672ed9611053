"""Event logs to examples: every member's events through the fold that the worker runs, in parallel over members.

The log is first split by member into parts on disk, a few megabytes each; each part is then folded by one process. The
number of parts follows from the size of the log alone, so that the result is the same on any number of processors.
"""

import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import orjson

from models.examples import Examples, Plays
from models.log import Log
from models.recording import Recorder
from streams.catalog import Catalog
from streams.errors import CommandError
from streams.events import Event, InvalidEvent, correct_clock, decode, validate

CANDIDATE_DAYS: Final = 180
PART_BYTES: Final = 8 * 2**20
MOST_PARTS: Final = 256  # open files while splitting
EVENT_BYTES: Final = 350  # of a record in a topic, whose bytes are not known beforehand
REASONS_KEPT: Final = 20

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a log held. `reasons` tells of the first invalid records, in log order."""

    examples: Examples
    plays: Plays
    members: int
    events: int  # applied
    repeats: int  # ids seen before
    invalid: int
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class _Part:
    """One part folded; examples and plays lie in `folder`, an .npy file a field."""

    folder: Path
    members: int
    events: int
    repeats: int
    invalid: list[tuple[int, str]]  # number of the record in the log, reason


def replay(
    sources: Sequence[str],
    catalog: Catalog | None = None,
    candidate_days: int = CANDIDATE_DAYS,
    progress: Progress = lambda what, done, total: None,
    processes: int | None = None,
) -> Replayed:
    """Replays event files and topics (`kafka:TOPIC`), one log after the other.

    `catalog` is what existed (models.log.read_catalog). `processes` is all processors by default. Raises CommandError
    where a log can't be read, or holds not one valid event.
    """
    logs = [Log(source) for source in sources]
    with tempfile.TemporaryDirectory(prefix="cw-replay-") as scratch:
        splitter = _Splitter(logs, Path(scratch))
        paths = splitter.run(progress)
        parts = _fold_all(paths, catalog or Catalog(), candidate_days, progress, processes)
        invalid = sorted([*splitter.invalid, *(entry for part in parts for entry in part.invalid)])
        events = sum(part.events for part in parts)
        if not events:
            first = f" (the first: {invalid[0][1]})" if invalid else ""
            raise CommandError(f"{', '.join(sources)} holds no valid event{first}")
        return Replayed(
            examples=Examples.concat([_load(Examples, part.folder) for part in parts]),
            plays=Plays.concat([_load(Plays, part.folder) for part in parts]),
            members=sum(part.members for part in parts),
            events=events,
            repeats=sum(part.repeats for part in parts),
            invalid=len(invalid),
            reasons=[reason for _, reason in invalid[:REASONS_KEPT]],
        )


class _Splitter:
    """Puts the records of logs into parts by member, each record behind its number in the log and where it stood."""

    def __init__(self, logs: Sequence[Log], folder: Path) -> None:
        self._logs = logs
        self._sizes = [log.size() for log in logs]
        size = sum(size * (EVENT_BYTES if log.topic else 1) for log, size in zip(logs, self._sizes, strict=True))
        self._paths = [folder / f"part-{n}" for n in range(min(MOST_PARTS, 1 + size // PART_BYTES))]
        self.invalid: list[tuple[int, str]] = []

    def run(self, progress: Progress) -> list[Path]:
        """Reads every log once; returns the parts."""
        total, done, told = sum(self._sizes), 0, 0

        def tell(more: int) -> None:
            nonlocal done, told
            done += more
            if done - told > total // 200:
                told = done
                progress("Reading", done, total)

        count = len(self._paths)
        number = 0
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("wb", buffering=1 << 16)) for path in self._paths]
            for log in self._logs:
                for record in log.read(tell):
                    number += 1
                    try:
                        member, line = _member_of(record.value, record.key, record.arrived_ms)
                    except InvalidEvent as error:
                        self.invalid.append((number, f"{log.source}:{record.where}: {error}"))
                        continue
                    where = f"{log.source}:{record.where}"
                    files[crc32(member.encode()) % count].write(b"%d\t%s\t%s\n" % (number, where.encode(), line))
        progress("Reading", total, total)
        return self._paths


def _member_of(value: bytes, key: bytes | None, arrived_ms: int | None) -> tuple[str, bytes]:
    """The member that a record is about, and the record as one line. Raises InvalidEvent where that can't be told."""
    if arrived_ms is not None:  # a record of a topic, which the worker reads by the same rules
        event = decode(value, key)
        correct_clock(event, arrived_ms)
        return event["member_id"], orjson.dumps(event)
    try:
        event = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error}") from None
    member = event.get("member_id") if type(event) is dict else None
    if type(member) is not str:
        validate(event)
    return str(member), value


def _fold_all(
    paths: Sequence[Path], catalog: Catalog, candidate_days: int, progress: Progress, processes: int | None
) -> list[_Part]:
    parts: list[_Part] = []
    total = len(paths)
    workers = min(total, processes or len(os.sched_getaffinity(0)))
    progress("Folding", 0, total)
    with ExitStack() as stack:
        try:
            if workers == 1:
                _prepare(catalog, candidate_days)
                folded: Iterator[_Part] = map(_fold_part, paths)
            else:
                # Not forked: progress displays and Kafka clients have threads.
                pool = ProcessPoolExecutor(
                    workers,
                    mp_context=get_context("spawn"),
                    initializer=_prepare_worker,
                    initargs=(_pickled(catalog, paths[0].parent), candidate_days),
                )
                stack.callback(pool.shutdown, cancel_futures=True)
                folded = pool.map(_fold_part, paths)
            for part in folded:
                parts.append(part)
                progress("Folding", len(parts), total)
        except BrokenProcessPool:
            raise CommandError(
                "a process that replays the log ended before its work; if memory is short, give it more, then try again"
            ) from None
    return parts


def _pickled(catalog: Catalog, folder: Path) -> Path:
    """The catalogue as a file. A process is given its arguments through a pipe, and a large argument to one that dies
    before it has read it would be waited for without end."""
    path = folder / "catalog.pickle"
    with path.open("wb") as file:
        pickle.dump(catalog, file, pickle.HIGHEST_PROTOCOL)
    return path


_settings: tuple[Catalog, int] = (Catalog(), CANDIDATE_DAYS)  # of this process


def _prepare(catalog: Catalog, candidate_days: int) -> None:
    global _settings
    _settings = (catalog, candidate_days)


def _prepare_worker(catalog: Path, candidate_days: int) -> None:
    # A ctrl-c reaches every process of the terminal; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with catalog.open("rb") as file:
        _prepare(pickle.load(file), candidate_days)


def _fold_part(path: Path) -> _Part:
    catalog, candidate_days = _settings
    invalid: list[tuple[int, str]] = []
    members: dict[str, list[bytes]] = {}
    with path.open("rb") as file:
        for entry in file:
            number, where, line = entry.rstrip(b"\n").split(b"\t", 2)
            event = orjson.loads(line)
            try:
                validate(event)
            except InvalidEvent as error:
                invalid.append((int(number), f"{where.decode()}: {error}"))
                continue
            members.setdefault(event["member_id"], []).append(line)
    path.unlink()
    recorder = Recorder(candidate_days, catalog)
    events = repeats = 0
    for member_id in sorted(members):
        # Kept as bytes until their turn: decoded, the events of a part would take ten times the room.
        decoded: list[Event] = [orjson.loads(line) for line in members.pop(member_id)]
        again = recorder.fold(member_id, decoded)
        repeats += again
        events += len(decoded) - again
    folder = path.with_suffix(".folded")
    folder.mkdir()
    count = recorder.members
    for table in recorder.finish():
        _save(table, folder)
    return _Part(folder, count, events, repeats, invalid)


def _save(table: Examples | Plays, folder: Path) -> None:
    for field in fields(table):
        np.save(folder / f"{type(table).__name__}.{field.name}.npy", getattr(table, field.name))


def _load(kind: type[Any], folder: Path) -> Any:
    """The table, its arrays left in their files until they are read."""
    return kind(**{field.name: _array(folder / f"{kind.__name__}.{field.name}.npy") for field in fields(kind)})


def _array(path: Path) -> Any:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an array without elements can't be mapped
        return np.load(path, allow_pickle=False)
