"""What cw.models says: the bundle that serves, one on trial, and what live outcomes say of them.

The topic is compacted; the newest record of each key counts:

    ranking            {"version", "uri", "manifest_sha256", "announced_at", "history": [...]}
                       the bundle to serve, and those that served before it, the newest first
    candidate          the same without history, and "mode": "shadow" or "split", "share", "experiment"
    verdict/VERSION    {"version", "at", "reason"}: the bundle does worse than recency; see streams.scoring.swap

Times are ms since the epoch. A record without a value takes back what its key said.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import orjson

from streams.scoring.bundle import BundleRefused

LIVE: Final = "ranking"
CANDIDATE: Final = "candidate"
VERDICT: Final = "verdict/"  # and the version that it is of
SHADOW: Final = "shadow"
SPLIT: Final = "split"
MODES: Final = (SHADOW, SPLIT)
HISTORY: Final = 10  # bundles that are remembered after they served

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Source(NamedTuple):
    """Where a bundle is. Copies are the same bundle where the manifest has this hash."""

    version: str
    uri: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Former:
    """A bundle that served from `since` until `until`; `taken_back` where a person went back to the one before."""

    source: Source
    since: int
    until: int
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Announcement:
    """A bundle to be used, announced at `at`. `mode`, `share` and `experiment` are a candidate's."""

    source: Source
    at: int = 0
    history: tuple[Former, ...] = field(default=())
    mode: str | None = None
    share: float = 0.0  # of the members, in mode split
    experiment: str = ""


class Verdict(NamedTuple):
    """What live outcomes said of a bundle at `at`."""

    version: str
    at: int
    reason: str


def rank(name: str) -> int:
    """In which order keys are applied that come together: what a person announced, then what is said of it."""
    return (LIVE, CANDIDATE).index(name) if name in (LIVE, CANDIDATE) else 2


def parse(record: bytes, candidate: bool = False) -> Announcement:
    """Reads the value of `ranking`, or of `candidate`. Raises BundleRefused with reason `announcement`."""
    try:
        value: Any = orjson.loads(record)
        source = _source(value)
        at = int(value.get("announced_at", 0))
        history = tuple(
            Former(_source(former), int(former["since"]), int(former["until"]), bool(former["taken_back"]))
            for former in value.get("history", ())
        )
        if not candidate:
            return Announcement(source, at, history)
        mode, share = value["mode"], float(value.get("share", 0.0))
        if mode not in MODES or not 0.0 <= share <= 1.0:
            raise ValueError(f"mode {mode!r} with a share of {share}")
        return Announcement(source, at, mode=mode, share=share, experiment=str(value.get("experiment", "")))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        message = "cw.models: not {version, uri, manifest_sha256}; use 'cw publish'"
        raise BundleRefused("announcement", message) from None
    except ValueError as error:
        raise BundleRefused("announcement", f"cw.models: {error}; use 'cw publish'") from None


def parse_verdict(record: bytes) -> Verdict:
    """Reads the value of `verdict/VERSION`. Raises BundleRefused with reason `announcement`."""
    try:
        value: Any = orjson.loads(record)
        return Verdict(str(value["version"]), int(value["at"]), str(value["reason"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise BundleRefused("announcement", "cw.models: not a verdict {version, at, reason}") from None


def encode(announcement: Announcement) -> bytes:
    """The value that `parse` reads."""
    value: dict[str, Any] = {**announcement.source._asdict(), "announced_at": announcement.at}
    if announcement.mode is None:
        value["history"] = [
            {
                **former.source._asdict(),
                "since": former.since,
                "until": former.until,
                "taken_back": former.taken_back,
            }
            for former in announcement.history
        ]
    else:
        value |= {"mode": announcement.mode, "share": announcement.share, "experiment": announcement.experiment}
    return orjson.dumps(value)


def encode_verdict(verdict: Verdict) -> bytes:
    """The value that `parse_verdict` reads."""
    return orjson.dumps(verdict._asdict())


def following(source: Source, now_ms: int, before: Announcement | None, taken_back: bool = False) -> Announcement:
    """The announcement of a bundle that takes the place of the one before; each version stands in history once.

    `taken_back`: a person goes back to it, because the one before was no good.
    """
    history = () if before is None else before.history
    if before is not None and before.source.version != source.version:
        history = (Former(before.source, before.at, now_ms, taken_back), *history)
    kept = tuple(former for former in history if former.source.version != source.version)
    return Announcement(source, now_ms, kept[:HISTORY])


def before(live: Announcement) -> Source | None:
    """What served before the live one, and was not taken back; None where nothing did."""
    return next((former.source for former in live.history if not former.taken_back), None)


def _source(value: Any) -> Source:
    version, uri, digest = value["version"], value["uri"], value["manifest_sha256"]
    if not (isinstance(version, str) and _VERSION.fullmatch(version)):
        raise ValueError(f"version {version!r} is not a plain name")
    if not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        raise ValueError("manifest_sha256 is not a SHA-256")
    if not (isinstance(uri, str) and urlsplit(uri).scheme in ("file", "https")):
        raise ValueError(f"uri {uri!r} is neither file:// nor https://")
    return Source(version, uri, digest)
