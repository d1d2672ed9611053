"""Many records to one partition with one call."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import server_list
from mode import Service

from streams.batching.app import App
from streams.batching.fencing import passes
from streams.batching.table import Revoked

__all__ = ["Output", "OutputRecord"]

OutputRecord: TypeAlias = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]


class Output(Service):  # type: ignore[misc]
    """An idempotent producer that takes records a batch at a time; starts and stops with the app.

        output = Output(app)
        batch.sends(*await output.send("rows", 3, [(key, value, ())]))

    It sends nothing once the last heartbeat is older than the session: outputs are not fenced, and another worker may
    be sending newer ones by then.
    """

    def __init__(self, app: App, max_request_size: int | None = None, **kwargs: Any) -> None:
        """`max_request_size` (bytes) bounds a batch of records, by default as the app's producer."""
        super().__init__(**kwargs)
        self.app = app
        self._max_request_size = max_request_size
        self._producer: AIOKafkaProducer | None = None
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
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, topic: str, partition: int, records: Iterable[OutputRecord]) -> list[asyncio.Future[Any]]:
        """Sends (key, value, headers) in order. Returns futures, done once the broker has the records.

        Raises Revoked where this worker's session has run out, or the broker takes nothing for too long.
        """
        if not self.app.consumer.session_alive:
            raise Revoked(f"no heartbeat for longer than the session: not sending to {topic}")
        producer = self._producer
        if producer is None:
            raise RuntimeError("the output is not started")
        try:
            return await self._send(producer, topic, partition, records)
        except KafkaError as error:
            if passes(error):
                raise Revoked(f"{topic}/{partition} takes no records ({error!r})") from error
            raise

    @staticmethod
    async def _send(
        producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[OutputRecord]
    ) -> list[asyncio.Future[Any]]:
        sent: list[asyncio.Future[Any]] = []
        batch = producer.create_batch()
        for key, value, headers in records:
            if batch.append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None, headers=list(headers))
        if batch.record_count():
            batch.close()
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        return sent
