"""The topics: their names, their settings, and which partition a key belongs to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from streams.errors import CommandError

EVENTS: Final = "playback.events"
INVALID: Final = "cw.invalid"
CATALOG: Final = "catalog.titles"
PROFILES: Final = "member.profiles"
MODELS: Final = "cw.models"
ROWS: Final = "cw.rows"
IMPRESSIONS: Final = "cw.impressions"
OUTCOMES: Final = "cw.outcomes"
LIVE: Final = "cw.live"  # what live outcomes have taught: a record a partition
REPLAYED: Final = "cw.invalid.replayed"  # which records of cw.invalid were sent again

# What is sent to the event topic must reach cw.invalid with its reason in headers, however large; a producer to
# cw.invalid therefore needs max_request_size=MAX_INVALID_BYTES.
MAX_EVENT_RECORD_BYTES: Final = 16 * 2**20
MAX_INVALID_BYTES: Final = MAX_EVENT_RECORD_BYTES + 2**16

_DAY_MS: Final = 24 * 60 * 60 * 1000
# The broker's clock, not the client's: history has old timestamps and time retention would delete it at once, and
# lag in seconds is counted from arrival.
_ARRIVAL: Final = {"message.timestamp.type": "LogAppendTime"}
_LATEST_OF_KEY: Final = {"cleanup.policy": "compact", "segment.bytes": str(64 * 2**20), **_ARRIVAL}
_FOR_EVER: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", **_ARRIVAL}
_A_QUARTER: Final = {"cleanup.policy": "delete", "retention.ms": str(90 * _DAY_MS), **_ARRIVAL}

SETTINGS: Final[dict[str, dict[str, str]]] = {
    EVENTS: {**_FOR_EVER, "max.message.bytes": str(MAX_EVENT_RECORD_BYTES)},
    INVALID: {**_FOR_EVER, "max.message.bytes": str(MAX_INVALID_BYTES)},
    CATALOG: _LATEST_OF_KEY,
    PROFILES: _LATEST_OF_KEY,
    MODELS: _LATEST_OF_KEY,
    ROWS: _LATEST_OF_KEY,
    IMPRESSIONS: _A_QUARTER,
    OUTCOMES: _A_QUARTER,
    LIVE: _LATEST_OF_KEY,
    REPLAYED: _LATEST_OF_KEY,
}


def ensure(bootstrap_servers: str, partitions: int, timeout_s: float = 30.0) -> list[str]:
    """Creates the topics that are missing, with their settings; returns their names. Existing ones stay as they are.

    Every topic has `partitions` partitions. Raises CommandError where the cluster can't be reached, refuses, or has
    one of the topics with another number of partitions: a member's events would no longer be where their state is.
    """
    from kafka.errors import KafkaError

    with admin(bootstrap_servers, timeout_s) as client:
        there = {
            topic["name"]: len(topic["partitions"])
            for topic in client.describe_topics(list(SETTINGS))
            if topic["error_code"] == 0
        }
        for name, count in there.items():
            if count != partitions:
                raise CommandError(
                    f"the topic {name} has {count} partitions, CW_PARTITIONS says {partitions}: "
                    f"set CW_PARTITIONS={count} (to add partitions instead, see docs/operations.md)"
                )
        missing = [name for name in SETTINGS if name not in there]
        if missing:
            wanted = {name: {"num_partitions": partitions, "configs": SETTINGS[name]} for name in missing}
            try:
                answer = client.create_topics(wanted, raise_errors=False, wait_for_metadata=False)
            except KafkaError as error:
                raise CommandError(f"{bootstrap_servers} did not create the topics: {one_line(error)}") from None
            for topic in _fields(answer)["topics"]:
                # Another process may have created it in between, with the same settings.
                if topic["error_code"] not in (0, _TOPIC_ALREADY_EXISTS):
                    reason = topic["error_message"] or f"error {topic['error_code']}"
                    raise CommandError(f"{bootstrap_servers} refused to create the topic {topic['name']}: {reason}")
        return missing


def await_coordinators(bootstrap_servers: str, timeout_s: float = 20.0) -> None:
    """Returns once consumer groups and transactions can be used, or after `timeout_s`.

    A new cluster makes its internal topics when the first client asks for its coordinator, and refuses it until then.
    """
    from kafka.errors import KafkaError, TransactionalIdNotFoundError

    deadline = time.monotonic() + timeout_s
    with admin(bootstrap_servers) as client:
        for question in (client.describe_groups, client.describe_transactions):
            while time.monotonic() < deadline:
                try:
                    question(["cw"])
                    break
                except TransactionalIdNotFoundError:
                    break
                except KafkaError:
                    time.sleep(0.1)


_TOPIC_ALREADY_EXISTS: Final = 36


@contextmanager
def admin(bootstrap_servers: str, timeout_s: float = 30.0) -> Iterator[Any]:
    """A kafka-python admin client on the cluster. Raises CommandError where no broker answers within `timeout_s`."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        client = KafkaAdminClient(
            bootstrap_servers=bootstrap_servers.split(","),
            bootstrap_timeout_ms=int(timeout_s * 1000),
            request_timeout_ms=max(10_000, int(timeout_s * 1000)),
        )
    except (KafkaError, OSError, ValueError) as error:
        raise no_kafka(bootstrap_servers, error) from None
    try:
        yield client
    finally:
        client.close()


def no_kafka(bootstrap_servers: str, error: BaseException) -> CommandError:
    """What a command says where no broker answers."""
    return CommandError(
        f"no Kafka answers at {bootstrap_servers} ({one_line(error)}): start one with 'cw broker start', "
        "or set KAFKA_BOOTSTRAP_SERVERS to a cluster that runs"
    )


def one_line(error: BaseException) -> str:
    """An exception as one short line for people."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _fields(answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else dict(answer.to_dict())


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's Java client gives a key: murmur2, the sign bit cleared, modulo the partitions."""
    return _murmur2(key) % partitions


@lru_cache(maxsize=1 << 17)
def _murmur2(key: bytes) -> int:
    """32-bit MurmurHash2 with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2), sign bit cleared.

    Cached, because the same members come again and again and plain Python needs microseconds for one key.
    """
    length = len(key)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i : i + 4], "little") * 0x5BD1E995 & 0xFFFFFFFF
        k = (k ^ k >> 24) * 0x5BD1E995
        h = (h * 0x5BD1E995 ^ k) & 0xFFFFFFFF
    if whole != length:
        h = (h ^ int.from_bytes(key[whole:], "little")) * 0x5BD1E995 & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return (h ^ h >> 15) & 0x7FFFFFFF
