"""Event logs to examples: every member's events through the fold that the worker runs, in parallel over members.

The log is first split by member into parts (models/splitting.py), a few megabytes each; each part is then folded by one
process. Stretches and parts follow from the size of the log alone, so that the result is the same on any number of
processors.
"""

import gc
import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from models import splitting
from models.examples import Examples, Plays, Stored
from models.log import Log, Record
from models.recording import Recorder
from models.splitting import Invalid, Split, Stretch
from streams.catalog import Catalog
from streams.errors import CommandError
from streams.events import Event, InvalidEvent, correct_clock, decode, parse
from streams.profiles import NO_PROFILE, Profile
from streams.vectors import Vectors

CANDIDATE_DAYS: Final = 180
PART_BYTES: Final = 8 * 2**20
REASONS_KEPT: Final = 20

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much
_In = TypeVar("_In")
_Out = TypeVar("_Out")


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
class Part:
    """One part folded."""

    examples: Any  # stored
    plays: Any  # stored
    members: int
    events: int
    repeats: int
    invalid: list[Invalid]


def replay(
    sources: Sequence[str],
    catalog: Catalog | None = None,
    candidate_days: int = CANDIDATE_DAYS,
    progress: Progress = lambda what, done, total: None,
    processes: int | None = None,
    profiles: Mapping[str, Profile] | None = None,
) -> Replayed:
    """Replays event files and topics (`kafka:TOPIC`), one log after the other.

    `catalog` is what existed, `profiles` the members' slow facts (models.log reads both). `processes` is all processors
    by default. Raises CommandError where a log can't be read, or holds not one valid event.
    """
    with folded(sources, catalog, candidate_days, progress, processes, profiles) as (parts, counts):
        examples = Examples.concat([part.examples for part in parts])
        return Replayed(examples, Plays.concat([part.plays for part in parts]), **counts)


