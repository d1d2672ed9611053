"""How long from an event to its row at 500 events/s: in cw.rows, and on a client by SSE; next to a bare echo.

The echo is one producer and one consumer on a topic of the same broker, at the same rate with values of the same size,
in the same run, before and after. `make bench` runs this; LATENCY_SECONDS, LATENCY_RATE and LATENCY_MEMBERS change it.
"""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections import deque
from contextlib import contextmanager
from urllib.parse import quote

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from worker_process import WorkerProcess, wait_caught_up, wait_until

from streams import topics
from streams.row import parse_version

SECONDS = float(os.environ.get("LATENCY_SECONDS", "20"))
RATE = float(os.environ.get("LATENCY_RATE", "500"))
MEMBERS = int(os.environ.get("LATENCY_MEMBERS", "300"))
DAYS = 30
LISTENERS = 100  # members with an open stream
WARM_UP_S = 3.0
PATIENCE_S = 20.0  # after the last event: what has not come by then is counted as missing


def summary(seconds, missing=0):
    """Median, p99 and worst in milliseconds."""
    ordered = sorted(seconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.99, 1.0)]
    return {"events": len(ordered), "missing": missing, "median_ms": at[0], "p99_ms": at[1], "worst_ms": at[2]}


async def paced(count, rate):
    """Yields `count` times, `rate` a second, catching up where it was held up."""
    began = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        yield number


class Waiting:
    """Events on their way, by member: answered by the first row that covers their offset."""

    def __init__(self):
        self._by_member = {}
        self._none_missing = asyncio.Event()
        self.seconds = []
        self.sent = 0

    def add(self, member_id, offset, sent_at):
        self._by_member.setdefault(member_id, deque()).append((offset, sent_at))
        self.sent += 1

    def covered(self, member_id, offset, at):
        waiting = self._by_member.get(member_id)
        while waiting and waiting[0][0] <= offset:
            _, sent_at = waiting.popleft()
            self.seconds.append(at - sent_at)

            if not self.missing:
                self._none_missing.set()

    @property
    def missing(self):
        return self.sent - len(self.seconds)

    async def all_came(self):
        self._none_missing.clear()
        if self.missing:
            await self._none_missing.wait()


class Traffic:
    """What members do next: they play on, pause, or stop the shows that they know."""

    def __init__(self, history):
        self._random = random.Random(3)
        plays = {}
        for line in history:
            event = orjson.loads(line)
            if event["type"] == "progress":
                plays[event["member_id"], event["show_id"]] = event
        self._plays = list(plays.values())
        self.members = sorted({event["member_id"] for event in self._plays})
        self._number = 0

    def event(self, members=None):
        while True:
            play = self._random.choice(self._plays)
            if members is None or play["member_id"] in members:
                break
        self._number += 1
        return {
            **play,
            "event_id": f"bench-{os.getpid()}-{self._number}",
            "type": self._random.choice(["play", "progress", "progress", "progress", "pause"]),
            "session_id": f"bench-{play['member_id']}",
            "ts": time.time_ns() // 1_000_000,
        }


async def echo(servers, topic, size):
    """A bare produce and consume: seconds from send to receipt of each record."""
    seconds = []
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="latest", group_id=None)
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()

    async def receive():
        async for record in consumer:
            seconds.append(time.monotonic() - float(record.value[:20]))

    receiving = asyncio.create_task(receive())
    count = int(RATE * (SECONDS / 2 + WARM_UP_S))
    async for number in paced(count, RATE):
        await producer.send(topic, b"%-20.9f" % time.monotonic() + b"x" * (size - 20), partition=number % 4)
    await producer.flush()
    await asyncio.sleep(1)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    await consumer.stop()
    await producer.stop()
    return seconds[int(RATE * WARM_UP_S) :]


async def to_rows(servers, traffic):
    """Seconds from the send of an event to Kafka until a row in cw.rows covers it."""
    waiting = Waiting()
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    consumer = AIOKafkaConsumer(topics.ROWS, bootstrap_servers=servers, group_id=None)
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()
    early = {}

    async def receive():
        async for record in consumer:
            at = time.monotonic()
            row = orjson.loads(record.value)
            offset = parse_version(row["version"]).offset
            waiting.covered(row["member_id"], offset, at)
            early[row["member_id"]] = (offset, at)

    async def send(event, counts):
        sent_at = time.monotonic()
        metadata = await (await producer.send(topics.EVENTS, orjson.dumps(event), key=event["member_id"].encode()))
        if counts:
            waiting.add(event["member_id"], metadata.offset, sent_at)
            if event["member_id"] in early:  # the row may have come before the broker's answer to us
                waiting.covered(event["member_id"], *early[event["member_id"]])

    await run_load(traffic, receive, send, waiting)
    await consumer.stop()
    await producer.stop()
    return summary(waiting.seconds, waiting.missing)


