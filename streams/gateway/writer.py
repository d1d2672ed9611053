"""Events into Kafka: acknowledged by all replicas, bounded in number and in time, back by itself after an outage."""

import asyncio
import contextlib
import logging
import time
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams import metrics
from streams.gateway.tasks import pause

log = logging.getLogger(__name__)

ACK_TIMEOUT_S: Final = 8.0  # a caller hears 503 after this at the latest
MAX_IN_FLIGHT_EVENTS: Final = 20_000
MAX_IN_FLIGHT_BYTES: Final = 32 * 1024 * 1024
RECONNECT_S: Final = 1.0
FLUSH_S: Final = 5.0


class BrokerAway(Exception):
    """Kafka did not acknowledge in time. What was handed over may still arrive: event_id tells a repeat apart."""


class Overloaded(Exception):
    """Too much is in flight; nothing was handed over."""


class EventWriter:
    """One idempotent producer, made anew whenever it fails for good. Use `run` as a task around `write`."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._servers = bootstrap_servers
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()
        self._generation = 0
        self._events = 0
        self._bytes = 0
        self._up = False

    @property
    def up(self) -> bool:
        """Whether the last thing heard of Kafka was an acknowledgement."""
        return self._up

    async def run(self) -> None:
        """Keeps a producer alive until cancelled; then flushes what is in flight, a few seconds at most."""
        complained = False
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                client_id="cw-gateway",
                acks="all",
                enable_idempotence=True,
                max_batch_size=256 * 1024,
                request_timeout_ms=int(ACK_TIMEOUT_S * 1000),
            )
            try:
                await producer.start()
                complained = False
                self._generation += 1
                self._events = self._bytes = 0
                self._broken.clear()
                self._producer = producer
                self._set_up(True)
                await self._broken.wait()
            except (KafkaError, OSError) as error:
                if not complained:
                    log.warning("no connection to Kafka at %s (%s); trying again", self._servers, error)
                complained = True
            finally:
                self._producer = None
                self._set_up(False)
                await _stop(producer)
            await pause(RECONNECT_S)

    async def write(self, records: list[tuple[bytes, bytes]]) -> list[int]:
        """Writes (key, value) pairs; returns their offsets, -1 where Kafka recognised a repeat and no longer knows it.

        Raises Overloaded or BrokerAway, within ACK_TIMEOUT_S.
        """
        producer = self._producer
        if producer is None or not self._up:
            raise BrokerAway
        size = sum(len(key) + len(value) for key, value in records)
        if self._events + len(records) > MAX_IN_FLIGHT_EVENTS or self._bytes + size > MAX_IN_FLIGHT_BYTES:
            raise Overloaded
        deadline = time.monotonic() + ACK_TIMEOUT_S
        futures: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                for key, value in records:
                    future = await producer.send(self._topic, value, key)
                    self._track(future, len(key) + len(value))
                    futures.append(future)
        except TimeoutError:
            self._set_up(False)
            raise BrokerAway from None
        except KafkaError as error:
            self._fail(error)
            raise BrokerAway from None
        # wait() leaves the futures alone on a timeout: cancelled ones would hide the late acknowledgement.
        _, late = await asyncio.wait(futures, timeout=max(0.0, deadline - time.monotonic()))
        if late:
            self._set_up(False)
            raise BrokerAway
        try:
            return [future.result().offset for future in futures]  # type: ignore[attr-defined]
        except KafkaError:
            raise BrokerAway from None

    def _track(self, future: "asyncio.Future[object]", size: int) -> None:
        generation = self._generation
        self._events += 1
        self._bytes += size
        metrics.EVENTS_IN_FLIGHT.set(self._events)

        def settled(done: "asyncio.Future[object]") -> None:
            if generation != self._generation:
                if not done.cancelled():
                    done.exception()
                return
            self._events -= 1
            self._bytes -= size
            metrics.EVENTS_IN_FLIGHT.set(self._events)
            if done.cancelled():
                return
            error = done.exception()
            if error is None:
                self._set_up(True)
            else:
                self._fail(error)

        future.add_done_callback(settled)

    def _fail(self, error: BaseException) -> None:
        if not self._broken.is_set():
            log.warning("the producer failed: %s; making a new one", error)
        self._set_up(False)
        self._broken.set()

    def _set_up(self, up: bool) -> None:
        self._up = up and self._producer is not None
        metrics.BROKER_UP.set(self._up)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), FLUSH_S)
    except (TimeoutError, KafkaError, OSError) as error:
        log.warning("the producer stopped with events unacknowledged: %s", error or "timeout")
        with contextlib.suppress(Exception):
            await asyncio.wait_for(producer.client.close(), 1.0)
