"""What partitions have learned, made known: in cw.live, in metrics; and verdicts on bundles, in cw.models."""

import asyncio
import logging
import time
from typing import Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError
from mode import Service

from streams import metrics, topics
from streams.batching import Output, Revoked, Table, Unreadable
from streams.config import Settings
from streams.outcomes.learning import Learning
from streams.outcomes.live import Judge, Live
from streams.outcomes.stored import LEARNING, Stored
from streams.scoring.announcements import VERDICT, Verdict, encode_verdict

log = logging.getLogger(__name__)
EVERY_S: Final = 2.0
JUDGING_PARTITION: Final = 0  # whoever has it judges for all


class Publishing(Service):  # type: ignore[misc]
    """Sends a partition's record to cw.live once it has changed, at most every two seconds."""

    def __init__(self, settings: Settings, table: Table[Stored], output: Output, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._settings = settings
        self._table = table
        self._output = output
        self._changed: set[int] = set()
        self._live = Live()
        self._judge = Judge()
        self._consumer: AIOKafkaConsumer | None = None

    def changed(self, partition: int) -> None:
        """Notes that what a partition has learned has changed."""
        self._changed.add(partition)

    async def on_start(self) -> None:
        consumer = self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        numbers = sorted(await consumer._client._wait_on_metadata(topics.LIVE))
        consumer.assign([TopicPartition(topics.LIVE, number) for number in numbers])

    async def on_stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    @Service.task  # type: ignore[untyped-decorator]
    async def _publish(self) -> None:
        while not self.should_stop:
            await self.sleep(EVERY_S)
            own = dict.fromkeys(self._table.live)
            for partition in [number for number in own if number in self._changed]:
                self._changed.discard(partition)
                await self._send(partition)
            self._changed &= own.keys()
            self._show()
            if JUDGING_PARTITION in own:
                await self._look()

    @Service.task  # type: ignore[untyped-decorator]
    async def _follow(self) -> None:
        while not self.should_stop:
            assert self._consumer is not None
            try:
                polled = await self._consumer.getmany(timeout_ms=500)
            except ConsumerStoppedError:
                break
            for record in (record for batch in polled.values() for record in batch):
                try:
                    if record.value is not None:
                        self._live.update(record.value)
                except ValueError as error:
                    log.error("%s offset %s left out: %s", record.topic, record.offset, error)

    async def _send(self, partition: int) -> None:
        try:
            learning = self._table.peek(partition, LEARNING)
            if isinstance(learning, Learning):
                value = orjson.dumps(learning.published(partition, time.time_ns() // 1_000_000))
                await self._output.send(topics.LIVE, partition, [(str(partition).encode(), value, ())])
        except (KeyError, Revoked, Unreadable):
            return  # the partition is another's by now, who publishes it

    def _show(self) -> None:
        """Metrics of all partitions together, as cw.live has them."""
        for gauge in (metrics.LIVE_DECISIONS, metrics.LIVE_PRECISION, metrics.LIVE_LOG_LOSS):
            gauge.clear()
        metrics.LIVE_CALIBRATION_ERROR.clear()
        metrics.RECALIBRATION_GAIN.clear()
        for role in ("served", "shadow"):
            for version, figures in self._live.figures(role).items():
                window = figures.window
                metrics.LIVE_DECISIONS.labels(version, role).set(window.decisions)
                orders = [("row" if role == "served" else "shadow", window.precision)]
                if role == "served":
                    orders.append(("recency", window.base_precision))
                    for kind, judged in (("continuation", window.continuation), ("play", window.play)):
                        if judged.log_loss is not None and judged.calibration_error is not None:
                            metrics.LIVE_LOG_LOSS.labels(version, kind).set(judged.log_loss)
                            metrics.LIVE_CALIBRATION_ERROR.labels(version, kind).set(judged.calibration_error)
                for order, precision in orders:
                    if precision is not None:
                        metrics.LIVE_PRECISION.labels(version, order).set(precision)
        for (version, kind), curve in self._live.recalibrations().items():
            metrics.RECALIBRATION_GAIN.labels(version, kind).set(curve.gain)

    async def _look(self) -> None:
        for version, reason in self._judge.look(self._live.figures("served")).items():
            key = f"{VERDICT}{version}".encode()
            value = encode_verdict(Verdict(version, time.time_ns() // 1_000_000, reason))
            log.error("Bundle %s does worse than recency: %s; workers set it aside", version, reason)
            metrics.VERDICTS.inc()
            partition = topics.partition_of(key, self._settings.partitions)
            try:
                await asyncio.gather(*await self._output.send(topics.MODELS, partition, [(key, value, ())]))
            except Revoked as error:
                log.error("The verdict on %s was not sent: %s", version, error)
