"""What the worker ranked by, value by value against what training computes from the log: no value may differ.

A simulated population goes to a real broker, up to one session start of each member at a time, so that the worker
decides at that very event. Titles come to the catalogue when they come out, profiles before their members.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest
from kafka import KafkaProducer
from worker_process import WorkerProcess, records, wait_caught_up, wait_until

from models.log import read_catalog, read_profiles
from models.replay import replay
from streams import features, topics
from streams.cli import main
from streams.events import correct_clock, decode
from streams.facts import LAST_ACTIVITY
from streams.features import Gatherer
from streams.member import MemberState
from streams.profiles import NO_PROFILE
from streams.row import parse_version
from streams.scoring.scorer import Scorer
from streams.scoring.scorer import load as load_bundle

MEMBERS, DAYS, SEED = 14, 25, 8
ROUNDS = 12


class Compared(NamedTuple):
    """Values of impressions beside those of the log."""

    decisions: int
    devices: int
    values: int
    differ: int


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "log.jsonl"
    assert main(["simulate", "--members", str(MEMBERS), "--days", str(DAYS), "--seed", str(SEED), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def bundle(history: Path) -> Path:
    folder = history.with_name("bundle")
    assert main(["train", "--events", str(history), "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def served(broker, history: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every impression that a worker made of the history."""
    broker.cw("publish", str(bundle))
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")
    for profile in lines(history.with_name("log.profiles.jsonl")):
        producer.send(topics.PROFILES, orjson.dumps(profile), key=profile["member_id"].encode())
    titles = sorted(lines(history.with_name("log.titles.jsonl")), key=lambda title: title.get("added_at") or 0)
    with WorkerProcess(broker, tmp_path_factory.mktemp("worker") / "data") as worker:
        for events in rounds(history):
            until = max(event["ts"] for event in events)
            while titles and (titles[0].get("added_at") or 0) <= until:
                title = titles.pop(0)
                producer.send(topics.CATALOG, orjson.dumps(title), key=title["title_id"].encode())
            producer.flush()
            worker.wait_ready()
            known = sum(1 for _ in records(broker.bootstrap_servers, topics.CATALOG))
            wait_until(lambda known=known: f"cw_worker_catalog_titles {float(known)}" in worker.get("/metrics")[1], 30)
            for event in events:
                key = event["member_id"].encode()
                partition = topics.partition_of(key, broker.settings.partitions)
                producer.send(topics.EVENTS, orjson.dumps(event), key=key, partition=partition)
            producer.flush()
            wait_caught_up(broker.bootstrap_servers)
        worker.stop()
    producer.close()
    return [orjson.loads(record.value) for record in records(broker.bootstrap_servers, topics.IMPRESSIONS)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def rounds(history: Path) -> Iterator[list[dict[str, Any]]]:
    """The history in pieces: of each member the events up to and with the next session start. The last has the rest."""
    waiting: dict[str, list[dict[str, Any]]] = {}
    for event in lines(history):
        waiting.setdefault(event["member_id"], []).append(event)
    for number in range(ROUNDS):
        piece = []
        for events in waiting.values():
            starts = [at for at, event in enumerate(events) if event["type"] == "session_start"]
            # The first piece is long: a member without a past has nothing to compare.
            place = min(len(starts) - 1, len(starts) // 2) if number == 0 else 0
            end = starts[place] + 1 if starts and number < ROUNDS - 1 else len(events)
            piece += events[:end]
            del events[:end]
        if piece:
            yield piece


def test_impressions_have_what_the_log_says_up_to_their_event(broker, served, bundle: Path, monkeypatch) -> None:
    """Every impression, of a session that opened or a row that was seen: fold the log up to its event, and compare."""
    scorer = load_bundle(bundle)
    compared = against_the_fold(broker, served, scorer, monkeypatch)
    print(f"impressions against the fold: {compared}")
    assert compared.decisions == len(served) > 100
    assert compared.devices >= 10
    assert compared.values > 20_000
    assert compared.differ == 0


def against_the_fold(broker, served: list[dict[str, Any]], scorer: Scorer, monkeypatch) -> Compared:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    source = f"kafka:{topics.EVENTS}"
    gatherer = Gatherer(scorer.candidate_days, read_catalog([source]))
    profiles = read_profiles([source])
    wanted: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for impression in served:
        wanted.setdefault((impression["member_id"], parse_version(impression["version"]).offset), []).append(impression)
    states: dict[str, MemberState] = {}
    decisions = values = differ = 0
    devices = set()
    for record in records(broker.bootstrap_servers, topics.EVENTS):
        event = decode(record.value, record.key)
        correct_clock(event, record.timestamp)
        member = event["member_id"]
        state = states.setdefault(member, MemberState())
        state.apply(event, 0, record.offset)
        for impression in wanted.get((member, record.offset), ()):
            device = state.devices[impression["device_id"]]
            profile = profiles.get(member, NO_PROFILE)
            shows = [c.show.show_id for c in gatherer.add(state, device, int(state.facts[LAST_ACTIVITY]), profile)]
            batch = gatherer.batch(scorer.population)
            X, C = features.candidate_matrix(batch), features.context_matrix(batch)[0]
            found, wrong = difference(impression, shows, X, C)
            values, differ, decisions = values + found, differ + wrong, decisions + 1
            devices.add((member, impression["device_id"]))
    return Compared(decisions, len(devices), values, differ)


def test_impressions_at_a_session_start_have_what_training_learns_from(
    broker, served, bundle: Path, monkeypatch
) -> None:
    """The replay of the topic, as `cw train --events kafka:playback.events` runs it, has the same examples."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    scorer = load_bundle(bundle)
    source = [f"kafka:{topics.EVENTS}"]
    replayed = replay(source, read_catalog(source), scorer.candidate_days, profiles=read_profiles(source))
    examples = replayed.examples
    X, C = examples.matrices(scorer.population)
    offsets = examples.offsets
    at_start = {
        (impression["member_id"], impression["session_id"]): impression
        for impression in served
        if impression["trigger"] == "session_start"
        and int(impression["id"].rpartition("|")[2]) == parse_version(impression["version"]).offset
    }
    decisions = values = differ = 0
    for d in range(len(examples)):
        impression = at_start.get((str(examples.members[examples.member[d]]), str(examples.session_id[d])))
        if impression is None:
            continue  # its batch held more of the session: the worker's row is of a later moment
        rows = slice(offsets[d], offsets[d + 1])
        shows = examples.shows[examples.show[rows]].tolist()
        found, wrong = difference(impression, shows, X[rows], C[d])
        values, differ, decisions = values + found, differ + wrong, decisions + 1
    print(f"impressions against training's examples: {decisions} decisions, {values} values, {differ} differ")
    assert decisions > 50
    assert values > 10_000
    assert differ == 0


def difference(impression: dict[str, Any], shows: list[str], X: np.ndarray, C: np.ndarray) -> tuple[int, int]:
    """How many values an impression has, and how many of them are not those of its shows' lines in X and of C."""
    assert impression["schema_hash"] == features.SCHEMA_HASH
    used = [np.array(impression["context"], np.float32)]
    computed = [C]
    for item in impression["items"]:
        used.append(np.array(item["features"], np.float32))
        computed.append(X[shows.index(item["show_id"])])
    return sum(line.size for line in used), sum(
        int((line != other).sum()) for line, other in zip(used, computed, strict=True)
    )
