"""Reads a compacted topic from its start and then follows it, without a consumer group, for as long as it runs."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams.gateway.tasks import pause

log = logging.getLogger(__name__)

RECONNECT_S: Final = 1.0
RECORDS_AT_ONCE: Final = 500  # applied between two turns of the event loop
PARTITIONS_CHECK_MS: Final = 10_000
POLL_MS: Final = 1000


class Record(NamedTuple):
    """One record, as far as it matters here."""

    key: bytes | None
    value: bytes | None
    offset: int  # where it stands in its partition


class LogReader:
    """Hands every record of all partitions to `apply`, in the order of each partition. `apply` must not raise.
    `caught_up` is set once everything that
    was in the topic when reading began has been applied; `applied` counts records for a progress display.
    """

    def __init__(self, bootstrap_servers: str, topic: str, apply: Callable[[Sequence[Record]], None]) -> None:
        self._servers = bootstrap_servers
        self._topic = topic
        self._apply = apply
        self.caught_up = asyncio.Event()
        self.applied = 0

    async def run(self) -> None:
        """Reads until cancelled. After a lost connection or a change of partitions it reads from the start again."""
        complained = False
        while True:
            consumer = AIOKafkaConsumer(
                self._topic,
                bootstrap_servers=self._servers,
                client_id="cw-gateway",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                metadata_max_age_ms=PARTITIONS_CHECK_MS,
            )
            try:
                await consumer.start()
                complained = False
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                if not complained:
                    log.warning("can't read %s (%s); trying again", self._topic, error)
                complained = True
            finally:
                await consumer.stop()
            await pause(RECONNECT_S)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        ends: dict[Any, int] = await consumer.end_offsets(consumer.assignment())
        while True:
            for partition in [p for p, end in ends.items() if await consumer.position(p) >= end]:
                del ends[partition]
            if not ends:
                self.caught_up.set()
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_AT_ONCE)
            for records in batches.values():
                self._apply([Record(record.key, record.value, record.offset) for record in records])
                self.applied += len(records)
