"""The log of a whole population: every member's sessions, interleaved in the order of arrival."""

import math
from bisect import bisect_left
from heapq import heapify, heapreplace
from operator import itemgetter
from typing import Final

from streams.clients.simulate import catalogue, habits, population, sessions
from streams.clients.simulate.catalogue import DAY_S
from streams.clients.simulate.emission import Arrival

FILE_UNTIL_MS: Final = 1_793_491_200_000  # 2026-11-01: a file depends on the arguments alone, not on when it was made


class Log:
    """A population whose time goes on as far as asked. The same arguments give the same log, in steps of any size.

    `until_ms` is where the history ends; it begins `days` before. What comes after it is the same members going on.
    On day `habits_change_at`, counted from the beginning, everybody's habits change; None for never.
    Seconds since the epoch inside, milliseconds outside.
    """

    def __init__(
        self, members: int, days: float, seed: int, until_ms: int, habits_change_at: float | None = None
    ) -> None:
        self.start_ms = until_ms - int(days * DAY_S * 1000)
        self.until_ms = until_ms
        self.catalogue = catalogue.make(seed, until_ms)
        start = self.start_ms / 1000
        self.change_s = math.inf if habits_change_at is None else start + habits_change_at * DAY_S
        self._changed: set[int] = set()
        self.members = list(population.make(members, seed, self.catalogue, start))
        for member in self.members:
            member.next_slot = member.slots[0]
            # Spread over the first days as if they had been watching before.
            sessions.come_back(member, start - member.rng.uniform(0, 1.2) * DAY_S, member.slots[0])
            while member.next_at < start:
                sessions.come_back(member, member.next_at, member.slots[0])
        # Ids name the time that the history ends at: a later run of the same seed is not a repeat of this one.
        self._prefix = _base36(until_ms // 1000)
        self._heap = [(member.next_at, index) for index, member in enumerate(self.members)]
        heapify(self._heap)
        self._pending: list[Arrival] = []

    def advance(self, to_ms: int) -> list[Arrival]:
        """All that arrives before `to_ms` and was not returned before, in order of arrival."""
        to = to_ms / 1000
        heap, pending = self._heap, self._pending
        while heap and heap[0][0] < to:
            _, index = heap[0]
            member = self.members[index]
            if member.next_at >= self.change_s and index not in self._changed:
                self._changed.add(index)
                habits.change(member)
            pending.extend(sessions.run(member, self.catalogue, self._prefix))
            heapreplace(heap, (member.next_at, index))
        pending.sort(key=itemgetter(0))
        split = bisect_left(pending, to_ms, key=itemgetter(0))
        ready = pending[:split]
        del pending[:split]
        return ready


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
