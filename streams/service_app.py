"""The Faust app of a service that keeps a table of members: the settings that worker and outcomes share."""

from pathlib import Path
from typing import Final

from streams.batching import App
from streams.config import Settings

# Compacted early and in small pieces, so that restoring from the changelog alone reads little more than the members.
CHANGELOG_SETTINGS: Final = {"segment.bytes": str(64 * 2**20), "min.cleanable.dirty.ratio": "0.2"}


class ServiceApp(App):
    """An app as the services' settings say it."""

    def __init__(self, name: str, settings: Settings, data: Path, max_poll_records: int) -> None:
        """`name` is the group's, `data` the folder for RocksDB: no other process may use it."""
        super().__init__(
            name,
            broker=";".join(f"kafka://{server.strip()}" for server in settings.bootstrap_servers.split(",")),
            datadir=str(data),
            topic_partitions=settings.partitions,
            topic_replication_factor=1,
            web_enabled=False,
            broker_max_poll_records=max_poll_records,
            broker_client_id=name,
        )

    def ready(self) -> bool:
        """Whether this process is in the group, with its partitions recovered."""
        return bool(self.started and not self.rebalancing and self.tables.actives_ready)
