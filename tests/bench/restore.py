"""Kafka Streams restoring the worker's changelog: Restore.java, with the jars that the peers' script has fetched."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from bench import worker as measured
from bench.figures import Figure
from bench.harness import say
from conftest import Broker

from streams import topics
from streams.config import WORKER_APP_ID

SOURCE = Path(__file__).with_name("Restore.java")
LIMIT_S = 1200


def kafka_streams(broker: Broker, scratch: Path) -> tuple[list[Figure], str]:
    """Its times and how they were found; no figures where it can't be run. No worker may be running.

    Run it before anything has been applied: the group's commits go with it.
    """
    jars = Path(os.environ.get("WORK") or "~/.cache/peers").expanduser() / "ks" / "libs"
    if not jars.is_dir() or not shutil.which("javac"):
        return [], ("Kafka Streams beside it is left out: it needs a JDK, and the jars that the peers' script fetches.")
    classes, state = scratch / "classes", scratch / "state"
    subprocess.run(["javac", "-cp", f"{jars}/*", "-d", str(classes), str(SOURCE)], check=True)
    found = []
    for _ in range(2):
        found.append(_ready_after(broker, jars, classes, state))
        measured.forget_group(broker)  # Kafka Streams leaves without a word
    first, again = found
    say(f"Kafka Streams: {first[1]:.1f} s from the changelog alone ({first[0]:,} records), {again[1]:.1f} s with state")
    figures = [
        Figure.of("state_kafka_streams_ready_local_s", "Kafka Streams, with local state", again[1], "s"),
        Figure.of("state_kafka_streams_ready_changelog_s", "Kafka Streams, from the changelog alone", first[1], "s"),
    ]
    return figures, (
        f"Kafka Streams restored the very same topic ({first[0]:,} records) into its RocksDB store as it comes, one "
        "thread, exactly once, state as bytes."
    )


def _ready_after(broker: Broker, jars: Path, classes: Path, state: Path) -> tuple[int, float]:
    """Records restored and seconds until ready."""
    done = subprocess.run(
        ["java", "-cp", f"{classes}:{jars}/*", "Restore", WORKER_APP_ID, "members", topics.EVENTS, str(state)],
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers},
        capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    found = re.search(r"restored (\d+) records, ready after ([\d.]+) s", done.stdout)
    if found is None:
        raise RuntimeError(f"Kafka Streams did not get ready: {done.stderr[-500:]}")
    return int(found[1]), float(found[2])
