"""The history of a population as files: events, titles and profiles, each as JSON Lines."""

from collections.abc import Callable
from pathlib import Path

import orjson

from streams.clients.simulate.log import Log
from streams.clients.simulate.statistics import Statistics
from streams.errors import CommandError

STEP_MS = 3_600_000


def write(log: Log, path: Path, statistics: Statistics, progress: Callable[[int], None]) -> list[Path]:
    """Writes events to `path`, titles and profiles beside it; returns the three paths.

    `progress` is told the time that the history has reached, in ms. Raises CommandError where a file can't be written.
    """
    titles = path.with_name(f"{path.stem}.titles.jsonl")
    profiles = path.with_name(f"{path.stem}.profiles.jsonl")
    try:
        with titles.open("wb") as file:
            file.writelines(orjson.dumps(record) + b"\n" for record in log.catalogue.records())
        with profiles.open("wb") as file:
            file.writelines(orjson.dumps(member.profile()) + b"\n" for member in log.members)
        with path.open("wb") as file:
            for to_ms in range(log.start_ms + STEP_MS, log.until_ms + STEP_MS, STEP_MS):
                for _, event in log.advance(min(to_ms, log.until_ms)):
                    statistics.observe(event)
                    file.write(orjson.dumps(event))
                    file.write(b"\n")
                progress(to_ms)
    except OSError as error:
        reason = f"can't write {error.filename or path}: {error.strerror}; name another file with -o"
        raise CommandError(reason) from None
    return [path, titles, profiles]
