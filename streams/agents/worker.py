"""The worker: its Faust app, the member table, and the agent that joins the steps."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from streams import codec, metrics, topics
from streams.agents import arrive, decide, due, fold, send
from streams.agents.decide import Decision, Wanted
from streams.agents.explain import explain
from streams.agents.fold import Folded, Served
from streams.agents.side import SideInputs
from streams.agents.states import States
from streams.agents.web import WorkerWeb
from streams.batching import Batch, Output, OutputRecord, Table, Unreadable
from streams.catalog import Catalog
from streams.config import WORKER_APP_ID, Settings
from streams.member import MemberState
from streams.scoring.recalibration import Recalibrations
from streams.scoring.swap import ModelSlot
from streams.service_app import CHANGELOG_SETTINGS, ServiceApp

FLUSH_INTERVAL_S: Final = 1.0
FLUSH_SIZE: Final = 10_000  # members
FLUSH_BYTES: Final = 32 << 20  # of members, encoded
CACHE_BYTES: Final = 96 << 20  # likewise: 10,000 members with long histories, far more of those with short ones
MAX_POLL_RECORDS: Final = 1000
TABLE: Final = "members"

__all__ = ["Worker"]


class Worker:
    """Everything of one worker process. `app` is what runs."""

    def __init__(self, settings: Settings, data: Path) -> None:
        """`data` is the folder for RocksDB; no other worker may use it."""
        self.settings = settings
        self.catalog = Catalog()
        self.models = ModelSlot(settings.home)
        self.recalibrations = Recalibrations()
        self.app = ServiceApp(WORKER_APP_ID, settings, data, MAX_POLL_RECORDS)
        self.side = SideInputs(settings.bootstrap_servers, self.catalog, self.models, self.recalibrations)
        self.output = Output(self.app, max_request_size=topics.MAX_INVALID_BYTES)
        self.members: Table[MemberState] = Table(
            self.app,
            TABLE,
            partitions=settings.partitions,
            encode=codec.encode_state,
            decode=codec.decode_state,
            flush_interval=FLUSH_INTERVAL_S,
            flush_size=FLUSH_SIZE,
            flush_bytes=FLUSH_BYTES,
            cache_bytes=CACHE_BYTES,
            extra_topic_configs=CHANGELOG_SETTINGS,
        )
        self.states = States(settings, self.members, self.app.ready, self._send_rows_of, self._delete_rows_of)
        self.app.services = [
            WorkerWeb(
                settings.service_host, settings.worker_port, self.app.ready, self.serving, self.explain, self.states
            ),
            self.side,
            self.output,
        ]
        self.members.process(self.app.batched_topic(topics.EVENTS), name="fold")(self.process)

    async def process(self, batches: list[Batch[MemberState]]) -> None:
        """Batches of events, each of one partition, from bytes to rows."""
        folded = [await self._apply(batch) for batch in batches]
        await self._rows([(batch, done) for batch, done in zip(batches, folded, strict=True)])
        now = time.time()
        for batch in batches:
            if batch.records:
                metrics.EVENT_TO_ROW_SECONDS.observe(max(0.0, now - batch.records[-1].timestamp / 1000))

    async def _apply(self, batch: Batch[MemberState]) -> Folded:
        """Folds a batch into the states of its members; sends on what is no event of this partition."""
        arrivals = arrive.sort(batch.records, batch.partition, self.settings.partitions)
        self.states.saw(batch)
        states, broken = batch.get_many({record.key: None for record, _ in arrivals.events if record.key is not None})
        folded = fold.fold(arrivals.events, states, broken, self.settings.epoch)
        batch.put_many(folded.states)
        _count(arrivals, folded, broken)

        refused = arrivals.refused + folded.refused
        if refused:
            refused.sort(key=lambda refusal: refusal.record.offset)
            records = [send.invalid(refusal, batch.topic, batch.partition) for refusal in refused]
            batch.sends(*await self.output.send(topics.INVALID, batch.partition, records))
        moved = send.moved(arrivals.strays, batch.topic, batch.partition, self.settings.partitions)
        for partition, strays in moved.items():
            batch.sends(*await self.output.send(topics.EVENTS, partition, strays))
        return folded

    async def _rows(self, work: list[tuple[Batch[MemberState], Folded]]) -> None:
        """Makes and sends the rows that are due, a chunk of decisions of any partitions at a time."""
        chunk: list[Wanted] = []
        owners: list[tuple[Batch[MemberState], Folded]] = []
        for batch, folded in work:
            states, _ = batch.get_many(due.members(batch, folded, batches=len(work)))
            for key, state in states.items():
                wanted = decide.rows_of(key.decode(), state) if state is not None else []
                chunk += wanted
                owners += [(batch, folded)] * len(wanted)
                if len(chunk) >= decide.CHUNK:
                    await self._send(chunk, owners)
                    chunk, owners = [], []
        await self._send(chunk, owners)

    async def _send(self, wanted: list[Wanted], owners: list[tuple[Batch[MemberState], Folded]]) -> None:
        """Makes and sends rows and impressions; `owners` says for each row which batch it is of."""
        decisions = self._decide(wanted)
        moments = [
            folded.served_to(made["member_id"], made["device_id"], made["session_id"])
            for made, (_, folded) in zip((decision.row for decision in decisions), owners, strict=True)
        ]
        shadows = self._shadows(wanted, moments)
        rows: dict[int, list[OutputRecord]] = {}
        impressions: dict[int, list[OutputRecord]] = {}
        batches: dict[int, Batch[MemberState]] = {}
        for at, (decision, (batch, _)) in enumerate(zip(decisions, owners, strict=True)):
            batches[batch.partition] = batch
            rows.setdefault(batch.partition, []).append(send.row(decision))
            for moment in moments[at]:
                record = send.impression(moment, decision, self.settings.epoch, shadows.get(at))
                impressions.setdefault(batch.partition, []).append(record)
        for topic, records, sent in (
            (topics.ROWS, rows, metrics.ROWS_SENT),
            (topics.IMPRESSIONS, impressions, metrics.IMPRESSIONS_SENT),
        ):
            for partition, of_partition in records.items():
                batches[partition].sends(*await self.output.send(topic, partition, of_partition))
                sent.inc(len(of_partition))

    def _decide(self, wanted: list[Wanted]) -> list[Decision]:
        return decide.decide(wanted, self.models, self.catalog, self.side.profiles, self.recalibrations)

    def _shadows(self, wanted: list[Wanted], moments: list[list[Served]]) -> dict[int, Decision]:
        """What the bundle in the shadow, if there is one, would have made of the rows that were shown; by place."""
        shadow = self.models.shadow
        shown = [at for at, of_row in enumerate(moments) if of_row] if shadow is not None else []
        if shadow is None or not shown:
            return {}
        made = decide.decide_by(shadow, [wanted[at] for at in shown], self.catalog, self.side.profiles)
        return {at: decision for at, decision in zip(shown, made, strict=True) if decision.by is not decide.RECENCY}

    async def _send_rows_of(self, member_id: str, state: MemberState) -> None:
        """Sends one member's rows, and waits until they are in the log."""
        rows = [send.row(made) for made in self._decide(decide.rows_of(member_id, state))]
        partition = topics.partition_of(member_id.encode(), self.settings.partitions)
        await asyncio.gather(*await self.output.send(topics.ROWS, partition, rows))
        metrics.ROWS_SENT.inc(len(rows))

    async def _delete_rows_of(self, member_id: str, device_ids: list[str]) -> None:
        """Deletes one member's rows, and waits until that is in the log."""
        gone: list[OutputRecord] = [(codec.row_key(member_id, device_id), None, ()) for device_id in device_ids]
        partition = topics.partition_of(member_id.encode(), self.settings.partitions)
        await asyncio.gather(*await self.output.send(topics.ROWS, partition, gone))

    # -- for HTTP

    def serving(self) -> str:
        """The version of the bundle that rows are made by."""
        return self.models.current.version

    async def explain(self, member_id: str, device_id: str | None) -> dict[str, Any] | None:
        """The member's row as of now, explained; of the device of the newest session where none is named."""
        key = member_id.encode()
        try:
            state = self.members.peek(topics.partition_of(key, self.settings.partitions), key)
        except (KeyError, Unreadable):
            return None
        if state is None or not state.devices:
            return None
        newest = max(state.devices.values(), key=lambda device: device.session_last)
        device = newest if device_id is None else state.devices.get(device_id)
        if device is None:
            return None
        wanted = Wanted(member_id, state, device)
        return await explain(wanted, self._decide([wanted])[0])


def _count(arrivals: arrive.Arrivals, folded: Folded, broken: dict[bytes, Unreadable]) -> None:
    metrics.EVENTS_APPLIED.inc(folded.applied)
    for outcome, number in (
        ("repeated", folded.repeated),
        ("replayed", folded.replayed),
        ("invalid", len(arrivals.refused) + len(folded.refused)),
        ("moved", len(arrivals.strays)),
    ):
        if number:
            metrics.EVENTS_NOT_APPLIED.labels(outcome).inc(number)
    metrics.CLOCKS_AHEAD.inc(arrivals.ahead)
    metrics.STATES_UNREADABLE.inc(len(broken))