@contextmanager
def folded(
    sources: Sequence[str],
    catalog: Catalog | None = None,
    candidate_days: int = CANDIDATE_DAYS,
    progress: Progress = lambda what, done, total: None,
    processes: int | None = None,
    profiles: Mapping[str, Profile] | None = None,
) -> Iterator[tuple[list["Part"], dict[str, Any]]]:
    """As `replay`, but leaves the parts in files that are there while the context lasts; with what the log held."""
    logs = [Log(source) for source in sources]
    with tempfile.TemporaryDirectory(prefix="cw-replay-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        stretches, invalid = _stretches(logs, folder, progress)
        count = 1 + sum(stretch.size for stretch in stretches) // PART_BYTES
        workers = min(max(count, len(stretches)), processes or len(os.sched_getaffinity(0)))
        # Features are made later, and of the whole: the fold needs no vectors.
        known = replace(catalog or Catalog(), vectors=Vectors())
        run = _Workers(workers, known, candidate_days, folder, stack)
        split_one = partial(splitting.split, folder=folder, parts=count)
        splits = list(run.each(split_one, stretches, partial(progress, "Reading")))
        splitting.write_index(folder, splits, count)
        _write_profiles(folder, profiles or {}, count)
        parts = list(run.each(partial(_fold_part, folder), range(count), partial(progress, "Folding")))
        invalid += [found for split in splits for found in split.invalid]
        invalid += [found for part in parts for found in part.invalid]
        events = sum(part.events for part in parts)
        reasons = _reasons(sorted(invalid)[:REASONS_KEPT], stretches, splits)
        if not events:
            first = f" (the first: {reasons[0]})" if reasons else ""
            raise CommandError(f"{', '.join(sources)} holds no valid event{first}")
        yield (
            parts,
            {
                "members": sum(part.members for part in parts),
                "events": events,
                "repeats": sum(part.repeats for part in parts),
                "invalid": len(invalid),
                "reasons": reasons,
            },
        )


def _stretches(logs: Sequence[Log], folder: Path, progress: Progress) -> tuple[list[Stretch], list[Invalid]]:
    """The logs as stretches of files. A topic becomes a file first; what is invalid in it is left out and returned."""
    stretches: list[Stretch] = []
    invalid: list[Invalid] = []
    sizes = [log.size() for log in logs]
    for number, (log, size) in enumerate(zip(logs, sizes, strict=True)):
        path = Path(log.source)
        if log.topic is not None:
            path = folder / f"topic-{number}"
            with path.open("wb") as file:
                for count, record in enumerate(log.records(), 1):
                    try:
                        file.write(_line(record))
                    except InvalidEvent as error:
                        invalid.append(Invalid(len(stretches), count, f"{log.source}:{record.where}", str(error)))
                    if not count % 1_000:
                        progress(f"Reading {log.topic}", count, size)
        stretches += splitting.stretches(log.source, path, len(stretches))
    return stretches, invalid


def _line(record: Record) -> bytes:
    """A record of a topic as a line of an event file, by the worker's rules. Raises InvalidEvent."""
    event = decode(record.value, record.key)
    correct_clock(event, record.arrived_ms)
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


def _reasons(invalid: Sequence[Invalid], stretches: Sequence[Stretch], splits: Sequence[Split]) -> list[str]:
    """Where invalid records stand, and why they are."""
    before: list[int] = []  # lines of its file before each stretch
    for stretch, last in zip(stretches, [None, *splits], strict=False):
        before.append(before[-1] + last.lines if last is not None and stretch.start else 0)
    return [
        f"{where or f'{stretches[number].source}:{before[number] + record}'}: {reason}"
        for number, record, where, reason in invalid
    ]


class _Workers:
    """Processes that work tasks off; the work of one alone is done in this one."""

    def __init__(self, count: int, catalog: Catalog, candidate_days: int, folder: Path, stack: ExitStack) -> None:
        self._pool: ProcessPoolExecutor | None = None
        if count <= 1:
            _prepare(catalog, candidate_days)
            return
        # Not forked: progress displays and Kafka clients have threads.
        self._pool = ProcessPoolExecutor(
            count,
            mp_context=get_context("spawn"),
            initializer=_prepare_worker,
            initargs=(_pickled(catalog, folder), candidate_days),
        )
        stack.callback(self._pool.shutdown, cancel_futures=True)

    def each(
        self, work: Callable[[_In], _Out], tasks: Sequence[_In], progress: Callable[[int, int], None]
    ) -> Iterator[_Out]:
        """The results, in the order of the tasks. Raises CommandError where a process dies."""
        progress(0, len(tasks))
        try:
            for done, result in enumerate(map(work, tasks) if self._pool is None else self._pool.map(work, tasks), 1):
                progress(done, len(tasks))
                yield result
        except BrokenProcessPool:
            raise CommandError(
                "a process that replays the log ended before its work; if memory is short, give it more, then try again"
            ) from None


def _pickled(catalog: Catalog, folder: Path) -> Path:
    """The catalogue as a file. A process is given its arguments through a pipe, and a large argument to one that dies
    before it has read it would be waited for without end."""
    path = folder / "catalog.pickle"
    with path.open("wb") as file:
        pickle.dump(catalog, file, pickle.HIGHEST_PROTOCOL)
    return path


def _write_profiles(folder: Path, profiles: Mapping[str, Profile], parts: int) -> None:
    """Writes the profiles of each part's members, so that no process holds those of all."""
    by_part: list[dict[bytes, Profile]] = [{} for _ in range(parts)]
    for member_id, profile in profiles.items():
        member = member_id.encode(errors="replace")
        by_part[splitting.part_of(member, parts)][member] = profile
    for part, own in enumerate(by_part):
        _profiles_path(folder, part).write_bytes(pickle.dumps(own, pickle.HIGHEST_PROTOCOL))


def _profiles_path(folder: Path, part: int) -> Path:
    return folder / f"profiles-{part}"


_settings: tuple[Catalog, int] = (Catalog(), CANDIDATE_DAYS)  # of this process


def _prepare(catalog: Catalog, candidate_days: int) -> None:
    global _settings
    _settings = (catalog, candidate_days)


def _prepare_worker(catalog: Path, candidate_days: int) -> None:
    # A ctrl-c reaches every process of the terminal; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with catalog.open("rb") as file:
        _prepare(pickle.load(file), candidate_days)
    gc.freeze()  # the catalogue stays: no need to look through it again and again


def _fold_part(folder: Path, part: int) -> Part:
    """Folds the members of a part, one after the other."""
    catalog, candidate_days = _settings
    members: dict[bytes, list[tuple[int, int, bytes]]] = {}
    for entry in splitting.lines_of(folder, part):
        # Kept as bytes until their turn: decoded, the events of a part would take ten times the room.
        members.setdefault(splitting.member_of(entry[2]), []).append(entry)
    profiles: dict[bytes, Profile] = pickle.loads(_profiles_path(folder, part).read_bytes())
    recorder = Recorder(candidate_days, catalog)
    invalid: list[Invalid] = []
    events = repeats = 0
    for member in sorted(members):
        own, profile = _valid(members.pop(member), invalid), profiles.get(member, NO_PROFILE)
        applied, again = recorder.fold(member.decode(errors="replace"), own, profile)
        events += applied
        repeats += again
    count = recorder.members
    examples, plays = recorder.finish()
    return Part(
        Stored(examples, folder / f"examples-{part}"),
        Stored(plays, folder / f"plays-{part}"),
        count,
        events,
        repeats,
        invalid,
    )


def _valid(entries: Iterable[tuple[int, int, bytes]], invalid: list[Invalid]) -> Iterator[Event]:
    """The events of a member; what is none goes to `invalid`."""
    for stretch, number, line in entries:
        try:
            yield parse(line)
        except InvalidEvent as error:
            invalid.append(Invalid(stretch, number, "", str(error)))
