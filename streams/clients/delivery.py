"""Takes a finished log of events and catalogue records to a file, or to the broker."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from streams import config, topics
from streams.clients.sender import Sender
from streams.errors import CommandError
from streams.events import Event

_STEP = 5_000  # events between two words of progress


def write(
    events: Iterable[Event], titles: Sequence[dict[str, Any]], path: Path, progress: Callable[[int], None]
) -> str:
    """Writes the events to `path` as JSON Lines, the titles to its stem + .titles.jsonl; returns both names.

    `progress` is told how many more events were written. Raises CommandError where a file can't be written.
    """
    beside = path.with_name(f"{path.stem}.titles.jsonl")
    try:
        beside.write_bytes(b"".join(orjson.dumps(title) + b"\n" for title in titles))
        with path.open("wb") as file:
            for chunk in _chunks(events):
                file.writelines(orjson.dumps(event) + b"\n" for event in chunk)
                progress(len(chunk))
    except OSError as error:
        raise CommandError(
            f"can't write {error.filename or path}: {error.strerror}; name another file with -o"
        ) from None
    return f"{path}, {beside}"


def produce(events: Iterable[Event], titles: Sequence[dict[str, Any]], progress: Callable[[int], None]) -> str:
    """Sends titles, then events in their order, to the broker of the settings; returns where they went.

    `progress` is told how many more events were given to the broker. Raises CommandError where it can't be used.
    """
    settings = config.load()
    asyncio.run(_send(settings, events, titles, progress))
    return f"topics {topics.EVENTS} and {topics.CATALOG} at {settings.bootstrap_servers}"


async def _send(
    settings: config.Settings,
    events: Iterable[Event],
    titles: Sequence[dict[str, Any]],
    progress: Callable[[int], None],
) -> None:
    async with Sender(settings.bootstrap_servers, settings.partitions) as sender:
        for title in titles:
            await sender.send(topics.CATALOG, title["title_id"], title)
        for chunk in _chunks(events):
            for event in chunk:
                await sender.send(topics.EVENTS, event["member_id"], event)
            progress(len(chunk))
        await sender.flush()


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    remaining = iter(events)
    while chunk := list(islice(remaining, _STEP)):
        yield chunk
