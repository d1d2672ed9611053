"""A small batched Faust app that tests drive as a real process: it counts records for each key.

The state of a key is `{"n": records, "sum": of their numbers, "offset": of the last one applied}`. A record is the
JSON of a number; what is not goes to the topic INVALID as it was.

Run: SERVERS=… APP=… TOPIC=… DATADIR=… python counting_app.py worker -l info --without-web
"""

import os

import orjson

from streams.batching import App, Batch, Output, Table

PARTITIONS = 4
app = App(
    os.environ["APP"],
    broker=f"kafka://{os.environ['SERVERS']}",
    datadir=os.environ["DATADIR"],
    topic_partitions=PARTITIONS,
    web_enabled=False,
    broker_max_poll_records=int(os.environ.get("MAX_POLL_RECORDS", "500")),
    broker_session_timeout=6.0,
    broker_heartbeat_interval=1.0,
    broker_request_timeout=float(os.environ.get("REQUEST_TIMEOUT", "90")),
    table_standby_replicas=int(os.environ.get("STANDBYS", "0")),
)
counted = 0  # records handled by this process
output = Output(app)
counts: Table[dict[str, int]] = Table(
    app,
    "counts",
    partitions=PARTITIONS,
    encode=orjson.dumps,
    decode=orjson.loads,
    flush_interval=float(os.environ.get("FLUSH", "0.2")),
    cache_bytes=int(os.environ.get("CACHE_BYTES", "240000")),
)


@counts.process(app.batched_topic(os.environ["TOPIC"]), name="count")
async def count(batches: list[Batch[dict[str, int]]]) -> None:
    global counted
    for batch in batches:
        await count_one(batch)
        counted += len(batch.records)
    app.logger.info("counted %s in all", counted)


async def count_one(batch: Batch[dict[str, int]]) -> None:
    values, _ = batch.get_many({record.key for record in batch.records if record.key})
    refused = []
    for record in batch.records:
        try:
            number = int(orjson.loads(record.value))
            state = values[record.key] or {"n": 0, "sum": 0, "offset": -1}
        except (ValueError, TypeError, KeyError):
            refused.append((record.key, record.value, [("offset", str(record.offset).encode())]))
            continue
        if record.offset > state["offset"]:
            values[record.key] = {"n": state["n"] + 1, "sum": state["sum"] + number, "offset": record.offset}
    batch.put_many({key: value for key, value in values.items() if value is not None})
    batch.sends(*await output.send(os.environ["INVALID"], batch.partition, refused))


if __name__ == "__main__":
    app.main()
