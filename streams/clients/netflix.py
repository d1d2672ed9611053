"""Viewing exports to the events that the players would have sent: rows to views to sessions to one log."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final

from streams.clients import netflix_table as table
from streams.clients.netflix_sessions import Session, cut, events_of
from streams.clients.netflix_views import RowError, View, ViewReader
from streams.errors import CommandError, UsageError
from streams.events import Event

LINES_KEPT: Final = 5  # line numbers kept for each reason of rejection
_STEP: Final = 2_000  # rows between two words of progress


@dataclass(slots=True)
class FileReport:
    """What became of one file's rows: rows = rejected + trailers + repeats + views."""

    path: Path
    prefix: str
    rows: int = 0
    trailers: int = 0
    repeats: int = 0
    views: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # by reason
    lines: dict[str, list[int]] = field(default_factory=dict)  # the first line numbers of each reason
    unreadable: str | None = None  # why the whole file could not be read

    def reject(self, reason: str, line: int) -> None:
        """Counts a row that could not be read."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
        lines = self.lines.setdefault(reason, [])
        if len(lines) < LINES_KEPT:
            lines.append(line)


@dataclass(frozen=True, slots=True)
class Imported:
    """Everything that was read. Sessions are in order of their start."""

    files: list[FileReport]
    sessions: list[Session]

    @property
    def members(self) -> list[str]:
        """Member ids, sorted."""
        return sorted({session.member_id for session in self.sessions})

    @property
    def views(self) -> Iterator[View]:
        """All views, session by session."""
        return (view for session in self.sessions for view in session.views)

    @property
    def event_count(self) -> int:
        """How many events `events` gives."""
        return sum(2 + 2 * len(session.views) for session in self.sessions)

    def events(self) -> Iterator[Event]:
        """All members' events in log order, by time. The same rows give the same events and ids."""
        # Sessions begin in order, so an event is due once no session that is yet to come begins before it. Equal
        # times keep the order in which sessions began, and within one that in which things happen.
        pending: list[tuple[int, int, Event]] = []
        number = 0
        for session in self.sessions:
            while pending and pending[0][0] < session.start_ms:
                yield heappop(pending)[2]
            for event in events_of(session):
                heappush(pending, (event["ts"], number, event))
                number += 1
        while pending:
            yield heappop(pending)[2]

    def titles(self) -> list[dict[str, Any]]:
        """Records for catalog.titles that give films and series their names, and say nothing that the rows don't.

        No runtimes, and no episodes: those of an export are the ones that will be watched, and telling a model in
        training that they exist would be telling it the future.
        """
        named = {view.title.show_id: view.title for view in self.views}
        return [
            {
                "title_id": show_id,
                "show_id": show_id,
                "name": title.show,
                "kind": "film" if title.is_film else "series",
            }
            for show_id, title in sorted(named.items())
        ]


def read(
    paths: Sequence[Path],
    prefix: str | None = None,
    progress: Callable[[int], None] = lambda rows: None,
    now_ms: int | None = None,
) -> Imported:
    """Reads exports. Without a prefix each file is a household named after it; with one they are all one household.

    `progress` is told how many more rows were read. `now_ms` bounds start times; the clock's by default. Raises
    UsageError where a file does not exist, CommandError where no row of any file could be read.
    """
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    prefixes = [prefix] * len(paths) if prefix is not None else default_prefixes(paths)
    reports: list[FileReport] = []
    views: dict[str, list[View]] = defaultdict(list)
    seen: set[tuple[str, ...]] = set()
    for path, household in zip(paths, prefixes, strict=True):
        report = FileReport(path, household)
        reports.append(report)
        try:
            _read_file(report, views, seen, progress, now_ms)
        except UsageError:
            raise
        except CommandError as error:
            report.unreadable = str(error)
    if not any(report.views or report.trailers for report in reports):
        raise CommandError(_nothing_read(reports))
    sessions = [session for member in sorted(views) for session in cut(views[member])]
    sessions.sort(key=lambda session: session.start_ms)
    return Imported(reports, sessions)


def default_prefixes(paths: Sequence[Path]) -> list[str]:
    """A household's name for each file: its stem, with the folder's where stems repeat, with a number where both do."""
    stems = [path.stem or "export" for path in paths]
    names = [
        f"{path.absolute().parent.name}-{stem}" if stems.count(stem) > 1 else stem
        for path, stem in zip(paths, stems, strict=True)
    ]
    return [f"{name}-{names[: i + 1].count(name)}" if names.count(name) > 1 else name for i, name in enumerate(names)]


def _read_file(
    report: FileReport,
    views: dict[str, list[View]],
    seen: set[tuple[str, ...]],
    progress: Callable[[int], None],
    now_ms: int,
) -> None:
    try:
        data = report.path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"there is no file {report.path}") from None
    except OSError as error:
        raise CommandError(f"can't read {report.path}: {error.strerror}") from None
    export = table.read_table(data, str(report.path))
    reader = ViewReader(export, report.prefix, now_ms)
    for line, record in export.records:
        report.rows += 1
        if report.rows % _STEP == 0:
            progress(_STEP)
        try:
            fields = reader.fields(record)
            key = reader.key(fields)
            # Counted first: a repeated trailer is a trailer.
            if fields.get(table.SUPPLEMENTAL):
                report.trailers += 1
            elif key in seen:
                report.repeats += 1
            else:
                view = reader.view(fields, key)
                seen.add(key)
                views[view.member_id].append(view)
                report.views += 1
        except RowError as error:
            report.reject(str(error), line)
    progress(report.rows % _STEP)


def _nothing_read(reports: Sequence[FileReport]) -> str:
    for report in reports:
        if report.unreadable:
            return report.unreadable
    reasons = {reason for report in reports for reason in report.rejected}
    return f"no row could be read ({', '.join(sorted(reasons)) or 'the files are empty'}); check that they are exports"
