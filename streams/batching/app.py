"""A Faust app with the batch transport, and settings that fit it."""

from typing import Any

import faust
from faust.types import Message

from streams.batching.interpreter import suit_batches
from streams.batching.recovery import TableManager
from streams.batching.transport import Transport

__all__ = ["App", "ChunkSchema"]


class ChunkSchema(faust.Schema):  # type: ignore[misc]
    """Hands a batch to the stream as it is: what its bytes mean is for the agent to say."""

    def compile(self, app: Any, **options: Any) -> Any:
        async def decode(message: Message, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode


class App(faust.App):  # type: ignore[misc]
    """`faust.App`, in which chosen topics arrive a batch at a time.

        app = App("counts", broker="kafka://127.0.0.1")
        events = app.batched_topic("events")

        @app.agent(events, name="log")
        async def log(stream):
            async for chunk in stream:
                for record in chunk.records: ...

    Settings keep Faust's names and may be overridden, except that a queue holds batches here, so it is short. An app
    that starts sets the process's garbage collection and thread switching, too (`interpreter`).
    """

    def __init__(self, id: str, **settings: Any) -> None:
        defaults: dict[str, Any] = {
            "store": "rocksdb://?driver=rocksdict",
            "TableManager": TableManager,
            "broker_session_timeout": 10.0,
            "broker_heartbeat_interval": 3.0,
            "broker_commit_interval": 1.0,
            "broker_max_poll_records": 4000,
            "consumer_auto_offset_reset": "earliest",
            "stream_buffer_maxsize": 4,
            "stream_recovery_delay": 0.0,
            "stream_wait_empty": True,
            "producer_linger": 0.0,
        }
        self.services: list[Any] = []  # mode services to start before the app reads anything, and to stop last
        super().__init__(id, **{**defaults, **settings})

    def on_init_dependencies(self) -> list[Any]:
        return [*self.services, *super().on_init_dependencies()]

    async def on_started(self) -> None:
        suit_batches()
        await super().on_started()

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def batched_topic(self, *names: str, **options: Any) -> Any:
        """A topic whose messages hold a `Chunk`: bytes as they are in Kafka, nothing decoded.

        Several names are one source: a handler's batches are each of one of them.
        """
        self.transport.batched.update(names)
        return self.topic(*names, schema=ChunkSchema(), **options)
