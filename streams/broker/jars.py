"""The jars of Apache Kafka: pinned by coordinate and sha256, fetched once through jgo into the user's Maven cache."""

import hashlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from streams.errors import CommandError

LOCK_NAME = "jars.lock"
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Pin:
    """One jar: `group:artifact:version`, and the sha256 of its bytes in hex."""

    coordinate: str
    sha256: str


def pins() -> list[Pin]:
    """The pinned jars, in the order of the class path."""
    lines = files("streams.broker").joinpath(LOCK_NAME).read_text().splitlines()
    return [Pin(*line.split()) for line in lines if line and not line.startswith("#")]


def kafka_version() -> str:
    """The version of Apache Kafka that the lock file pins."""
    return next(pin.coordinate.rsplit(":", 1)[1] for pin in pins() if ":kafka_2.13:" in pin.coordinate)


def classpath(on_jar: Callable[[int, int], None] = lambda done, total: None) -> list[Path]:
    """Paths of every pinned jar, each checked against its sha256; fetches those that are missing or damaged.

    Needs the network only for a jar that the cache does not have. `on_jar(done, total)` is called before the first
    fetch and after each. Raises CommandError, naming the jar, where one can't be fetched or is not the pinned one.
    """
    import jgo.config
    import jgo.constants
    from jgo.maven import MavenContext

    settings = jgo.config.GlobalSettings.load()
    # The user's own repositories come first: where there is a mirror, the outside is often out of reach.
    repositories = {**settings.repositories, "central": jgo.constants.MAVEN_CENTRAL_URL}
    cache = Path(settings.repo_cache).expanduser()
    context = MavenContext(repo_cache=cache, remote_repos=repositories)
    wanted = [(pin, Path(_artifact(context, pin).cached_path)) for pin in pins()]
    missing = [(pin, path) for pin, path in wanted if not _is_intact(path, pin)]
    if missing:
        on_jar(0, len(missing))
        try:
            cache.mkdir(parents=True, exist_ok=True)
            # jgo writes a download in place; a private folder and a rename keep half a jar out of the shared cache.
            with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as folder, ThreadPoolExecutor(8) as pool:
                fetching = MavenContext(repo_cache=Path(folder), remote_repos=repositories)
                try:
                    jobs = [pool.submit(_fetch, fetching, pin, path) for pin, path in missing]
                    for done, job in enumerate(jobs, 1):
                        job.result()
                        on_jar(done, len(jobs))
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)
        except OSError as error:
            raise CommandError(
                f"can't write to the Maven cache {cache} ({error.strerror}): make it writable, or set M2_REPO"
            ) from None
    return [path for _, path in wanted]


def _fetch(context: Any, pin: Pin, target: Path) -> None:
    artifact = _artifact(context, pin)
    fetched = _download(artifact, pin)
    if not _is_intact(fetched, pin):
        raise CommandError(
            f"{pin.coordinate} was fetched, but is not the jar that jars.lock pins: "
            "check the proxy or the repositories of jgo's configuration, then try again"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(target)


def _download(artifact: Any, pin: Pin) -> Path:
    import requests

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return Path(artifact.resolve())
        except (requests.RequestException, RuntimeError) as error:
            Path(artifact.cached_path).unlink(missing_ok=True)
            if attempt == _ATTEMPTS:
                raise CommandError(
                    f"can't fetch {pin.coordinate} from Maven ({type(error).__name__}): check the network or proxy, "
                    "then try again; once fetched, no network is needed"
                ) from None
    raise AssertionError("unreachable")


def _artifact(context: Any, pin: Pin) -> Any:
    return context.create_dependency(pin.coordinate).artifact


def _is_intact(path: Path, pin: Pin) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == pin.sha256
    except OSError:
        return False
