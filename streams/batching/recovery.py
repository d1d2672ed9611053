"""Faust's recovery of tables, which outlasts a broker that stays away.

Faust takes a step of recovery that lasts longer than `broker_request_timeout` for the end of the whole service: no
table would ever be recovered again, and the worker would stand still until somebody restarts it. A step that fails,
such as asking where a changelog ends, would end the worker. Here a step may take as long as the broker is away, and one
that fails is begun again with a new rebalance.
"""

import asyncio
from typing import Any

from aiokafka.errors import KafkaError
from faust.tables import manager
from faust.tables import recovery as faust_recovery
from mode import get_logger

from streams.batching.fencing import passes

__all__ = ["Recovery", "TableManager"]

logger = get_logger(__name__)

END_ATTEMPTS = 20  # questions where a changelog ends, before it is believed to end before what is stored of it
END_RETRY_S = 0.5


class Recovery(faust_recovery.Recovery):  # type: ignore[misc]
    """Recovers tables anew after each rebalance, however long it takes."""

    async def _build_highwaters(self, consumer: Any, tps: Any, destination: Any, title: str) -> None:
        # A broker that was killed counts the last transaction of a changelog late: it then seems to end before what
        # RocksDB has of it, which is Faust's reason to end the worker.
        stored = self.active_offsets if title == "active" else self.standby_offsets
        for _ in range(END_ATTEMPTS):
            await super()._build_highwaters(consumer, tps, destination, title)
            if all((stored[tp] or -1) <= destination[tp] for tp in tps):
                return
            await asyncio.sleep(END_RETRY_S)

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ASYNC109 Faust's name
        try:
            await super()._wait(coro)
        except (KafkaError, TimeoutError) as error:
            if isinstance(error, KafkaError) and not passes(error):
                raise
            logger.warning("Recovery begins again: no answer from Kafka (%r)", error)
            self.app.consumer.rejoin()
            raise faust_recovery.RebalanceAgain from error


class TableManager(manager.TableManager):  # type: ignore[misc]
    """Faust's table manager with that recovery."""

    _recovery: Recovery | None = None

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
