"""Many records to one partition with one call, which does not wait for the broker unless it falls far behind."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer
from faust.transport.drivers.aiokafka import server_list
from mode import Service

from streams.batching.app import App
from streams.batching.batch import Revoked
from streams.batching.fencing import passes

__all__ = ["Output", "OutputRecord"]

OutputRecord: TypeAlias = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]

LIMIT = 4 * 2**20  # bytes of keys and values that may wait for one partition before `send` does


class Output(Service):  # type: ignore[misc]
    """An idempotent producer that takes records a batch at a time; starts and stops with the app.

        output = Output(app)
        batch.sends(*await output.send("rows", 3, [(key, value, ())]))

    While a request is under way, what comes for the partition waits and leaves together: batches grow with the
    backlog. It sends nothing once the last heartbeat is older than the session: outputs are not fenced, and another
    worker may be sending newer ones by then.
    """

    def __init__(self, app: App, max_request_size: int | None = None, **kwargs: Any) -> None:
        """`max_request_size` (bytes) bounds a batch of records, by default as the app's producer."""
        super().__init__(**kwargs)
        self.app = app
        self._max_request_size = max_request_size
        self._producer: AIOKafkaProducer | None = None
        self._lanes: dict[tuple[str, int], _Lane] = {}
        app.services.append(self)

    async def on_start(self) -> None:
        producer, transport = self.app.producer, self.app.transport
        limit = self._max_request_size or producer.max_request_size
        self._producer = AIOKafkaProducer(
            bootstrap_servers=server_list(transport.url, transport.default_port),
            client_id=f"{producer.client_id}-output",
            enable_idempotence=True,
            max_batch_size=producer.max_request_size,
            max_request_size=limit,
            **producer._settings_auth(),
        )
        await self._producer.start()

    async def on_stop(self) -> None:
        for lane in self._lanes.values():
            lane.stop()
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, topic: str, partition: int, records: Iterable[OutputRecord]) -> list[asyncio.Future[Any]]:
        """Sends (key, value, headers) in order. Returns futures, done once the broker has the records.

        Their error is Revoked where this worker's session has run out, or the broker takes nothing for too long. The
        call itself raises Revoked where the session has run out by now.
        """
        if not self.app.consumer.session_alive:
            raise Revoked(f"no heartbeat for longer than the session: not sending to {topic}")
        if self._producer is None:
            raise RuntimeError("the output is not started")
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = _Lane(self.app, self._producer, topic, partition)
        while lane.waiting_bytes > LIMIT:
            await asyncio.wait([lane.next_delivered()])
        return lane.put(records)


class _Parcel:
    """Records that leave together. `delivered` is done once the broker has them."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.delivered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.delivered.add_done_callback(_look_at)

    def follow(self, sent: asyncio.Future[Any]) -> None:
        """Lets the producer's future say when it is delivered."""
        if sent.cancelled():
            self.delivered.cancel()
        elif (error := sent.exception()) is not None:
            self.fail(error)
        else:
            self._settle(None)

    def fail(self, error: BaseException) -> None:
        """An error of a broker that is away or busy means: to be processed again."""
        self._settle(Revoked(f"records were not taken ({error!r})") if passes(error) else error)

    def _settle(self, error: BaseException | None) -> None:
        if self.delivered.done():
            return
        if error is None:
            self.delivered.set_result(None)
        else:
            self.delivered.set_exception(error)


class _Lane:
    """What waits for one partition, and the task that sends it. aiokafka takes one batch of a partition at a time."""

    def __init__(self, app: App, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._app = app
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._waiting: deque[_Parcel] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting_bytes(self) -> int:
        return sum(parcel.builder.size() for parcel in self._waiting)

    def next_delivered(self) -> asyncio.Future[Any]:
        """The future of what has waited longest."""
        return self._waiting[0].delivered

    def put(self, records: Iterable[OutputRecord]) -> list[asyncio.Future[Any]]:
        """Takes records; the futures are done once they are delivered."""
        parcels: dict[_Parcel, None] = {}
        for key, value, headers in records:
            if not self._waiting or not self._append(key, value, headers):
                self._waiting.append(_Parcel(self._producer.create_batch()))
                self._append(key, value, headers)
            parcels[self._waiting[-1]] = None
        if parcels and self._task is None:
            self._task = asyncio.create_task(self._send())
        return [parcel.delivered for parcel in parcels]

    def _append(self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> bool:
        builder = self._waiting[-1].builder
        return builder.append(key=key, value=value, timestamp=None, headers=list(headers)) is not None

    async def _send(self) -> None:
        """Hands over what waits, one batch after the other, until nothing does."""
        while self._waiting:
            parcel = self._waiting.popleft()
            parcel.builder.close()
            try:
                if not self._app.consumer.session_alive:
                    raise Revoked(f"no heartbeat for longer than the session: not sending to {self._topic}")
                sent = await self._producer.send_batch(parcel.builder, self._topic, partition=self._partition)
            except Exception as error:  # whatever it is, what waits for the parcel must hear of it
                parcel.fail(error)
            else:
                sent.add_done_callback(parcel.follow)
        self._task = None

    def stop(self) -> None:
        """Sends nothing more."""
        if self._task is not None:
            self._task.cancel()
        for parcel in self._waiting:
            parcel.delivered.cancel()


def _look_at(delivered: asyncio.Future[Any]) -> None:
    """Nobody may be left to hear of an error, and that is no news: the batch was revoked."""
    if not delivered.cancelled():
        delivered.exception()
