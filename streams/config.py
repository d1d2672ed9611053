"""Settings, read from the environment once at start. Flags of a command override single fields."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.errors import UsageError

# The worker's Faust app id, which is also its consumer group, and part of the names of its changelog topics and
# transactional ids: changing it leaves all state behind.
WORKER_APP_ID: Final = "cw-worker"
OUTCOMES_APP_ID: Final = "cw-outcomes"  # likewise, of the outcomes service


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and how large they may grow. Ports are TCP ports on this machine."""

    home: Path  # CW_HOME: data of the embedded broker, worker state, bundles
    bootstrap_servers: str  # KAFKA_BOOTSTRAP_SERVERS, or the embedded broker's address
    external_broker: bool  # True where KAFKA_BOOTSTRAP_SERVERS named a cluster
    broker_host: str  # CW_BROKER_HOST: by what name clients reach the embedded broker; it checks nobody
    broker_port: int  # CW_BROKER_PORT
    gateway_host: str  # CW_GATEWAY_HOST: only loopback without authentication
    gateway_port: int  # CW_GATEWAY_PORT
    service_host: str  # CW_SERVICE_HOST: where all but the gateway answer; they check no tokens, so loopback
    worker_port: int  # CW_WORKER_PORT
    monitor_port: int  # CW_MONITOR_PORT
    outcomes_port: int  # CW_OUTCOMES_PORT
    partitions: int  # CW_PARTITIONS, used when topics are made
    epoch: int  # CW_EPOCH: raised when partitions are added or the event topic is made anew
    jwt_secret: str | None  # CW_JWT_SECRET
    jwks_url: str | None  # CW_JWKS_URL
    worker_urls: tuple[str, ...]  # CW_WORKER_URLS, comma separated: where the gateway asks for explanations
    titles_dir: Path | None  # CW_TITLES_DIR: title vectors and their map, for the page /titles
    require_model_version: str | None  # CW_REQUIRE_MODEL_VERSION: the gateway is ready once a worker serves it


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings. Raises UsageError where a value is not a number in its range."""
    broker_host = environ.get("CW_BROKER_HOST") or "127.0.0.1"
    broker_port = _port(environ, "CW_BROKER_PORT", 9092)
    servers = environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip()
    worker_port = _port(environ, "CW_WORKER_PORT", 8081)
    workers = environ.get("CW_WORKER_URLS", "").split(",")
    return Settings(
        home=Path(environ.get("CW_HOME") or ".cw").absolute(),
        bootstrap_servers=servers or f"{broker_host}:{broker_port}",
        external_broker=bool(servers),
        broker_host=broker_host,
        broker_port=broker_port,
        gateway_host=environ.get("CW_GATEWAY_HOST") or "127.0.0.1",
        gateway_port=_port(environ, "CW_GATEWAY_PORT", 8080),
        service_host=environ.get("CW_SERVICE_HOST") or "127.0.0.1",
        worker_port=worker_port,
        monitor_port=_port(environ, "CW_MONITOR_PORT", 8082),
        outcomes_port=_port(environ, "CW_OUTCOMES_PORT", 8083),
        partitions=_number(environ, "CW_PARTITIONS", 4, 1, 10_000),
        epoch=_number(environ, "CW_EPOCH", 0, 0, 2**31),
        jwt_secret=environ.get("CW_JWT_SECRET") or None,
        jwks_url=environ.get("CW_JWKS_URL") or None,
        worker_urls=tuple(url.strip().rstrip("/") for url in workers if url.strip())
        or (f"http://127.0.0.1:{worker_port}",),
        titles_dir=Path(titles).absolute() if (titles := environ.get("CW_TITLES_DIR")) else None,
        require_model_version=environ.get("CW_REQUIRE_MODEL_VERSION") or None,
    )


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    return _number(environ, name, default, 1, 65_535)


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise UsageError(f"{name} is {text!r}: set it to a whole number from {low} to {high}")
    return number
