"""The fold job of the benchmark: decode JSON, update a map for each member, keep it durable and fenced.

Run by hand: EVENTS=400000 FLUSH=1 python tests/bench/fold_job.py worker -l warn
It reads the topic TOPIC (default peer.events, 4 partitions) from its beginning, prints events a second once EVENTS
have been folded and made durable, and ends.
"""

import os
import sys
import tempfile
import time

import orjson

from streams.batching import App, Batch, Table

EVENTS = int(os.environ.get("EVENTS", "400000"))
FLUSH = float(os.environ.get("FLUSH", "1"))
SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")

app = App(
    f"fold-{time.time_ns()}",
    broker=f"kafka://{SERVERS}",
    datadir=tempfile.mkdtemp(),
    topic_partitions=4,
    web_enabled=False,
)
events = app.batched_topic(os.environ.get("TOPIC", "peer.events"))
members: Table[dict[str, int]] = Table(
    app, "members", partitions=4, encode=orjson.dumps, decode=orjson.loads, flush_interval=FLUSH
)
count = 0
started = 0.0


@members.process(events, name="fold")
async def fold(batches: list[Batch[dict[str, int]]]) -> None:
    global count, started
    started = started or time.monotonic()
    for batch in batches:
        fold_one(batch)
        count += len(batch.records)
    if count >= EVENTS:
        app.add_future(report())


def fold_one(batch: Batch[dict[str, int]]) -> None:
    values, _ = batch.get_many({record.key for record in batch.records})
    for record in batch.records:
        event = orjson.loads(record.value)
        shows = values[record.key]
        if shows is None:
            shows = values[record.key] = {}
        shows[event["show_id"]] = event["ts"]
    batch.put_many(values)


async def report() -> None:
    await members.settle()
    print(f"{count} events, {count / (time.monotonic() - started):.0f}/s", file=sys.__stdout__, flush=True)
    os._exit(0)


if __name__ == "__main__":
    app.main()
