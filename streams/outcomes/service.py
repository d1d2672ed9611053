"""`cw outcomes`: a Faust app of its own, with one changelogged table of members and of what partitions have learned."""

import logging
import time
from pathlib import Path
from typing import Final

import orjson

from streams import features, metrics, topics
from streams.agents import arrive
from streams.batching import Batch, Output, OutputRecord, Table, Unreadable
from streams.config import OUTCOMES_APP_ID, Settings
from streams.outcomes import stored
from streams.outcomes.drift import Drift
from streams.outcomes.join import Member, Outcome
from streams.outcomes.learning import Learning
from streams.outcomes.publishing import Publishing
from streams.outcomes.served import InvalidImpression, parse
from streams.outcomes.stored import LEARNING, Stored, member_key
from streams.service_app import CHANGELOG_SETTINGS, ServiceApp
from streams.service_web import ServiceWeb

log = logging.getLogger(__name__)
TABLE: Final = "outcomes"
FLUSH_INTERVAL_S: Final = 1.0
FLUSH_BYTES: Final = 32 << 20  # of members, encoded; in memory they take four times that
CACHE_BYTES: Final = 64 << 20  # likewise
MAX_POLL_RECORDS: Final = 2000


class Outcomes:
    """Everything of one process. `app` is what runs."""

    def __init__(self, settings: Settings, data: Path) -> None:
        """`data` is the folder for RocksDB; no other process may use it."""
        self.settings = settings
        self.app = ServiceApp(OUTCOMES_APP_ID, settings, data, MAX_POLL_RECORDS)
        self.output = Output(self.app)
        self.table: Table[Stored] = Table(
            self.app,
            TABLE,
            partitions=settings.partitions,
            encode=stored.encode,
            decode=stored.decode,
            flush_interval=FLUSH_INTERVAL_S,
            flush_bytes=FLUSH_BYTES,
            cache_bytes=CACHE_BYTES,
            extra_topic_configs=CHANGELOG_SETTINGS,
        )
        self.publishing = Publishing(settings, self.table, self.output)
        self.app.services = [
            ServiceWeb(settings.service_host, settings.outcomes_port, self.app.ready, metrics.OUTCOMES),
            self.publishing,
            self.output,
        ]
        source = self.app.batched_topic(topics.EVENTS, topics.IMPRESSIONS)
        self.table.process(source, name="join")(self.process)

    async def process(self, batches: list[Batch[Stored]]) -> None:
        """Batches of events or of impressions, each of one partition: outcomes, and what they teach."""
        for batch in batches:
            outcomes = self._events(batch) if batch.topic == topics.EVENTS else self._impressions(batch)
            if outcomes:
                records: list[OutputRecord] = [
                    (member_id.encode(), orjson.dumps({"member_id": member_id, **outcome}), ())
                    for member_id, outcome in outcomes
                ]
                batch.sends(*await self.output.send(topics.OUTCOMES, batch.partition, records))
                for _, outcome in outcomes:
                    metrics.OUTCOMES_SENT.labels(outcome["ended"]).inc()

    def _events(self, batch: Batch[Stored]) -> list[tuple[str, Outcome]]:
        arrivals = arrive.sort(batch.records, batch.partition, self.settings.partitions).events
        members, learning = self._get(batch, {event["member_id"] for _, event in arrivals})
        outcomes: list[tuple[str, Outcome]] = []
        for record, event in arrivals:
            member_id = event["member_id"]
            try:
                settled = members[member_id].apply_event(event, self.settings.epoch, record.offset)
            except Exception as error:  # a bug in the fold must not stop a partition; the worker refuses the event, too
                log.error("Event at offset %d can't be applied: %r", record.offset, error)
                continue
            outcomes += [(member_id, outcome) for outcome in settled]
        metrics.OUTCOME_EVENTS.inc(len(arrivals))
        self._learn(learning, batch.partition, outcomes)
        self._put(batch, members, learning if outcomes else None)
        return outcomes

    def _impressions(self, batch: Batch[Stored]) -> list[tuple[str, Outcome]]:
        readable = []
        for record in batch.records:
            try:
                impression = orjson.loads(record.value or b"")
                served, epoch = parse(impression)
                readable.append((str(impression["member_id"]), impression, served, epoch, record.offset))
            except (orjson.JSONDecodeError, InvalidImpression, TypeError, KeyError) as error:
                metrics.OUTCOME_ROWS.labels("invalid").inc()
                log.error("%s/%s offset %s left out: %s", batch.topic, batch.partition, record.offset, error)
        members, learning = self._get(batch, {member_id for member_id, *_ in readable})
        outcomes: list[tuple[str, Outcome]] = []
        for member_id, impression, served, epoch, offset in readable:
            new, settled = members[member_id].apply_impression(served, epoch, offset)
            metrics.OUTCOME_ROWS.labels("taken" if new else "left out").inc()
            outcomes += [(member_id, outcome) for outcome in settled]
            if new and impression["schema_hash"] == features.SCHEMA_HASH:
                drifts = learning.row_served(impression, impression["scored_from_ts"], served["in_time"])
                self._report(drifts, batch.partition)
        self._learn(learning, batch.partition, outcomes)
        self._put(batch, members, learning)
        return outcomes

    def _get(self, batch: Batch[Stored], member_ids: set[str]) -> tuple[dict[str, Member], Learning]:
        """Members by id, and the partition's learning; new ones where there are none, or none that can be read."""
        keys = {member_key(member_id.encode()): member_id for member_id in member_ids}
        values, broken = batch.get_many([*keys, LEARNING])
        for error in broken.values():
            self._anew(error)
        members: dict[str, Member] = {}
        for key, member_id in keys.items():
            value = values.get(key)
            members[member_id] = value if isinstance(value, Member) else Member()
        learned = values.get(LEARNING)
        return members, learned if isinstance(learned, Learning) else Learning(self.settings.partitions)

    def _anew(self, error: Unreadable) -> None:
        log.error("%s; it begins anew: all that is lost is the outcome of a session or two", error)

    def _put(self, batch: Batch[Stored], members: dict[str, Member], learning: Learning | None) -> None:
        changed: dict[bytes, Stored | None] = {
            member_key(member_id.encode()): member for member_id, member in members.items()
        }
        if learning is not None:
            changed[LEARNING] = learning
            self.publishing.changed(batch.partition)
        if changed:
            batch.put_many(changed)

    def _learn(self, learning: Learning, partition: int, outcomes: list[tuple[str, Outcome]]) -> None:
        for _, outcome in outcomes:
            self._report(learning.outcome(outcome), partition)

    def _report(self, drifts: list[Drift], partition: int) -> None:
        for drift in drifts:
            metrics.DRIFTS.labels(drift.signal).inc()
            seen = time.strftime("%Y-%m-%d %H:%M", time.gmtime(drift.ts / 1000))
            log.warning(
                "Drift of %s in partition %d, at %s UTC of event time: mean %.3f before, %.3f in the last %d values",
                drift.signal, partition, seen, drift.before, drift.after, drift.values,
            )  # fmt: skip
