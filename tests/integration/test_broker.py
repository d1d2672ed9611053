"""The embedded Kafka, by its commands: found, stopped, and every refusal one clear line."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from streams import config, topics
from streams.broker import embedded
from streams.errors import CommandError

NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


def cw(env: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "streams.cli", "broker", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.splitlines()[-1] if done.stderr else ""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_second_start_finds_the_first_and_the_topics_have_their_settings(broker) -> None:
    code, out, _ = cw(broker.env, "start")
    assert code == 0
    assert "already running" in out
    assert "its topics are there" in out
    code, out, _ = cw(broker.env, "status")
    assert code == 0
    assert f"{len(topics.SETTINGS)} of our {len(topics.SETTINGS)} topics" in out
    with topics.admin(broker.bootstrap_servers) as client:
        there = {t["name"]: len(t["partitions"]) for t in client.describe_topics(list(topics.SETTINGS))}
        resource = ConfigResource(ConfigResourceType.TOPIC, topics.EVENTS)
        events = client.describe_configs([resource], config_filter="all")["topic"][topics.EVENTS]
    assert there == dict.fromkeys(topics.SETTINGS, 4)
    assert events["message.timestamp.type"]["value"] == "LogAppendTime"
    assert events["retention.ms"]["value"] == "-1"


def test_an_event_of_ten_years_ago_arrives_now(broker, topics) -> None:
    name = topics(1, **{"message_timestamp_type": "LogAppendTime"})
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    before = time.time() * 1000
    sent = producer.send(name, b"x", timestamp_ms=1_450_000_000_000).get(20)
    producer.close()
    assert before - 1000 <= sent.timestamp <= time.time() * 1000 + 1000


def test_another_number_of_partitions_is_refused_with_what_to_do(broker) -> None:
    with pytest.raises(CommandError, match=r"has 4 partitions, CW_PARTITIONS says 5: set CW_PARTITIONS=4"):
        topics.ensure(broker.bootstrap_servers, 5)


def test_the_same_commands_look_at_the_cluster_that_the_environment_names_and_leave_it_alone(broker, tmp_path) -> None:
    env = {**broker.env, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "CW_HOME": str(tmp_path / "no")}
    assert cw(env, "start")[:1] == (0,)
    assert cw(env, "stop")[:1] == (0,)
    code, out, _ = cw(env, "status")
    assert code == 0
    assert "running, 1 broker" in out
    assert not (tmp_path / "no").exists()
    code, _, error = cw({**env, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "status")
    assert code == 1
    assert error.startswith("cw: no Kafka answers at 127.0.0.1:1 ")


def test_a_broker_keeps_its_records_over_a_stop_and_a_crash_and_leaves_no_process(own_broker) -> None:
    own_broker.start()
    producer = KafkaProducer(bootstrap_servers=own_broker.bootstrap_servers, acks="all")
    producer.send(topics.EVENTS, b"one", partition=0).get(20)
    producer.close()
    first = embedded.find(own_broker.settings)
    own_broker.stop()
    assert not is_running(first.pid)
    assert cw(own_broker.env, "status")[0] == 1
    own_broker.start()
    producer = KafkaProducer(bootstrap_servers=own_broker.bootstrap_servers, acks="all")
    producer.send(topics.EVENTS, b"two", partition=0).get(20)
    producer.close()
    own_broker.kill()
    assert cw(own_broker.env, "status")[0] == 1, "what a crash left is not taken for a running broker"
    own_broker.start()
    consumer = KafkaConsumer(
        bootstrap_servers=own_broker.bootstrap_servers, auto_offset_reset="earliest", consumer_timeout_ms=10_000
    )
    consumer.assign([TopicPartition(topics.EVENTS, 0)])
    assert [next(consumer).value, next(consumer).value] == [b"one", b"two"]
    consumer.close()


def test_a_port_in_use_by_something_else_is_one_line(tmp_path, own_broker) -> None:
    with socket.create_server(("127.0.0.1", own_broker.port)):
        code, _, error = cw(own_broker.env, "start")
    assert code == 1
    assert error.startswith(f"cw: port {own_broker.port} is in use by another program: stop that one, set CW_BROKER")


def test_a_running_broker_on_another_port_than_asked_for_is_named(broker) -> None:
    code, _, error = cw({**broker.env, "CW_BROKER_PORT": "1"}, "start")
    assert code == 1
    assert f"runs on port {broker.port}, not 1" in error


@pytest.mark.parametrize("damage", ["foreign file", "empty meta.properties"])
def test_a_folder_that_is_not_a_brokers_is_refused_and_left_as_it_is(own_broker, damage) -> None:
    data = own_broker.home / "broker" / "data"
    data.mkdir(parents=True)
    name = "holiday.jpg" if damage == "foreign file" else "meta.properties"
    (data / name).write_text("")
    code, _, error = cw(own_broker.env, "start")
    assert code == 1
    assert "is not a broker's data folder" in error
    assert [path.name for path in data.iterdir()] == [name]


def test_what_kafka_itself_refuses_is_told_in_one_line(own_broker) -> None:
    """A data folder of a later Kafka, for one: only Kafka knows."""
    own_broker.start()
    own_broker.stop()
    meta = own_broker.home / "broker" / "data" / "meta.properties"
    meta.write_text(meta.read_text().replace("version=1", "version=99"))
    code, _, error = cw(own_broker.env, "start")
    assert code == 1
    assert error.startswith("cw: Kafka ended while starting: ")
    assert cw(own_broker.env, "status")[0] == 1


def test_a_jar_that_cannot_be_fetched_is_named_and_leaves_no_half_one(own_broker, tmp_path) -> None:
    cache = tmp_path / "m2"
    code, _, error = cw({**own_broker.env, **NO_NETWORK, "M2_REPO": str(cache)}, "start")
    assert code == 1
    assert error.startswith("cw: can't fetch ")
    assert "check the network or proxy" in error
    assert not list(cache.rglob("*.jar"))


def test_with_the_jars_in_the_cache_no_network_is_needed(own_broker) -> None:
    assert cw({**own_broker.env, **NO_NETWORK}, "start")[0] == 0
    assert embedded.find(config.load(own_broker.env)) is not None


def test_in_the_foreground_it_stays_until_sigterm_and_stops_gracefully(own_broker) -> None:
    command = [sys.executable, "-m", "streams.cli", "broker", "start", "--foreground"]
    env = {**own_broker.env, "CW_BROKER_HOST": "localhost"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "runs at localhost:" in process.stdout.readline()
    running = embedded.find(own_broker.settings)
    assert running is not None
    process.terminate()
    assert process.wait(60) == 0
    assert "Stopped" in process.stdout.read()
    process.stdout.close()
    assert not is_running(running.pid)
