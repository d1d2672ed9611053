"""Takes over a new bundle while the worker runs: copy, verify, warm up, and only then serve it.

The one in use stays until the new one has scored a probe, and stays for good where the new one is refused. Scoring code
asks once per batch what serves, so a batch is scored by one bundle from beginning to end.

A bundle set aside (streams.scoring.fallback) serves again once it is announced anew, later than what spoke against it.
"""

import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from streams import metrics
from streams.scoring import announcements
from streams.scoring.announcements import CANDIDATE, LIVE, SHADOW, SPLIT, VERDICT, Source, Verdict
from streams.scoring.bundle import MANIFEST, MAX_FILE_BYTES, BundleRefused, parse_manifest, sha256_of
from streams.scoring.candidate import Candidate
from streams.scoring.fallback import RecencyScorer, Serving, Watched
from streams.scoring.scorer import load

log = logging.getLogger(__name__)

FETCH_TIMEOUT_S: Final = 30
MAX_MANIFEST_BYTES: Final = 16 << 20
KEPT: Final = 4  # bundles kept on disk: those in use, and those before them
OUTCOMES: Final = "outcomes"  # why a bundle was set aside: live outcomes


class ModelSlot:
    """Holds the bundles in use. `apply` is safe from any thread; copying and loading do not hold up scoring."""

    def __init__(self, home: Path) -> None:
        """`home` is CW_HOME: bundles are kept under its folder `bundles`."""
        self._folder = home / "bundles"
        self._lock = Lock()
        self._recency = RecencyScorer()
        self._live: Watched | None = None
        self._live_at = 0  # when it was announced
        self._candidate: Candidate | None = None
        self._candidate_at = 0
        self._verdicts: dict[str, Verdict] = {}
        self._show()

    # -- for scoring

    @property
    def current(self) -> Serving:
        """What serves members that no trial has."""
        live = self._live
        return live if live is not None and live.set_aside is None else self._recency

    def serving(self, member_id: str) -> Serving:
        """What serves this member."""
        candidate = self._candidate
        return candidate.watched if candidate is not None and candidate.serves(member_id) else self.current

    @property
    def splits(self) -> bool:
        """Whether some members are served by another bundle than `current`."""
        return self._candidate is not None and self._candidate.mode == SPLIT

    @property
    def shadow(self) -> Serving | None:
        """What scores impressions beside the bundle that served them: a candidate in mode shadow, else a bundle that
        outcomes set aside, so that they go on saying how it does."""
        candidate, live = self._candidate, self._live
        if candidate is not None and candidate.mode == SHADOW and candidate.watched.set_aside is None:
            return candidate.watched
        return live if live is not None and live.set_aside == OUTCOMES else None

    # -- for cw.models

    def apply(self, name: str, value: bytes | None) -> bool:
        """Does what a record of cw.models says; True where it is in effect. What is refused changes nothing: the reason
        is counted and logged."""
        with self._lock:
            try:
                if name == LIVE:
                    self._serve(value)
                elif name == CANDIDATE:
                    self._try(value)
                elif name.startswith(VERDICT):
                    self._judge(name.removeprefix(VERDICT), value)
                return True
            except BundleRefused as error:
                metrics.BUNDLES_REFUSED.labels(error.reason).inc()
                log.error("Bundle refused (%s): %s; %s goes on serving", error.reason, error, self.current.version)
                return False
            finally:
                self._judged()
                self._show()

    def _serve(self, value: bytes | None) -> None:
        if value is None:
            log.info("No bundle is announced any more: recency serves")
            self._live, self._live_at = None, 0
            return
        announced = announcements.parse(value)
        live = self._live
        if live is not None and live.version == announced.source.version:
            if announced.at > self._live_at and live.set_aside is not None:
                log.info("Bundle %s serves again", live.version)
                self._live = Watched(live.scorer, self._show)
        else:
            previous = self.current.version
            self._live = self._taken(announced.source)
            log.info("Bundle %s serves now, after %s", announced.source.version, previous)
        self._live_at = announced.at
        self._tidy()

    def _try(self, value: bytes | None) -> None:
        if value is None:
            if self._candidate is not None:
                log.info("Bundle %s is on trial no more", self._candidate.watched.version)
            self._candidate = None
            return
        announced = announcements.parse(value, candidate=True)
        running = self._candidate
        assert announced.mode is not None  # parse has checked
        if (
            running is not None
            and running.watched.version == announced.source.version
            and (running.watched.set_aside is None or announced.at <= self._candidate_at)
        ):
            watched = running.watched
        else:
            watched = self._taken(announced.source)
        self._candidate = Candidate(watched, announced.mode, announced.share, announced.experiment)
        self._candidate_at = announced.at
        log.info(
            "Bundle %s is on trial: %s%s",
            watched.version,
            announced.mode,
            f" for {announced.share:.1%} of the members" if announced.mode == SPLIT else "",
        )
        self._tidy()

    def _judge(self, version: str, value: bytes | None) -> None:
        if value is not None:
            self._verdicts[version] = announcements.parse_verdict(value)
            return
        self._verdicts.pop(version, None)
        if self._live is not None and self._live.version == version and self._live.set_aside == OUTCOMES:
            log.info("Bundle %s serves again: the verdict on it was taken back", version)
            self._live = Watched(self._live.scorer, self._show)

    def _judged(self) -> None:
        """Sets aside what live outcomes have spoken against since it was announced."""
        in_use = [(self._live, self._live_at)]
        if self._candidate is not None:
            in_use.append((self._candidate.watched, self._candidate_at))
        for watched, at in in_use:
            verdict = self._verdicts.get(watched.version) if watched is not None else None
            if watched is not None and verdict is not None and verdict.at > at and watched.set_aside is None:
                watched.put_aside(OUTCOMES, verdict.reason)

    def _taken(self, source: Source) -> Watched:
        """The bundle, copied, verified and warm. Raises BundleRefused."""
        in_use = [self._live, self._candidate.watched if self._candidate is not None else None]
        for watched in in_use:  # the same bundle may serve and be on trial, one after the other
            if watched is not None and watched.version == source.version and watched.set_aside is None:
                return watched
        scorer = load(self._fetch(source), source.manifest_sha256)
        if scorer.version != source.version:
            message = f"announced as {source.version}, it calls itself {scorer.version}"
            raise BundleRefused("manifest", message)
        metrics.BUNDLES_TAKEN.inc()
        return Watched(scorer, self._show)

    def _show(self) -> None:
        metrics.MODEL_INFO.clear()
        metrics.MODEL_INFO.labels(self.current.version).set(1)
        metrics.MODEL_CANDIDATE.clear()
        metrics.MODEL_SET_ASIDE.clear()
        candidate = self._candidate
        if candidate is not None:
            metrics.MODEL_CANDIDATE.labels(candidate.watched.version, candidate.mode).set(1)
        for watched in (self._live, candidate.watched if candidate is not None else None):
            if watched is not None and watched.set_aside is not None:
                metrics.MODEL_SET_ASIDE.labels(watched.version, watched.set_aside).set(1)

    def _fetch(self, source: Source) -> Path:
        """The bundle's own copy under home; one from an earlier run is used again where it is whole."""
        version, uri, manifest_sha256 = source
        target = self._folder / version
        manifest_path = target / MANIFEST
        if manifest_path.is_file() and sha256_of(manifest_path) == manifest_sha256:
            os.utime(target)  # in use again
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

    def _tidy(self) -> None:
        """Keeps the bundles used last on disk, so that going back needs no copy."""
        in_use = {self._live.version if self._live is not None else ""}
        if self._candidate is not None:
            in_use.add(self._candidate.watched.version)
        folders = sorted(
            (path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
        for path in folders[KEPT:]:
            if path.name not in in_use:
                shutil.rmtree(path, ignore_errors=True)


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
