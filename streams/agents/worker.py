"""The worker: its Faust app, the member table, and the agent that joins the steps."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from streams import codec, metrics, topics
from streams.agents import arrive, decide, fold, send
from streams.agents.decide import Decision, Wanted
from streams.agents.fold import Folded
from streams.agents.side import SideInputs
from streams.agents.web import WorkerWeb
from streams.batching import App, Batch, Output, Table, Unreadable
from streams.catalog import Catalog
from streams.config import WORKER_APP_ID, Settings
from streams.member import MemberState
from streams.scoring.swap import ModelSlot

FLUSH_INTERVAL_S: Final = 1.0
FLUSH_SIZE: Final = 10_000  # members
CACHE_LIMIT: Final = 20_000  # decoded members; one with a long history takes tens of kilobytes
MAX_POLL_RECORDS: Final = 2000
TABLE: Final = "members"

__all__ = ["Worker"]


class Worker:
    """Everything of one worker process. `app` is what runs."""

    def __init__(self, settings: Settings, data: Path) -> None:
        """`data` is the folder for RocksDB; no other worker may use it."""
        self.settings = settings
        self.catalog = Catalog()
        self.models = ModelSlot(settings.home)
        self.app = App(
            WORKER_APP_ID,
            broker=";".join(f"kafka://{server.strip()}" for server in settings.bootstrap_servers.split(",")),
            datadir=str(data),
            topic_partitions=settings.partitions,
            topic_replication_factor=1,
            web_enabled=False,
            broker_max_poll_records=MAX_POLL_RECORDS,
            broker_client_id=WORKER_APP_ID,
        )
        self.output = Output(self.app, max_request_size=topics.MAX_INVALID_BYTES)
        self.members: Table[MemberState] = Table(
            self.app,
            TABLE,
            partitions=settings.partitions,
            encode=codec.encode_state,
            decode=codec.decode_state,
            flush_interval=FLUSH_INTERVAL_S,
            flush_size=FLUSH_SIZE,
            cache_limit=CACHE_LIMIT,
        )
        self.app.services += [
            SideInputs(settings.bootstrap_servers, self.catalog, self.models),
            WorkerWeb(settings.service_host, settings.worker_port, self.ready, self.serving, self.explain),
        ]
        self.members.process(self.app.batched_topic(topics.EVENTS), name="fold")(self.process)

    async def process(self, batch: Batch[MemberState]) -> None:
        """One batch of events of one partition, from bytes to rows."""
        arrivals = arrive.sort(batch.records, batch.partition, self.settings.partitions)
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

        await self._rows(batch, folded)
        if batch.records:
            metrics.EVENT_TO_ROW_SECONDS.observe(max(0.0, time.time() - batch.records[-1].timestamp / 1000))

    async def _rows(self, batch: Batch[MemberState], folded: Folded) -> None:
        """Sends the rows that are due: with a backlog behind it, a batch makes those of urgent events alone."""
        waiting: dict[str, None] = batch.scratch.setdefault("quiet", {})
        due = dict(folded.urgent)
        if batch.behind:
            waiting.update(folded.quiet)
            for member_id in due:
                waiting.pop(member_id, None)
            metrics.ROWS_DEFERRED.inc(len(folded.quiet))
        else:
            due.update(waiting)
            due.update(folded.quiet)
            waiting.clear()
        served: dict[tuple[str, str], list[fold.Served]] = {}
        for moment in folded.served:
            due[moment.member_id] = None
            served.setdefault((moment.member_id, moment.device_id), []).append(moment)
        for chunk in self._chunks(batch, due):
            await self._send(batch, decide.decide(chunk, self.models, self.catalog), served)

    def _chunks(self, batch: Batch[MemberState], members: Iterable[str]) -> Iterable[list[Wanted]]:
        chunk: list[Wanted] = []
        for member_id in members:
            key = member_id.encode()
            state = batch.get_many([key])[0].get(key)
            if state is not None:
                chunk += decide.rows_of(member_id, state)
            if len(chunk) >= decide.CHUNK:
                yield chunk
                chunk = []
        yield chunk

    async def _send(
        self, batch: Batch[MemberState], decisions: list[Decision], served: dict[tuple[str, str], list[fold.Served]]
    ) -> None:
        rows = [send.row(decision) for decision in decisions]
        batch.sends(*await self.output.send(topics.ROWS, batch.partition, rows))
        metrics.ROWS_SENT.inc(len(rows))
        impressions = [
            send.impression(moment, decision, self.settings.epoch)
            for decision in decisions
            for moment in served.get((decision.row["member_id"], decision.row["device_id"]), ())
            if moment.session_id == decision.row["session_id"]  # a session that is past was served nothing
        ]
        batch.sends(*await self.output.send(topics.IMPRESSIONS, batch.partition, impressions))
        metrics.IMPRESSIONS_SENT.inc(len(impressions))

    # -- for HTTP

    def ready(self) -> bool:
        """Whether this worker is in the group, with its partitions recovered."""
        app = self.app
        return bool(app.started and not app.rebalancing and app.tables.actives_ready)

    def serving(self) -> str:
        """The version of the bundle that rows are made by."""
        return self.models.current.version

    def explain(self, member_id: str, device_id: str | None) -> dict[str, Any] | None:
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
        return decide.explain(decide.decide([Wanted(member_id, state, device)], self.models, self.catalog)[0])


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
