"""Stored states that can't be read: finding them, and making one anew from the log or from nothing, while events go on.

An unreadable state stays as it is, and its member's events go to cw.invalid, until somebody asks for one of the two.
The log is read beside the worker's own reading, by the same rules, until what is folded reaches past everything that
the worker has turned away. The new state then takes the old one's place at once, with the offset of its last event, by
which the worker knows what it has still to apply: an event that comes meanwhile counts once, whichever way it came.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams import metrics, topics
from streams.agents import arrive, fold
from streams.batching import Batch, Revoked, Table, Unreadable
from streams.config import Settings
from streams.member import MemberState

PAGE: Final = 200  # states looked at between two batches of events
POLL_RECORDS: Final = 2000
TELL_S: Final = 0.5
_SEEN: Final = "states.seen"  # in a batch's scratch: the offset behind the last event looked at in this partition


class StateProblem(Exception):
    """A state can't be rebuilt; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class States:
    """What the worker's HTTP offers for unreadable states. `send_rows` sends a member's rows and waits for them."""

    def __init__(
        self,
        settings: Settings,
        table: Table[MemberState],
        ready: Callable[[], bool],
        send_rows: Callable[[str, MemberState], Awaitable[None]],
        delete_rows: Callable[[str, list[str]], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._table = table
        self._ready = ready
        self._send_rows = send_rows
        self._delete_rows = delete_rows
        self._rebuilding: set[str] = set()

    def saw(self, batch: Batch[MemberState]) -> None:
        """Notes how far the worker has looked at events; called as it looks at a batch, without a pause between."""
        if batch.records:
            batch.scratch[_SEEN] = batch.records[-1].offset + 1

    async def unreadable(self) -> AsyncGenerator[dict[str, Any], None]:
        """Looks at every state of this worker: {member_id, partition, reason} of those that can't be read.

        Between them {looked_at}, the number so far. Raises StateProblem.
        """
        self._check_ready()
        looked_at, told = 0, time.monotonic()
        for number in sorted(self._table.live):
            after: bytes | None = b""
            while after is not None:
                if number not in self._table.live:
                    raise StateProblem(503, f"partition {number} went to another worker meanwhile: look again")
                count, after, problems = self._table.check(number, after, PAGE)
                for key, problem in problems:
                    yield {"member_id": key.decode(errors="replace"), "partition": number, "reason": str(problem)}
                looked_at += count
                if after is None or time.monotonic() - told > TELL_S:
                    told = time.monotonic()
                    yield {"looked_at": looked_at}
                await asyncio.sleep(0)

    async def rebuild(self, member_id: str, from_log: bool) -> AsyncGenerator[dict[str, Any], None]:
        """Makes a member's unreadable state anew; ends with {events, shows, partition, offset}, of what is durable.

        Before that {read, of}, offsets of the log. Raises StateProblem.
        """
        self._check_ready()
        key = member_id.encode()
        number = topics.partition_of(key, self._settings.partitions)
        self._check_unreadable(number, key, member_id)
        if member_id in self._rebuilding:
            raise StateProblem(409, f"the state of {member_id} is being rebuilt already")
        self._rebuilding.add(member_id)
        try:
            async with _Log(self._settings, number, key) as log:
                told = time.monotonic()
                while from_log and log.position < max(log.end, self._seen(number)):
                    await log.fold_more()
                    if time.monotonic() - told > TELL_S:
                        told = time.monotonic()
                        yield {"read": log.position, "of": max(log.end, self._seen(number))}
                state = log.state
                if not from_log:
                    state.epoch, state.offset = self._settings.epoch, self._seen(number) - 1
                # Since what the worker has seen was compared, nothing else has run: it has turned away nothing more.
                self._check_unreadable(number, key, member_id)
                self._table.put_many(number, {key: state})
                await self._table.flush(number)
                await self._send_rows(member_id, state)
        except (KeyError, Revoked):
            raise StateProblem(503, f"{member_id} went to another worker meanwhile: ask again") from None
        except KafkaError as error:
            raise StateProblem(503, f"Kafka does not answer ({topics.one_line(error)}): ask again") from None
        finally:
            self._rebuilding.discard(member_id)
        metrics.STATES_REBUILT.labels("log" if from_log else "empty").inc()
        yield {"events": log.applied, "shows": len(state.shows), "partition": number, "offset": state.offset}

    async def forget(self, member_id: str) -> AsyncGenerator[dict[str, Any], None]:
        """Puts an empty state in the place of a member's, and deletes their rows; ends with {rows}.

        The offset of the last event applied stays, so that no event of before comes back by a replay.
        Raises StateProblem.
        """
        self._check_ready()
        key = member_id.encode()
        number = topics.partition_of(key, self._settings.partitions)
        try:
            state = self._table.peek(number, key)
        except Unreadable as error:
            raise StateProblem(409, f"{error}: run 'cw state rebuild {member_id} --empty' first") from None
        except KeyError:
            raise StateProblem(421, f"another worker has {member_id}") from None
        if state is None:
            raise StateProblem(404, f"{member_id} has no state: there is nothing to forget")
        empty = MemberState()
        empty.epoch, empty.offset = state.epoch, state.offset
        try:
            self._table.put_many(number, {key: empty})
            await self._table.flush(number)
            await self._delete_rows(member_id, list(state.devices))
        except (KeyError, Revoked):
            raise StateProblem(503, f"{member_id} went to another worker meanwhile: ask again") from None
        yield {"rows": len(state.devices)}

    def _check_ready(self) -> None:
        if not self._ready():
            raise StateProblem(503, "this worker is not ready: its partitions are being assigned or recovered")

    def _check_unreadable(self, number: int, key: bytes, member_id: str) -> None:
        try:
            state = self._table.peek(number, key)
        except Unreadable:
            return
        except KeyError:
            raise StateProblem(421, f"another worker has {member_id}") from None
        if state is None:
            raise StateProblem(404, f"{member_id} has no state: it comes with the member's first event")
        raise StateProblem(409, f"the state of {member_id} can be read: there is nothing to rebuild")

    def _seen(self, number: int) -> int:
        """The offset behind the last event that was looked at here; 0 where none was, since this worker got it."""
        seen: int = self._table.live[number].scratch.get(_SEEN, 0)
        return seen


class _Log:
    """One member's events in one partition of the log, folded into `state` as far as `position`.

    `end` is where the partition ended when the reading began. Raises KafkaError.
    """

    def __init__(self, settings: Settings, number: int, key: bytes) -> None:
        self.state = MemberState()
        self.applied = self.position = self.end = 0
        self._settings, self._key = settings, key
        self._tp = TopicPartition(topics.EVENTS, number)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )

    async def __aenter__(self) -> "_Log":
        await self._consumer.start()
        self._consumer.assign([self._tp])
        await self._consumer.seek_to_beginning(self._tp)
        self.end = (await self._consumer.end_offsets([self._tp]))[self._tp]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def fold_more(self) -> None:
        """Waits for records of the partition, and applies the member's."""
        polled = await self._consumer.getmany(self._tp, timeout_ms=500, max_records=POLL_RECORDS)
        own = [record for record in polled.get(self._tp, ()) if record.key == self._key]
        arrivals = arrive.sort(own, self._tp.partition, self._settings.partitions)
        self.applied += fold.fold(arrivals.events, {self._key: self.state}, {}, self._settings.epoch).applied
        self.position = await self._consumer.position(self._tp)
        await asyncio.sleep(0)  # events go on
