"""The simulated population on a real broker: history, live members, and a stop in time."""

import json
import signal
import subprocess
import sys
import time
from typing import Any

from streams import events, reading, topics


def read(broker: Any, topic: str) -> list[Any]:
    return list(reading.records(broker.bootstrap_servers, topic))


def test_history_titles_and_profiles_arrive_where_kafkas_default_hash_puts_them(own_broker) -> None:
    own_broker.start()
    said = own_broker.cw("simulate", "--members", "20", "--days", "5", "--seed", "4", "--produce")
    records = read(own_broker, topics.EVENTS)
    assert f"history: {len(records):,} events" in said
    newest: dict[str, int] = {}
    for record in records:
        event = events.decode(record.value, record.key)
        assert record.partition == topics.partition_of(record.key, 4)
        newest[event["member_id"]] = max(event["ts"], newest.get(event["member_id"], 0))
    assert len(newest) > 15
    titles = [json.loads(record.value) for record in read(own_broker, topics.CATALOG)]
    assert {title["kind"] for title in titles} == {"series", "film"}
    played = {json.loads(record.value).get("title_id") for record in records} - {None}
    assert played <= {title["title_id"] for title in titles}
    profiles = {record.key.decode(): json.loads(record.value) for record in read(own_broker, topics.PROFILES)}
    assert newest.keys() <= profiles.keys()
    assert all(profile["member_id"] == key for key, profile in profiles.items())


def test_live_members_go_on_after_the_history_until_sigterm(own_broker) -> None:
    """Live events follow the history, many a second at speed 2000; everything announced was acknowledged."""
    own_broker.start()
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "simulate", "--members", "60", "--days", "1", "--seed", "4", "--produce",
         "--speed", "2000"],
        env=own_broker.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = process.stdout.readline()
    time.sleep(6)
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert said.startswith("history: ")
    history = int(said.split()[1].replace(",", ""))
    records = read(own_broker, topics.EVENTS)
    assert f"with the live part: {len(records):,} events" in rest
    assert "sessions that continue a show" in rest
    assert len(records) - history > 50
    ahead = [record for record in records if json.loads(record.value)["ts"] > record.timestamp]
    assert len(ahead) < 0.05 * len(records)  # clocks that are hours off; time itself never passes the present


def test_without_a_broker_it_says_so_in_one_line(own_broker) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "simulate", "--produce"],
        env=own_broker.env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("cw: no Kafka answers at ")
    assert done.stderr.count("\n") == 1
