"""Reads a compacted topic from its start and then follows it, without a consumer group, for as long as it runs."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.gateway.tasks import pause

log = logging.getLogger(__name__)

RECONNECT_S: Final = 1.0
RECORDS_AT_ONCE: Final = 500  # applied between two turns of the event loop
PARTITIONS_CHECK_MS: Final = 10_000


class LogReader:
    """Hands every record of all partitions to `apply`, in the order of each partition.

    `apply` takes (key, value) pairs, either may be None, and must not raise. `caught_up` is set once everything that
    was in the topic when reading began has been applied; `total` and `behind` count records for a progress display.
    """

    def __init__(
        self, bootstrap_servers: str, topic: str, apply: Callable[[Sequence[tuple[bytes | None, bytes | None]]], None]
    ) -> None:
        self._servers = bootstrap_servers
        self._topic = topic
        self._apply = apply
        self._positions: dict[int, int] = {}
        self.caught_up = asyncio.Event()
        self.applied = 0

    async def run(self) -> None:
        """Reads until cancelled; begins again where it was whenever the connection fails for good."""
        complained = False
        while True:
            consumer = AIOKafkaConsumer(
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
                    log.warning("can't read %s: %s; trying again", self._topic, error)
                complained = True
            finally:
                await consumer.stop()
            await pause(RECONNECT_S)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            partitions = await self._partitions(consumer)
            consumer.assign([TopicPartition(self._topic, number) for number in sorted(partitions)])
            for number, position in self._positions.items():
                consumer.seek(TopicPartition(self._topic, number), position)
            ends: dict[Any, int] = {}
            if not self.caught_up.is_set():
                ends = await consumer.end_offsets(consumer.assignment())
            while consumer.partitions_for_topic(self._topic) == partitions:
                if ends:
                    for partition in [p for p, end in ends.items() if await consumer.position(p) >= end]:
                        del ends[partition]
                if not ends:
                    self.caught_up.set()
                batches = await consumer.getmany(timeout_ms=1000, max_records=RECORDS_AT_ONCE)
                for partition, records in batches.items():
                    self._apply([(record.key, record.value) for record in records])
                    self.applied += len(records)
                    self._positions[partition.partition] = records[-1].offset + 1

    async def _partitions(self, consumer: AIOKafkaConsumer) -> set[int]:
        complained = False
        while True:
            await consumer.topics()
            partitions: set[int] | None = consumer.partitions_for_topic(self._topic)
            if partitions:
                return set(partitions)
            if not complained:
                log.warning("topic %s does not exist yet; waiting for it", self._topic)
                complained = True
            await pause(RECONNECT_S)
