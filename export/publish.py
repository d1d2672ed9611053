"""Announces bundles: to serve, to be tried beside the one that serves, or to serve again."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from streams import reading, topics
from streams.errors import CommandError
from streams.scoring import announcements
from streams.scoring.announcements import CANDIDATE, LIVE, SPLIT, VERDICT, Announcement, Source, Verdict
from streams.scoring.bundle import MANIFEST, BundleRefused, sha256_of
from streams.scoring.scorer import load

SEND_TIMEOUT_S: Final = 30


@dataclass(frozen=True, slots=True)
class Announced:
    """What cw.models says now."""

    live: Announcement | None = None
    candidate: Announcement | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)  # by version


def announced(bootstrap_servers: str) -> Announced:
    """Reads cw.models. Raises CommandError where it can't be read."""
    newest = {
        record.key.decode(): record.value
        for record in reading.records(bootstrap_servers, topics.MODELS)
        if record.key is not None
    }
    try:
        live, candidate = newest.get(LIVE), newest.get(CANDIDATE)
        return Announced(
            None if live is None else announcements.parse(live),
            None if candidate is None else announcements.parse(candidate, candidate=True),
            {
                name.removeprefix(VERDICT): announcements.parse_verdict(value)
                for name, value in newest.items()
                if name.startswith(VERDICT) and value is not None
            },
        )
    except BundleRefused as error:
        raise CommandError(f"{error}; it takes the place of what can't be read") from None


def source_of(folder: Path, uri: str | None = None) -> Source:
    """A bundle that a worker would take: hashes, features, models, a probe. Raises BundleRefused.

    `uri` is where workers find the folder; without it, this machine's path.
    """
    scorer = load(folder)
    return Source(scorer.version, uri or _uri(folder), sha256_of(folder / MANIFEST))


def serve(source: Source, now: Announced, bootstrap_servers: str) -> None:
    """Announces the bundle to serve. Where it was on trial, the trial is over."""
    records: dict[str, bytes | None] = {
        LIVE: announcements.encode(announcements.following(source, _now_ms(), now.live))
    }
    if now.candidate is not None and now.candidate.source.version == source.version:
        records[CANDIDATE] = None
    send(records, bootstrap_servers)


def put_on_trial(source: Source, mode: str, share: float, bootstrap_servers: str) -> None:
    """Announces the bundle as the candidate, in place of one before it.

    The experiment is named by the bundle's version: with a larger share, the members that have it keep it.
    """
    announcement = Announcement(source, _now_ms(), mode=mode, share=share if mode == SPLIT else 0.0)
    record = announcements.encode(replace(announcement, experiment=source.version))
    send({CANDIDATE: record}, bootstrap_servers)


def roll_back(now: Announced, home: Path, bootstrap_servers: str) -> tuple[str, str]:
    """Announces the bundle that served before the one that serves: (from, to). Raises CommandError where none did."""
    if now.live is None:
        raise CommandError("no bundle is announced, so there is none to go back from; see 'cw models list'")
    former = announcements.before(now.live)
    if former is None:
        raise CommandError(
            f"nothing that could serve is known from before {now.live.source.version}; "
            "publish the folder to go back to with 'cw publish DIR'"
        )
    found = _found(former, home)
    following = announcements.following(found, _now_ms(), now.live, taken_back=True)
    send({LIVE: announcements.encode(following)}, bootstrap_servers)
    return now.live.source.version, former.version


def promote(now: Announced, bootstrap_servers: str) -> str:
    """Lets the bundle on trial serve everybody; its version. Raises CommandError where there is none."""
    if now.candidate is None:
        raise CommandError("no bundle is on trial; 'cw publish DIR' lets a folder serve at once")
    serve(now.candidate.source, now, bootstrap_servers)
    return now.candidate.source.version


def withdraw(now: Announced, bootstrap_servers: str) -> str:
    """Ends the trial; the version that was on it. Raises CommandError where there is none."""
    if now.candidate is None:
        raise CommandError("no bundle is on trial, so there is none to withdraw; see 'cw models list'")
    send({CANDIDATE: None}, bootstrap_servers)
    return now.candidate.source.version


def resume(now: Announced, bootstrap_servers: str) -> str:
    """Announces the bundle that serves anew, so that workers which set it aside try again; its version.

    Raises CommandError where none is announced.
    """
    if now.live is None:
        raise CommandError("no bundle is announced; publish one with 'cw publish DIR'")
    version = now.live.source.version
    records: dict[str, bytes | None] = {LIVE: announcements.encode(replace(now.live, at=_now_ms()))}
    if version in now.verdicts:
        records[VERDICT + version] = None
    send(records, bootstrap_servers)
    return version


def send(records: Mapping[str, bytes | None], bootstrap_servers: str) -> None:
    """Writes records to cw.models, in order, and waits until all replicas have them. Raises CommandError."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    try:
        producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", max_block_ms=SEND_TIMEOUT_S * 1000)
        try:
            for name, value in records.items():
                producer.send(topics.MODELS, key=name.encode(), value=value).get(timeout=SEND_TIMEOUT_S)
        finally:
            producer.close(timeout=SEND_TIMEOUT_S)
    except KafkaError as error:
        raise CommandError(
            f"Kafka at {bootstrap_servers} did not take the announcement ({type(error).__name__}); "
            "start it with 'cw broker start', or set KAFKA_BOOTSTRAP_SERVERS"
        ) from None


def _found(source: Source, home: Path) -> Source:
    """Where the bundle still is: where it was announced, or in this machine's copies. Raises CommandError."""
    if urlsplit(source.uri).scheme != "file":
        return source
    for folder in (Path(unquote(urlsplit(source.uri).path)), home / "bundles" / source.version):
        manifest = folder / MANIFEST
        if manifest.is_file() and sha256_of(manifest) == source.manifest_sha256:
            return source._replace(uri=_uri(folder))
    raise CommandError(
        f"{source.version} is no longer at {source.uri}, nor among the copies in {home / 'bundles'}; "
        "publish the folder to go back to with 'cw publish DIR'"
    )


def _uri(folder: Path) -> str:
    return f"file://{quote(str(folder.resolve()))}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
