"""Events of many members at a steady rate, without an end: sessions, glances, dismissals, late events and repeats."""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from eventlog import DAY, HOUR, MINUTE, event, watch

from streams import topics

SHARE_LATE = 0.02
SHARE_REPEATED = 0.02


def life(member_id: str, noise: random.Random) -> Iterator[dict[str, Any]]:
    """What one member does, session after session, beginning some months ago, on two devices."""
    at = int(time.time() * 1000) - 200 * DAY + noise.randint(0, 24) * HOUR
    session = 0
    while True:
        session += 1
        made = [event("session_start", at)]
        for _ in range(noise.randint(1, 3)):
            made += watch(f"show-{noise.randint(1, 12)}", at, noise.choice([1, 3, 8]), noise.randint(1, 6))
            at += 20 * MINUTE
        made.append(event(noise.choice(["dismiss", "undismiss", "rate"]), at, f"show-{noise.randint(1, 12)}", value=1))
        mine = {"member_id": member_id, "session_id": f"{member_id}-{session}", "device": noise.choice(["tv", "phone"])}
        for each in made:
            each |= mine
        if noise.random() < SHARE_LATE * len(made):
            made.append(made.pop(noise.randrange(len(made))))
        for each in made:
            yield each
            if noise.random() < SHARE_REPEATED:
                yield dict(each)
        at += noise.randint(2, 30) * HOUR


class Load(threading.Thread):
    """Sends events of `members` members, `rate` a second, until it is stopped; catches up where it was held up."""

    def __init__(self, servers: str, run: str, members: int, rate: float, seed: int) -> None:
        super().__init__(daemon=True, name="load")
        noise = random.Random(seed)
        self.members = [f"{run}-{number}" for number in range(members)]
        self.sent = 0
        self.failed = 0
        self._servers, self._rate, self._noise = servers, rate, noise
        self._lives = [life(member_id, random.Random(f"{seed} {member_id}")) for member_id in self.members]
        self._stopping = threading.Event()

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what a client says of a broker that is away
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers, acks="all", enable_idempotence=True, linger_ms=5, request_timeout_ms=10_000
        )
        await producer.start()
        began = time.monotonic()
        while not self._stopping.is_set():
            await asyncio.sleep(max(0.0, self.sent / self._rate - (time.monotonic() - began)))
            for _ in range(max(1, int(self._rate / 100))):
                made = next(self._noise.choice(self._lives))
                self.sent += 1
                try:
                    sent = await producer.send(topics.EVENTS, orjson.dumps(made), made["member_id"].encode())
                    sent.add_done_callback(self._count_failure)
                except KafkaError:
                    self.failed += 1  # the broker is away, and the buffer full
        await producer.stop()

    def stop(self) -> None:
        """Returns once everything sent is acknowledged, or given up."""
        self._stopping.set()
        self.join()

    def _count_failure(self, sent: asyncio.Future[Any]) -> None:
        self.failed += sent.cancelled() or sent.exception() is not None
