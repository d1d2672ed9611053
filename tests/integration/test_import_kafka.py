"""An export sent to a real broker, and replayed from there."""

from pathlib import Path

import numpy as np
import pytest
from kafka import KafkaProducer

from models.log import read_catalog
from models.replay import replay
from streams import reading, topics

EXPORT = "Profile Name,Start Time,Duration,Attributes,Title,Device Type,Bookmark,Country\n" + "\n".join(
    f"{profile},2021-03-{day:02} 19:00:00,00:30:00,,{'ABC'[day % 3]}: Season 1: x (Episode {day}),Smart TV,00:30:00,BR"
    for day in range(1, 29)
    for profile in ("Ana", "Bo")
)


def test_an_export_in_kafka_replays_to_what_its_file_replays_to(
    broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, events = tmp_path / "home.csv", tmp_path / "home.jsonl"
    export.write_text(EXPORT)
    prefix = tmp_path.name  # the broker is shared; other tests' members are left out below
    broker.cw("import", "netflix", str(export), "--member-prefix", prefix, "-o", str(events))
    before = reading.length(broker.bootstrap_servers, topics.EVENTS)
    said = broker.cw("import", "netflix", str(export), "--member-prefix", prefix, "--produce")
    assert "224 events" in said
    assert reading.length(broker.bootstrap_servers, topics.EVENTS) == before + 224

    # Garbage between the events is reported, and costs nothing else.
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    producer.send(topics.EVENTS, key=f"{prefix}/Ana".encode(), value=b"{nothing").get(20)
    producer.close()

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    source = f"kafka:{topics.EVENTS}"
    catalog = read_catalog([source])
    assert {catalog.titles[t].name for t in catalog.titles} >= {"A", "B", "C"}
    from_topic, from_file = replay([source], catalog), replay([str(events)], read_catalog([str(events)]))
    assert from_topic.invalid >= 1
    mine = np.char.startswith(from_topic.examples.households(), prefix)
    a, b = from_topic.examples.select(mine), from_file.examples
    assert len(a) == len(b) == 54
    assert sorted(zip(a.ts.tolist(), a.members[a.member].tolist(), strict=True)) == sorted(
        zip(b.ts.tolist(), b.members[b.member].tolist(), strict=True)
    )
    assert a.sizes.sum() == b.sizes.sum()
