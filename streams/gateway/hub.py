"""Who listens to which member. A listener owns one flag, not a queue: it is told that something is newer, and reads
the newest row itself. So an update that nobody took costs nothing, and a client that never reads holds no rows.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from streams import metrics


class Listener:
    """Waits for news of one member."""

    __slots__ = ("_news",)

    def __init__(self) -> None:
        self._news = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Waits for news, at most so long; returns whether there was any, and forgets it."""
        if not self._news.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return False
        self._news.clear()
        return True

    def tell(self) -> None:
        """Marks that there is news."""
        if self._news.is_set():
            metrics.ROWS_CONFLATED.inc()
        self._news.set()


class Hub:
    """All listeners by member."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self.count = 0
        self.stopping = False

    @contextmanager
    def listen(self, member_id: str) -> Iterator[Listener]:
        """A listener for the time of the `with` block."""
        listener = Listener()
        self._listeners.setdefault(member_id, set()).add(listener)
        self.count += 1
        try:
            yield listener
        finally:
            self.count -= 1
            of_member = self._listeners[member_id]
            of_member.discard(listener)
            if not of_member:
                del self._listeners[member_id]

    def publish(self, member_ids: Iterable[str]) -> None:
        """Tells the listeners of these members that there is something newer."""
        for member_id in member_ids:
            for listener in self._listeners.get(member_id, ()):
                listener.tell()

    def stop(self) -> None:
        """Wakes every listener so that it can say goodbye."""
        self.stopping = True
        for of_member in self._listeners.values():
            for listener in of_member:
                listener.tell()
