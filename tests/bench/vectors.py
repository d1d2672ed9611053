"""What a million titles' vectors cost a worker: time to load, memory of its own, looking rows up."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from bench.figures import Figure, Section
from bench.harness import folder_of, say
from conftest import Broker

from streams import vectors
from streams.vectors import Vectors

TITLES = 1_000_000
DIMS = 64
IN_USE = 5_000  # shows that members have on their rows
COLD = 100_000


def measure(broker: Broker) -> Section:
    """Writes vectors, and reads them in a process of its own. The broker is not used."""
    path = folder_of(broker, "vectors") / "titles.npz"
    say(f"making {TITLES:,} vectors ...")
    table = np.random.default_rng(0).normal(size=(TITLES, DIMS)).astype(np.float16)
    vectors.save(path, Vectors.of([_id(number) for number in range(TITLES)], table))
    say("reading them ...")
    read = subprocess.run(
        [sys.executable, "-m", "bench.vectors", str(path)], check=True, capture_output=True, text=True
    )
    found = json.loads(read.stdout)
    return Section(
        f"Title vectors: {TITLES:,} titles of {DIMS} numbers",
        [
            Figure.of("file_mb", "titles.npz", path.stat().st_size / 1e6, "MB", digits=0),
            Figure.of("load_ms", "loading it", found["load_ms"], "ms"),
            Figure.of("own_mb_loaded", "memory of the process itself, loaded", found["own_mb_loaded"], "MB"),
            Figure.of("own_mb_used", f"the same after {IN_USE:,} shows were looked at", found["own_mb_used"], "MB"),
            Figure.of("mapped_mb_used", "pages of the file mapped by then", found["mapped_mb_used"], "MB", digits=0),
            Figure.rate("first_lookups", "rows of ids not looked up before", found["first_per_s"], "ids"),
            Figure.rate("lookups", "rows of ids of shows in use", found["again_per_s"], "ids"),
            Figure.rate("vectors", "vectors read, at length 1", found["vectors_per_s"], "vectors"),
        ],
        ["Mapped pages belong to the file: workers share them, and the system drops them when memory is short."],
    )


def _id(number: int) -> str:
    return f"show-{number:07d}"


def _memory() -> tuple[float, float]:
    """MB of this process alone, and MB of mapped files."""
    text = Path("/proc/self/status").read_text()
    kb = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines() if line.startswith("Rss")}
    return kb["RssAnon"] / 1000, kb["RssFile"] / 1000


def _read(path: Path) -> dict[str, float]:
    rng = np.random.default_rng(1)
    used = [_id(number) for number in rng.integers(0, TITLES, IN_USE)]
    cold = [_id(number) for number in rng.integers(0, TITLES, COLD)]
    own, mapped = _memory()
    began = time.perf_counter()
    loaded = vectors.load(path)
    load_s = time.perf_counter() - began
    own_loaded = _memory()[0]
    rows = loaded.rows(used)
    for first in range(0, IN_USE, 500):
        loaded.unit(rows[first : first + 500])
    own_used, mapped_used = _memory()
    began = time.perf_counter()
    for _ in range(100):
        loaded.rows(used)
    again_s = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(20):
        loaded.unit(rows)
    unit_s = time.perf_counter() - began
    began = time.perf_counter()
    loaded.rows(cold)
    return {
        "first_per_s": COLD / (time.perf_counter() - began),
        "load_ms": 1000 * load_s,
        "own_mb_loaded": own_loaded - own,
        "own_mb_used": own_used - own,
        "mapped_mb_used": mapped_used - mapped,
        "again_per_s": 100 * IN_USE / again_s,
        "vectors_per_s": 20 * IN_USE / unit_s,
    }


if __name__ == "__main__":
    print(json.dumps(_read(Path(sys.argv[1]))))
