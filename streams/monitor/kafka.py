"""What the monitor asks the broker: groups, their commits, the ends of logs, and the age of a record. Blocking."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from kafka.protocol.consumer import OffsetSpec

from streams.errors import CommandError

_TIMEOUT_MS: Final = 5000
_FETCH_BYTES: Final = 4096  # the broker sends at least one batch all the same; only its first record is wanted
_READ_S: Final = 2.0  # longest time spent reading records in one round; the rest waits for the next


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group as the broker's coordinator describes it."""

    name: str
    state: str  # Stable, Empty, Dead, PreparingRebalance, CompletingRebalance, Assigning, Reconciling
    members: int | None  # None: the coordinator speaks a protocol that does not tell
    owned: frozenset[Partition] | None  # what members were given; None: not settled, or not told
    committed: Mapping[Partition, int]


class Broker:
    """A connection to Kafka for reading only. It joins no group and commits nothing. Not safe between threads.

    Raises CommandError from every method where the broker can't be reached.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        """Connects to `bootstrap_servers`, "host:port" separated by commas."""
        self._servers = bootstrap_servers.split(",")
        common: dict[str, Any] = {
            "bootstrap_servers": self._servers,
            "client_id": "cw-monitor",
            "request_timeout_ms": _TIMEOUT_MS,
            "bootstrap_timeout_ms": _TIMEOUT_MS,
        }
        try:
            self._admin = KafkaAdminClient(**common)
        except (KafkaError, OSError) as error:
            raise _away(bootstrap_servers, error) from None
        try:
            self._consumer = KafkaConsumer(
                **common,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_bytes=1 << 20,
                max_partition_fetch_bytes=_FETCH_BYTES,
                fetch_max_wait_ms=100,
                enable_incremental_fetch_sessions=False,
            )
        except (KafkaError, OSError) as error:
            self._admin.close()
            raise _away(bootstrap_servers, error) from None

    def close(self) -> None:
        """Closes both connections."""
        self._consumer.close(autocommit=False)
        self._admin.close()

    def groups(self) -> dict[str, Group]:
        """Every consumer group that the cluster knows, with what it has committed."""
        listed = self._ask(self._admin.list_groups)
        kinds = {entry["group_id"]: entry.get("group_type", "") or "classic" for entry in listed}
        states = {entry["group_id"]: entry.get("group_state", "") for entry in listed}
        names = [name for name, kind in kinds.items() if kind.lower() in ("classic", "consumer")]
        if not names:
            return {}
        commits = self._ask(self._admin.list_group_offsets, dict.fromkeys(names))
        classic = [name for name in names if kinds[name].lower() == "classic"]
        described = self._ask(self._admin.describe_groups, classic) if classic else {}
        return {
            name: _group(name, states[name], described.get(name), commits.get(name, {}))
            for name in names
            if described.get(name, {}).get("protocol_type", "consumer") in ("consumer", "")
        }

    def partitions(self) -> dict[str, int]:
        """Every topic with its number of partitions."""
        topics = self._ask(self._admin.describe_topics)
        return {topic["name"]: len(topic["partitions"]) for topic in topics if topic["partitions"]}

    def log_bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset that the log still has, and the offset that the next record will get, of each partition."""
        asked = {TopicPartition(*partition) for partition in partitions}
        if not asked:
            return {}
        starts = self._ask(self._admin.list_partition_offsets, dict.fromkeys(asked, OffsetSpec.EARLIEST))
        ends = self._ask(self._admin.list_partition_offsets, dict.fromkeys(asked, OffsetSpec.LATEST))
        return {Partition(*tp): (starts[tp].offset, ends[tp].offset) for tp in asked}

    def first_timestamps(self, offsets: Mapping[Partition, tuple[int, int]]) -> dict[Partition, int | None]:
        """Timestamp, ms since the epoch, of the first record at or after an offset of each partition.

        `offsets` gives (offset, end of the log). None stands where only transaction markers lie between the two. A
        partition is left out where its broker did not answer in time; ask again. A timestamp is -1 where its producer
        set none. Records may be compressed in any way that Kafka knows.
        """
        waiting = {TopicPartition(*partition): end for partition, (_, end) in offsets.items()}
        found: dict[Partition, int | None] = {}
        self._ask(self._consumer.assign, list(waiting))
        for partition, (offset, _) in offsets.items():
            self._consumer.seek(TopicPartition(*partition), offset)
        deadline = time.monotonic() + _READ_S
        while waiting and time.monotonic() < deadline:
            records = self._ask(self._consumer.poll, timeout_ms=200)
            for tp in list(waiting):
                if records.get(tp):
                    found[Partition(*tp)] = records[tp][0].timestamp
                elif (self._ask(self._consumer.position, tp) or 0) >= waiting[tp]:
                    found[Partition(*tp)] = None
                else:
                    continue
                del waiting[tp]
                self._consumer.pause(tp)
        self._ask(self._consumer.assign, [])
        return found

    def _ask(self, question: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return question(*arguments, **options)
        except (KafkaError, OSError) as error:
            raise _away(",".join(self._servers), error) from None


def _group(name: str, state: str, described: dict[str, Any] | None, commits: Mapping[Any, Any]) -> Group:
    committed = {Partition(*tp): commit.offset for tp, commit in commits.items() if commit.offset >= 0}
    if described is None or described.get("error"):
        return Group(name, state, 0 if state in ("Empty", "Dead") else None, None, committed)
    state = described.get("group_state") or state
    members = described["members"]
    return Group(name, state, len(members), _owned(members) if state == "Stable" else None, committed)


def _owned(members: Iterable[dict[str, Any]]) -> frozenset[Partition] | None:
    """What the members were given, or None where one of them was given it in a form that only it reads."""
    owned: set[Partition] = set()
    for member in members:
        assignment = member["member_assignment"]
        if not isinstance(assignment, dict):
            return None
        for entry in assignment["assigned_partitions"]:
            owned.update(Partition(entry["topic"], number) for number in entry["partitions"])
    return frozenset(owned)


def _away(servers: str, error: Exception) -> CommandError:
    # A time-out or a refused connection says no more than the sentence around it; anything else is worth reading.
    known = isinstance(error, (KafkaTimeoutError, KafkaConnectionError))
    reason = "" if known else f" ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason'})"
    return CommandError(
        f"Kafka does not answer at {servers}{reason}: start it with 'cw broker start', or set KAFKA_BOOTSTRAP_SERVERS"
    )
