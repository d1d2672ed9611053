"""`cw publish` on a real broker: the announcement is one that a worker takes."""

import subprocess
import sys
from pathlib import Path

from kafka import KafkaConsumer

from streams import topics
from streams.scoring.announcements import LIVE
from streams.scoring.swap import ModelSlot


def publish(folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streams.cli", "publish", str(folder)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def announced(bootstrap_servers: str) -> list[tuple[bytes, bytes]]:
    """(key, value) of every record of cw.models."""
    consumer = KafkaConsumer(
        topics.MODELS, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest", consumer_timeout_ms=5_000
    )
    try:
        return [(record.key, record.value) for record in consumer]
    finally:
        consumer.close()


def test_what_publish_announces_a_worker_takes_over(broker, trained, tmp_path):
    done = publish(trained, broker.env)
    assert done.returncode == 0, done.stderr
    key, value = announced(broker.bootstrap_servers)[-1]
    assert key == LIVE.encode()
    slot = ModelSlot(tmp_path)
    assert slot.apply("ranking", value)
    assert slot.current.version in done.stdout


def test_a_bundle_that_no_worker_would_take_is_not_announced(broker, trained, tmp_path):
    before = len(announced(broker.bootstrap_servers))
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in trained.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "continuation.onnx").write_bytes(b"")
    done = publish(broken, broker.env)
    assert done.returncode == 1
    assert done.stderr.startswith("cw: ")
    assert done.stderr.count("\n") == 1
    assert len(announced(broker.bootstrap_servers)) == before
