"""Side inputs: catalogue, slow facts of members, bundles; read whole before the worker is ready, then followed.

They have a consumer of their own, without a group: every worker needs all of them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError
from mode import Service

from streams import metrics, topics
from streams.catalog import Catalog, parse_title
from streams.profiles import Profile, parse_profile
from streams.scoring import announcements
from streams.scoring.recalibration import Recalibrations
from streams.scoring.swap import ModelSlot

log = logging.getLogger(__name__)
POLL_MS: Final = 500
MAX_RECORDS: Final = 5000  # of one poll


class SideInputs(Service):  # type: ignore[misc]
    """Keeps catalogue, profiles, models and recalibrations as their topics say. Started before the app reads events."""

    def __init__(
        self,
        bootstrap_servers: str,
        catalog: Catalog,
        models: ModelSlot,
        recalibrations: Recalibrations,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.catalog = catalog
        self.models = models
        self.recalibrations = recalibrations
        self.profiles: dict[str, Profile] = {}  # by member id
        self._bootstrap_servers = bootstrap_servers
        self._consumer: AIOKafkaConsumer | None = None
        self._announced: asyncio.Event = asyncio.Event()
        self._news: dict[str, bytes | None] = {}  # of cw.models: the newest value of each key, not yet applied
        self._apply: dict[str, Callable[[Any], None]] = {
            topics.CATALOG: self._title,
            topics.PROFILES: self._profile,
            topics.MODELS: self._announcement,
            topics.LIVE: self._learned,
        }

    async def on_start(self) -> None:
        """Reads the topics to their ends, and takes over the bundles announced last."""
        consumer = self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        partitions = [
            TopicPartition(topic, number)
            for topic in self._apply
            for number in sorted(await consumer._client._wait_on_metadata(topic))
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        try:
            while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
                await self._poll()
        except ConsumerStoppedError:
            if not self.should_stop:
                raise
        await self._take_over()

    async def on_stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    @Service.task  # type: ignore[untyped-decorator]
    async def _follow(self) -> None:
        while not self.should_stop:
            try:
                await self._poll()
            except ConsumerStoppedError:
                break

    @Service.task  # type: ignore[untyped-decorator]
    async def _load(self) -> None:
        while not self.should_stop:
            await self._announced.wait()
            await self._take_over()

    async def _poll(self) -> None:
        assert self._consumer is not None
        for tp, records in (await self._consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)).items():
            for record in records:
                try:
                    self._apply[tp.topic](record)
                except (ValueError, TypeError, AttributeError) as error:
                    metrics.SIDE_RECORDS_REFUSED.labels(tp.topic).inc()
                    log.error("%s/%s offset %s left out: %s", tp.topic, tp.partition, record.offset, error)
        metrics.CATALOG_TITLES.set(len(self.catalog.titles))

    def _title(self, record: Any) -> None:
        if record.value is None:
            self.catalog.remove(record.key.decode())
        else:
            self.catalog.put(parse_title(orjson.loads(record.value)))

    def _profile(self, record: Any) -> None:
        if record.value is None:
            self.profiles.pop(record.key.decode(), None)
        else:
            self.profiles[record.key.decode()] = parse_profile(orjson.loads(record.value))

    def _announcement(self, record: Any) -> None:
        if record.key is not None:
            self._news[record.key.decode()] = record.value
            self._announced.set()

    def _learned(self, record: Any) -> None:
        if record.value is not None:
            self.recalibrations.update(record.value)

    async def _take_over(self) -> None:
        self._announced.clear()
        news, self._news = self._news, {}
        for name in sorted(news, key=announcements.rank):
            await asyncio.to_thread(self.models.apply, name, news[name])  # copies and loads while rows go on
