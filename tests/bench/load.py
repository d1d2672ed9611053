"""A load that keeps its schedule, and what comes of it: sender and receiver are processes of their own.

Every event has a moment at which it is due. Whatever holds its sending up is counted: times run from that moment to the
arrival of what answers it. Both processes read the same clock (CLOCK_MONOTONIC).
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams import topics
from streams.agents.fold import QUIET_TYPES
from streams.row import parse_version

READY_S = 120.0  # both sides must have connected by then
LEAD_S = 0.2  # from then until the first event is due
IDLE_S = 2.0  # after the last event was due: with nothing coming for so long, nothing is to come
PATIENCE_S = 30.0  # and at most so long
_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, in the order of its schedule: where each event stands in Kafka, and when it was due (seconds)."""

    members: list[str]
    urgent: list[bool]  # of a type that makes a row at once, whatever waits
    partitions: list[int]
    offsets: list[int]
    due: list[float]


@dataclass(frozen=True, slots=True)
class Received:
    """What came: the record of an echo by partition and offset, or a row by member and the offset that it covers."""

    names: list[Any]
    offsets: list[int]
    at: list[float]


def run(servers: str, source: str, answers: str, lines: Sequence[bytes], rate: float) -> tuple[Sent, Received]:
    """Sends events to the topic `source`, `rate` a second, and receives from the topic `answers` until all is quiet."""
    spawn = get_context("spawn")  # not forked: Kafka clients have threads
    with ProcessPoolExecutor(2, mp_context=spawn, initializer=_share, initargs=(spawn.Barrier(2),)) as pool:
        receiving = pool.submit(_receive, servers, answers, len(lines) / rate)
        sending = pool.submit(_send, servers, source, lines, rate)
        return sending.result(), receiving.result()


_both_ready: Any = None  # a barrier, of this process


def _share(barrier: Any) -> None:
    global _both_ready
    _both_ready = barrier


def _send(servers: str, topic: str, lines: Sequence[bytes], rate: float) -> Sent:
    return asyncio.run(_sending(servers, topic, lines, rate))


async def _sending(servers: str, topic: str, lines: Sequence[bytes], rate: float) -> Sent:
    events = [orjson.loads(line) for line in lines]
    members = [event["member_id"] for event in events]
    partitions = [topics.partition_of(member.encode(), _PARTITIONS) for member in members]
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_batch_size=1 << 20)
    await producer.start()
    _both_ready.wait(READY_S)
    start = time.monotonic() + LEAD_S
    offsets, due = [-1] * len(lines), [start + number / rate for number in range(len(lines))]

    async def partition(number: int) -> None:
        """Sends what is due, all of it at once; while that is on its way, what comes due waits."""
        mine = [i for i, p in enumerate(partitions) if p == number]
        at = 0
        while at < len(mine):
            await asyncio.sleep(max(0.0, due[mine[at]] - time.monotonic()))
            batch, now, first = producer.create_batch(), time.monotonic(), at
            while at < len(mine) and due[mine[at]] <= now:
                i = mine[at]
                if batch.append(key=members[i].encode(), value=lines[i], timestamp=None) is None:
                    break
                at += 1
            if at > first:
                batch.close()
                answer = await (await producer.send_batch(batch, topic, partition=number))
                for place, i in enumerate(mine[first:at]):
                    offsets[i] = answer.offset + place

    await asyncio.gather(*map(partition, range(_PARTITIONS)))
    await producer.stop()
    return Sent(members, [event["type"] not in QUIET_TYPES for event in events], partitions, offsets, due)


def _receive(servers: str, topic: str, seconds: float) -> Received:
    return asyncio.run(_receiving(servers, topic, seconds))


async def _receiving(servers: str, topic: str, seconds: float) -> Received:
    rows = topic == topics.ROWS
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, fetch_max_wait_ms=100)
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for number in range(_PARTITIONS)])
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)
    _both_ready.wait(READY_S)
    end = time.monotonic() + LEAD_S + seconds
    found, last = Received([], [], []), end
    while time.monotonic() < min(last + IDLE_S, end + PATIENCE_S):
        batches = await consumer.getmany(timeout_ms=100)
        now = time.monotonic()
        for tp, records in batches.items():
            last = max(last, now)
            for record in records:
                found.at.append(now)
                if rows:
                    found.names.append(record.key.rpartition(b"|")[0].decode())
                    found.offsets.append(_version_in(record.value))
                else:
                    found.names.append(tp.partition)
                    found.offsets.append(record.offset)
    await consumer.stop()
    return found


def _version_in(row: bytes) -> int:
    """The offset in a row's version, without decoding the row: the receiver must not be what is slow."""
    _, _, rest = row.partition(b'"version":"')
    return parse_version(rest[: rest.index(b'"')].decode()).offset
