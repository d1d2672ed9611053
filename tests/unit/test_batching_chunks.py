"""How what the consumer's thread has read comes to the app."""

import asyncio
import time

from faust.types import TP

from streams.batching.chunks import STALE_S, Chunk, Collection, joined

EVENTS = TP("events", 0)


def chunk(start: int, end: int) -> Chunk:
    return Chunk(range(start, end), start, end, 0)  # type: ignore[arg-type]


async def taken(collection: Collection) -> dict[TP, list[Chunk]]:
    """What the app gets, with a reader that ends once the collection is closed."""
    return await collection.take(asyncio.ensure_future(collection.closed.wait()))  # type: ignore[arg-type]


def collection() -> Collection:
    loop = asyncio.get_running_loop()
    return Collection(loop, loop)


async def test_what_waited_for_an_app_at_work_is_stale() -> None:
    waiting = collection()
    waiting.add({EVENTS: chunk(0, 3)})
    time.sleep(2 * STALE_S)  # noqa: ASYNC251 the app's loop is at work
    assert await taken(waiting) == {EVENTS: [chunk(0, 3)]}
    assert waiting.stale


async def test_what_comes_while_the_app_waits_is_fresh() -> None:
    waited_for = collection()
    asyncio.get_running_loop().call_later(2 * STALE_S, waited_for.add, {EVENTS: chunk(0, 3)})
    assert await taken(waited_for) == {EVENTS: [chunk(0, 3)]}
    assert not waited_for.stale


async def test_a_partition_with_enough_records_has_no_room_for_more() -> None:
    full = collection()
    full.add({EVENTS: chunk(0, 3)})
    full.add({EVENTS: chunk(3, 5)})
    assert full.records == 5
    assert full.room(EVENTS, 6)
    assert not full.room(EVENTS, 5)


def test_chunks_that_follow_on_from_each_other_become_one() -> None:
    found = joined([chunk(0, 2), chunk(2, 4), chunk(9, 10)])
    assert [(list(each.records), each.start, each.end) for each in found] == [([0, 1, 2, 3], 0, 4), ([9], 9, 10)]
