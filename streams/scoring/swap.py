"""Takes over a new bundle while the worker runs: copy, verify, warm up, and only then serve it.

The one in use stays until the new one has scored a probe, and stays for good where the new one is refused. Scoring code
reads `current` once per batch, so a batch is scored by one bundle from beginning to end.
"""

import hashlib
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import numpy as np
import orjson
from numpy.typing import NDArray

from streams import metrics
from streams.population import Population
from streams.scoring.bundle import MANIFEST, MAX_FILE_BYTES, BundleRefused, parse_manifest, sha256_of
from streams.scoring.fallback import RecencyScorer
from streams.scoring.scorer import Scores, load

log = logging.getLogger(__name__)

FETCH_TIMEOUT_S: Final = 30
MAX_MANIFEST_BYTES: Final = 16 << 20
KEPT: Final = 3  # bundles kept on disk: the one in use, and those before it
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Serving(Protocol):
    """What scores: a bundle, or recency."""

    @property
    def version(self) -> str: ...

    @property
    def candidate_days(self) -> int: ...

    population: Population

    def score(self, X: NDArray[np.float32], offsets: NDArray[np.int64], C: NDArray[np.float32]) -> Scores: ...

    def place(self, continuation: float | None) -> tuple[int, str]: ...


class ModelSlot:
    """Holds the scorer in use. `offer` is safe from any thread; copying and loading do not hold up scoring."""

    def __init__(self, home: Path) -> None:
        """`home` is CW_HOME: bundles are kept under its folder `bundles`."""
        self._folder = home / "bundles"
        self._lock = Lock()
        self.current: Serving = RecencyScorer()
        metrics.MODEL_INFO.labels(self.current.version).set(1)

    def offer(self, record: bytes) -> bool:
        """Takes over the bundle that a record of cw.models announces; True where it now serves.

        A bundle that is refused changes nothing: the reason is counted and logged. One that serves already is no news.
        """
        with self._lock:
            try:
                version, uri, digest = parse_announcement(record)
                if version == self.current.version:
                    return True
                scorer = load(self._fetch(version, uri, digest), digest)
            except BundleRefused as error:
                metrics.BUNDLES_REFUSED.labels(error.reason).inc()
                log.error("Bundle refused (%s): %s; %s goes on serving", error.reason, error, self.current.version)
                return False
            if scorer.version != version:
                metrics.BUNDLES_REFUSED.labels("manifest").inc()
                log.error("Bundle refused (manifest): announced as %s, it calls itself %s", version, scorer.version)
                return False
            previous = self.current.version
            self.current = scorer
            metrics.MODEL_INFO.clear()
            metrics.MODEL_INFO.labels(version).set(1)
            metrics.BUNDLES_TAKEN.inc()
            log.info("Bundle %s serves now, after %s", version, previous)
            self._tidy(version)
            return True

    def _fetch(self, version: str, uri: str, manifest_sha256: str) -> Path:
        """The bundle's own copy under home; one from an earlier run is used again where it is whole."""
        target = self._folder / version
        manifest_path = target / MANIFEST
        if manifest_path.is_file() and sha256_of(manifest_path) == manifest_sha256:
            return target
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".incoming-") as name:
                incoming = Path(name) / version
                incoming.mkdir()
                _copy(uri, MANIFEST, incoming, MAX_MANIFEST_BYTES)
                payload = (incoming / MANIFEST).read_bytes()
                if hashlib.sha256(payload).hexdigest() != manifest_sha256:
                    raise BundleRefused("hash", f"{uri}/{MANIFEST} is not the one announced; publish the bundle again")
                for file in parse_manifest(payload).files:
                    _copy(uri, file, incoming, MAX_FILE_BYTES)
                if target.exists():
                    shutil.rmtree(target)
                os.replace(incoming, target)
        except OSError as error:
            raise BundleRefused("fetch", f"{uri} can't be copied to {self._folder}: {error}") from None
        return target

    def _tidy(self, version: str) -> None:
        """Keeps the newest bundles on disk, so that going back needs no copy."""
        folders = sorted(
            (path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
        for path in folders[KEPT:]:
            if path.name != version:
                shutil.rmtree(path, ignore_errors=True)


def parse_announcement(record: bytes) -> tuple[str, str, str]:
    """(version, uri, manifest_sha256) of a record of cw.models. Raises BundleRefused with reason `announcement`."""
    try:
        value: Any = orjson.loads(record)
        version, uri, digest = value["version"], value["uri"], value["manifest_sha256"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        message = "cw.models: not {version, uri, manifest_sha256}; use 'cw publish'"
        raise BundleRefused("announcement", message) from None
    if not (isinstance(version, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", version)):
        raise BundleRefused("announcement", f"cw.models: version {version!r} is not a plain name; use 'cw publish'")
    if not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        raise BundleRefused("announcement", "cw.models: manifest_sha256 is not a SHA-256; use 'cw publish'")
    if not (isinstance(uri, str) and urlsplit(uri).scheme in ("file", "https")):
        raise BundleRefused("announcement", f"cw.models: uri {uri!r} is neither file:// nor https://; use 'cw publish'")
    return version, uri, digest


def _copy(uri: str, name: str, folder: Path, limit: int) -> None:
    """Copies one file of a bundle. Raises BundleRefused with reason `fetch`."""
    parts = urlsplit(uri)
    try:
        if parts.scheme == "file":
            shutil.copyfile(Path(unquote(parts.path)) / name, folder / name)
            return
        address = f"{uri.rstrip('/')}/{name}"
        with urlopen(address, timeout=FETCH_TIMEOUT_S) as response, (folder / name).open("wb") as out:
            copied = 0
            while chunk := response.read(1 << 20):
                copied += len(chunk)
                if copied > limit:
                    raise BundleRefused("fetch", f"{uri}/{name} is larger than {limit} bytes")
                out.write(chunk)
    except (URLError, OSError) as error:
        raise BundleRefused("fetch", f"{uri}/{name} can't be copied: {error}") from None
