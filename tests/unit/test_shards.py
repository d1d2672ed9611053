"""Examples as Parquet files: what goes in comes out, and events may be Parquet, too."""

from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models import matrix, shards, splitting, training
from models import replay as replaying
from models.examples import Examples, Plays
from models.log import read_catalog, read_profiles
from models.matrix import OnDisk
from models.replay import Replayed, replay
from streams.cli import main
from streams.errors import UsageError


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shards") / "log.jsonl"
    assert main(["simulate", "--members", "20", "--days", "20", "--seed", "4", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def replayed(log: Path) -> Replayed:
    return replay([str(log)], read_catalog([str(log)]), processes=1, profiles=read_profiles([str(log)]))


def by_member(table: Examples | Plays) -> dict[str, dict[str, list]]:
    """Every value of every row, by member, in order; texts in place of numbers into vocabularies."""
    if isinstance(table, Examples):
        rows, columns = shards.decisions_table(table), shards.DECISIONS.names
    else:
        rows, columns = shards.plays_table(table), shards.PLAYS.names
    found: dict[str, dict[str, list]] = {}
    for row in rows.to_pylist():
        of = found.setdefault(row["member_id"], {name: [] for name in columns})
        for name in columns:
            of[name].append(None if row[name] != row[name] else row[name])
    return found


def test_what_is_written_is_read(log: Path, replayed: Replayed, tmp_path: Path, monkeypatch) -> None:
    """In several parts, and of a size that leaves the wide columns on disk."""
    monkeypatch.setattr(replaying, "PART_BYTES", 300_000)
    monkeypatch.setattr(shards, "DECISIONS_AT_ONCE", 50)
    assert main(["examples", "--events", str(log), "-o", str(tmp_path / "examples")]) == 0
    assert len(list((tmp_path / "examples/examples").iterdir())) > 3
    monkeypatch.setattr(matrix, "IN_MEMORY_BYTES", 1000)
    examples, plays = shards.read(tmp_path / "examples")
    assert isinstance(examples.stats, OnDisk)
    assert by_member(examples) == by_member(replayed.examples)
    assert by_member(plays) == by_member(replayed.plays)
    held = shards.about(tmp_path / "examples")["log"]
    assert {name: getattr(replayed, name) for name in held} == held


def test_features_are_the_same_whether_examples_are_in_memory_or_on_disk(replayed: Replayed, monkeypatch) -> None:
    from models.population import of_plays

    population = of_plays(replayed.plays)
    X, C = replayed.examples.matrices(population)
    some = np.arange(len(C)) % 3 > 0
    monkeypatch.setattr(matrix, "IN_MEMORY_BYTES", 1000)
    on_disk = Examples.concat([replayed.examples.select(some), replayed.examples.select(~some)])
    first = np.arange(len(C)) < some.sum()
    X2, C2 = on_disk.select(first).matrices(population)
    assert isinstance(X2, OnDisk)
    assert np.array_equal(np.asarray(X2), X[np.repeat(some, replayed.examples.sizes)])
    assert np.array_equal(C2, C[some])


def test_training_from_files_makes_the_bundle_that_training_in_memory_makes(log: Path, tmp_path: Path) -> None:
    """Examples read from their folder, matrices on disk and decisions scored a few at a time, to the same bytes."""
    assert main(["examples", "--events", str(log), "--candidate-days", "30", "-o", str(tmp_path / "examples")]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix, "IN_MEMORY_BYTES", 10_000)
        patch.setattr(matrix, "CHUNK_BYTES", 50_000)
        patch.setattr(training, "SCORED_AT_ONCE", 40)
        assert main(["train", "--examples", str(tmp_path / "examples"), "-o", str(tmp_path / "one")]) == 0
    assert main(["train", "--events", str(log), "--candidate-days", "30", "-o", str(tmp_path / "other")]) == 0
    one, other = (orjson.loads((tmp_path / name / "manifest.json").read_bytes()) for name in ("one", "other"))
    assert one["files"] == other["files"]
    assert one["candidate_days"] == 30


@pytest.mark.parametrize("rows", [7, 1000, 10**6])
def test_events_from_parquet_are_those_from_json(
    log: Path, replayed: Replayed, tmp_path: Path, rows: int, monkeypatch
) -> None:
    """Whatever the size of the row groups; what is no event is told by its row."""
    lines = log.read_bytes().splitlines()
    if rows == 7:
        lines = lines[:2000]
        (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines))
        replayed = replay([str(tmp_path / "log.jsonl")], processes=1)
    events = [orjson.loads(line) for line in lines]
    events.insert(5, {**events[5], "event_id": "broken", "ts": -1})
    table = pa.Table.from_pylist(events, pa.schema(sorted(columns_of(events).items())))
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=rows)
    monkeypatch.setattr(splitting, "PARQUET_ROWS", 11)
    for kind in ("titles", "profiles"):
        if rows != 7:
            beside = log.with_name(f"log.{kind}.jsonl")
            (tmp_path / beside.name).write_bytes(beside.read_bytes())
    source = str(tmp_path / "log.parquet")
    read = replay([source], read_catalog([source]), processes=1, profiles=read_profiles([source]))
    assert (read.events, read.invalid) == (replayed.events, 1)
    assert read.reasons[0].startswith(f"{source}:6: ts is -1")
    assert by_member(read.examples) == by_member(replayed.examples)
    assert by_member(read.plays) == by_member(replayed.plays)


def columns_of(events: list[dict]) -> dict[str, pa.DataType]:
    types = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    columns: dict[str, pa.DataType] = {}
    for event in events:
        for name, value in event.items():
            if value is not None and columns.get(name) != pa.float64():
                columns[name] = types[type(value)]
    return columns


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, log: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty, and no folder of examples"):
        shards.begin(tmp_path)
    with pytest.raises(UsageError, match="holds no examples"):
        shards.about(tmp_path)
    assert main(["examples", "--events", str(log), "-o", str(tmp_path)]) == 2
    assert (tmp_path / "mine.txt").read_text() == "mine"