async def to_clients(address, traffic):
    """Seconds from the POST of an event until its member's open stream has a row that covers it."""
    waiting = Waiting()
    listened = set(random.Random(5).sample(traffic.members, min(LISTENERS, len(traffic.members))))
    early = {}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(address, connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as client:

        async def follow(member_id):
            async with client.get(f"/v1/members/{quote(member_id, safe='')}/row/stream") as stream:
                assert stream.status == 200
                async for line in stream.content:
                    if line.startswith(b"id: "):
                        at = time.monotonic()
                        offset = parse_version(line[4:].strip().decode()).offset
                        waiting.covered(member_id, offset, at)
                        early[member_id] = (offset, at)

        async def receive():
            await asyncio.gather(*(follow(member_id) for member_id in listened))

        async def send(event, counts):
            sent_at = time.monotonic()
            async with client.post("/v1/events", data=orjson.dumps(event)) as answer:
                assert answer.status == 202, await answer.text()
                after = (await answer.json())["after"][event["member_id"]]
            if counts and event["member_id"] in listened:
                waiting.add(event["member_id"], int(after.split("-")[1]), sent_at)
                if event["member_id"] in early:
                    waiting.covered(event["member_id"], *early[event["member_id"]])

        await run_load(traffic, receive, send, waiting)
    return summary(waiting.seconds, waiting.missing)


async def run_load(traffic, receive, send, waiting):
    """Sends at the rate, with the first seconds not counted, then waits for what is still on its way."""
    receiving = asyncio.create_task(receive())
    await asyncio.sleep(2)
    sending = set()
    async for number in paced(int(RATE * (SECONDS + WARM_UP_S)), RATE):
        task = asyncio.create_task(send(traffic.event(), number >= RATE * WARM_UP_S))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)
    came = asyncio.create_task(waiting.all_came())
    await asyncio.wait([receiving, came], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    for task in (receiving, came):
        task.cancel()
    await asyncio.gather(receiving, came, return_exceptions=True)


def ready(address):
    """Whether the gateway answers that it is ready."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def gateway(broker):
    """`cw gateway` as a process; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streams.cli", "gateway"]
    process = subprocess.Popen(command, env={**broker.env, "CW_GATEWAY_PORT": str(port)}, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: ready(address), 60)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.bench
@pytest.mark.timeout(1200)
def test_event_to_row_at_a_steady_rate(own_broker, tmp_path):
    """A trained bundle serves; members have a history of 30 days; every event is followed to its row."""
    own_broker.start()
    servers = own_broker.bootstrap_servers
    events = tmp_path / "history.jsonl"
    own_broker.cw("simulate", "--members", str(MEMBERS), "--days", str(DAYS), "-o", str(events))
    own_broker.cw("train", "--events", str(events), "-o", str(tmp_path / "bundle"))
    own_broker.cw("publish", str(tmp_path / "bundle"))
    own_broker.cw("simulate", "--members", str(MEMBERS), "--days", str(DAYS), "--produce")
    traffic = Traffic(events.read_bytes().splitlines())
    size = len(orjson.dumps(traffic.event()))
    echo_topic = "bench.echo"
    with topics.admin(servers) as admin:
        admin.create_topics({echo_topic: {"num_partitions": 4, "replication_factor": 1}}, wait_for_metadata=True)
    with WorkerProcess(own_broker, tmp_path / "worker") as worker, gateway(own_broker) as address:
        worker.wait_ready()
        wait_caught_up(servers)
        wait_until(lambda: 'cw_model_info{version="recency"}' not in worker.get("/metrics")[1], 60)
        before = asyncio.run(echo(servers, echo_topic, size))
        rows = asyncio.run(to_rows(servers, traffic))
        clients = asyncio.run(to_clients(address, traffic))
        after = asyncio.run(echo(servers, echo_topic, size))
        worker.stop()
    found = {"rate": RATE, "echo": summary(before + after), "to_rows": rows, "to_clients": clients}
    print(f"\n{RATE:.0f} events/s, {MEMBERS} members, {size} bytes an event, model served")
    for name, label in (("echo", "bare echo"), ("to_rows", "event to cw.rows"), ("to_clients", "POST to SSE client")):
        part = found[name]
        times = part["p99_ms"] / found["echo"]["p99_ms"]
        print(
            f"{label:20} {part['events']:6} events  median {part['median_ms']:7.1f} ms  p99 {part['p99_ms']:7.1f} ms  "
            f"worst {part['worst_ms']:7.1f} ms  p99 {times:.1f} x echo"
        )
    if path := os.environ.get("LATENCY_JSON"):
        with open(path, "w") as file:
            json.dump(found, file, indent=1)
    assert rows["missing"] == clients["missing"] == 0
    assert rows["events"] >= RATE * SECONDS * 0.99
