"""Examples made on a real (local) Spark: those of the local replay, value by value."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models import shards
from streams.cli import main

BAD = [b"{", b'{"member_id": 5}', b'{"member_id": "h0000/nobody", "type": "nonsense"}']


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated log with lines in it that are no events, and a second one beside it as Parquet."""
    path = tmp_path_factory.mktemp("spark") / "log.jsonl"
    assert main(["simulate", "--members", "16", "--days", "16", "--seed", "6", "-o", str(path)]) == 0
    with path.with_name("log.profiles.jsonl").open("ab") as profiles:
        profiles.write(b'{"member_id": "h9999/silent", "kids": true}\n')  # of whom there is no event
    lines = path.read_bytes().splitlines()
    half = len(lines) // 2
    path.write_bytes(b"\n".join([*lines[:7], b"", *BAD, *lines[7:half]]) + b"\n")
    events = [orjson.loads(line) for line in lines[half:]]
    pq.write_table(pa.Table.from_pylist(events), path.with_name("later.parquet"), row_group_size=500)
    return path


def test_spark_makes_the_examples_that_the_local_replay_makes(log: Path, tmp_path: Path) -> None:
    """Two logs, of both kinds, with titles, profiles and invalid lines; the same rows for every member, in order."""
    sources = [str(log), str(log.with_name("later.parquet"))]
    local, spark = tmp_path / "local", tmp_path / "spark"
    assert main(["examples", "--events", *sources, "-o", str(local)]) == 0
    command = [sys.executable, "-m", "streams.cli", "examples", "--events", *sources, "-o", str(spark)]
    quiet = {name: value for name, value in os.environ.items() if name != "JAVA_TOOL_OPTIONS"}  # Java tells of them
    done = subprocess.run([*command, "--spark", "local[2]"], env=quiet, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["Reading the catalogue ...", "Starting Spark ...", "Folding on Spark ..."]
    compared = 0
    for part in ("examples", "plays"):
        one, other = rows(local / part), rows(spark / part)
        assert one.keys() == other.keys()
        for member in one:
            assert one[member] == other[member]
            compared += sum(values(row) for row in one[member])
    print(f"{compared} values of examples and viewings are the same")
    assert compared > 50_000
    held = [shards.about(folder)["log"] for folder in (local, spark)]
    assert held[1] | {"reasons": []} == held[0] | {"reasons": []}
    assert held[0]["invalid"] == len(BAD)
    assert sorted(reason.partition(": ")[2] for reason in held[0]["reasons"]) == sorted(
        reason.partition(": ")[2] for reason in held[1]["reasons"]
    )


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            row = {name: None if value != value else value for name, value in row.items()}
            found.setdefault(row["member_id"], []).append(row)
    return found


def values(row: dict[str, Any]) -> int:
    return sum(len(value) if isinstance(value, list) else 1 for value in row.values())


def test_spark_says_in_one_line_what_it_can_not_do(log: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streams.cli", "examples", "-o", str(tmp_path / "examples")]
    for arguments, said in (
        (["--events", "kafka:playback.events", "--spark", "local[1]"], "Spark reads event files, not kafka"),
        (["--events", str(log), "--spark", "nonsense"], "Spark does not start with --spark nonsense"),
    ):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120)
        assert done.returncode in (1, 2)
        assert done.stderr.splitlines()[-1].startswith("cw: "), done.stderr
        assert said in done.stderr.splitlines()[-1]
