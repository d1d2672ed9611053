"""The same fold job in other systems: runs the script that PEERS_RUN names, and reads what it prints.

The script gets KAFKA_BOOTSTRAP_SERVERS and EVENTS, fills the topic peer.events where it is not there yet, and prints a
line for each system: `NAME : N events, RATE/s`.
"""

import os
import re
import subprocess
from pathlib import Path

from bench.harness import ROOT, folder_of, say
from conftest import Broker

LINE = re.compile(r"^(?P<name>.+?)\s*:\s*\d+ events, (?P<rate>[\d.]+)/s")
# What a line's name must hold, and must not.
NAMES = {
    "kafka_streams": (("kafka streams", "cache", "30 s"), ("no cache", "exactly once")),
    "kafka_streams_no_cache": (("kafka streams", "no cache"), ("exactly once",)),
    "kafka_streams_exactly_once": (("kafka streams", "exactly once", "commit 1 s"), ()),
    "kafka_streams_exactly_once_100ms": (("kafka streams", "exactly once", "100 ms"), ()),
    "quix": (("quix",), ()),
    "bytewax": (("bytewax",), ()),
    "stock_faust": (("faust", "stock"), ()),
}


def script() -> Path | None:
    """The script, None where there is none."""
    path = Path(os.environ.get("PEERS_RUN") or "../shared/peers/run.sh")
    path = path if path.is_absolute() else ROOT / path
    return path.resolve() if path.is_file() else None


def run(path: Path, broker: Broker, events: int) -> dict[str, float]:
    """Events a second by system; a system whose line has no figure is left out."""
    scratch = folder_of(broker, "peers")  # the systems' state, which none of them removes
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "EVENTS": str(events),
        "TMPDIR": str(scratch),
        "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={scratch}",
    }
    rates: dict[str, float] = {}
    with subprocess.Popen(["bash", str(path)], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                say(f"peers: {line.strip()}")
                if found := LINE.match(line):
                    rates |= {name: float(found["rate"]) for name in NAMES if _is(name, found["name"].lower())}
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        say(f"the peers' script ended with exit code {process.returncode}: what it did not print is left out")
    return rates


def _is(name: str, text: str) -> bool:
    held, not_held = NAMES[name]
    return all(part in text for part in held) and not any(part in text for part in not_held)
