"""Checks a bundle the way a worker will, and announces it."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson

from streams.errors import CommandError
from streams.scoring.bundle import MANIFEST, sha256_of
from streams.scoring.scorer import load

NAME: Final = "ranking"  # the key in cw.models: the newest record under it is the one to serve
SEND_TIMEOUT_S: Final = 30


def announcement(folder: Path, uri: str | None = None) -> tuple[str, bytes]:
    """(version, record) of a bundle that a worker would take: hashes, features, models, a probe. Raises BundleRefused.

    `uri` is where workers find the folder; without it, this machine's path.
    """
    scorer = load(folder)
    record = {
        "version": scorer.version,
        "uri": uri or f"file://{quote(str(folder.resolve()))}",
        "manifest_sha256": sha256_of(folder / MANIFEST),
    }
    return scorer.version, orjson.dumps(record)


def announce(record: bytes, bootstrap_servers: str, topic: str) -> None:
    """Writes the record to the topic and waits until all replicas have it. Raises CommandError if Kafka does not."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    try:
        producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", max_block_ms=SEND_TIMEOUT_S * 1000)
        try:
            producer.send(topic, key=NAME.encode(), value=record).get(timeout=SEND_TIMEOUT_S)
        finally:
            producer.close(timeout=SEND_TIMEOUT_S)
    except KafkaError as error:
        raise CommandError(
            f"Kafka at {bootstrap_servers} did not take the announcement ({type(error).__name__}); "
            "start it with 'cw broker start', or set KAFKA_BOOTSTRAP_SERVERS"
        ) from None
