"""The fold job against other stream processors: same broker, same topic, taking turns, the median of several rounds."""

import re
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

import numpy as np
import orjson
from aiokafka import AIOKafkaProducer
from bench import peers
from bench.figures import Figure, Section
from bench.harness import folder_of, job, say
from conftest import Broker

from streams import topics

TOPIC = "peer.events"
FLUSHES = {"1 s": "fold_1s", "100 ms": "fold_100ms"}
SECONDS = {"1 s": 1.0, "100 ms": 0.1}
# key, ours, theirs, what it says, the bound
RATIOS = (
    ("fold_vs_kafka_streams", "fold_1s", "kafka_streams", "flush 1 s against Kafka Streams at its fastest", 1.3),
    ("fold_vs_kafka_streams_exactly_once", "fold_1s", "kafka_streams_exactly_once", "flush 1 s against Kafka Streams "
     "exactly once, 1 s", 1.6),
    ("fold_vs_stock_faust", "fold_1s", "stock_faust", "flush 1 s against stock Faust", 40.0),
    ("fold_100ms_vs_kafka_streams_exactly_once", "fold_100ms", "kafka_streams_exactly_once_100ms", "flush 100 ms "
     "against Kafka Streams exactly once, 100 ms", 1.4),
    ("fold_100ms_vs_quix", "fold_100ms", "quix", "flush 100 ms against Quix Streams", 1.5),
)  # fmt: skip
PEER_NAMES = {
    "kafka_streams": "Kafka Streams, 50 MB cache, commit every 30 s",
    "kafka_streams_no_cache": "Kafka Streams, no cache, commit every 30 s",
    "kafka_streams_exactly_once": "Kafka Streams exactly once, 50 MB cache, commit every 1 s",
    "kafka_streams_exactly_once_100ms": "Kafka Streams exactly once, 50 MB cache, commit every 100 ms",
    "quix": "Quix Streams",
    "bytewax": "Bytewax, SQLite snapshot every 2 s",
    "stock_faust": "Faust as its guide writes it, RocksDB",
}


def measure(broker: Broker, rounds: int = 3, events: int = 400_000) -> Section:
    """Our job twice a round, at each flush interval; each peer once a round."""
    script = peers.script()
    rates: dict[str, list[float]] = defaultdict(list)
    if script is None:
        say("fold job: no peers' script (PEERS_RUN names it): the ratios are left out")
        fill(broker.bootstrap_servers, events)
    for number in range(1, rounds + 1):
        if script is not None:
            say(f"fold job, round {number} of {rounds}: the peers (the first time their packages are fetched) ...")
            for name, rate in peers.run(script, broker, events).items():
                rates[name].append(rate)
        for flush in (*FLUSHES, *FLUSHES):
            rate = _ours(broker, events, SECONDS[flush])
            say(f"fold job, round {number} of {rounds}: flush {flush}: {rate:,.0f} events/s")
            rates[FLUSHES[flush]].append(rate)
    return Section("The fold job", _figures(rates), _notes(rates, rounds, events, script is not None))


def _ours(broker: Broker, events: int, flush_s: float) -> float:
    said = job(
        "fold_job.py", "worker", "-l", "warn", KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers, EVENTS=events,
        FLUSH=flush_s, TOPIC=TOPIC, TMPDIR=folder_of(broker, "state"),
    )  # fmt: skip
    found = re.search(r"\d+ events, ([\d.]+)/s", said)
    if found is None:
        raise RuntimeError(f"fold_job.py gave no figure: {said[-500:]}")
    return float(found[1])


def _figures(rates: dict[str, list[float]]) -> list[Figure]:
    middle = {name: median(values) for name, values in rates.items()}
    found = [Figure.rate(name, f"this, flush every {flush}", middle[name], "events") for flush, name in FLUSHES.items()]
    found += [
        Figure.rate(f"fold_{name}", text, middle[name], "events") for name, text in PEER_NAMES.items() if name in middle
    ]
    found += [
        Figure.times(key, what, middle[ours] / middle[theirs], f"at least {bound:g} ×")
        for key, ours, theirs, what, bound in RATIOS
        if theirs in middle
    ]
    return found


def _notes(rates: dict[str, list[float]], rounds: int, events: int, with_peers: bool) -> Sequence[str]:
    spread = "; ".join(f"{name} {min(rates[name]):,.0f} to {max(rates[name]):,.0f}" for name in FLUSHES.values())
    notes = [
        f"{events:,} events of 20,000 members in 4 partitions; one process a job, state durable and writers fenced. "
        f"Medians of {rounds} round(s) in which the jobs take turns ({spread} events/s; stock Faust folds a quarter)."
    ]
    if not with_peers:
        notes.append("Without the peers' script the ratios are left out; PEERS_RUN names it.")
    elif missing := [text for name, text in PEER_NAMES.items() if name not in rates]:
        notes.append(f"No figure came from: {', '.join(missing)}; their ratios are left out.")
    return notes


def fill(servers: str, events: int) -> None:
    """Fills the topic with made-up events of 20,000 members, as the peers' script does where there is one."""
    import asyncio

    with topics.admin(servers) as admin:
        if TOPIC not in admin.list_topics():
            admin.create_topics({TOPIC: {"num_partitions": 4, "replication_factor": 1}}, wait_for_metadata=True)
            asyncio.run(_produce(servers, events))


async def _produce(servers: str, events: int) -> None:
    noise = np.random.default_rng(0)
    kinds = ["play", "progress", "progress", "pause", "stop", "session_start"]
    members, titles, kind = (noise.integers(0, n, events) for n in (20_000, 2_000, len(kinds)))
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=1 << 18, linger_ms=20)
    await producer.start()
    waiting = []
    for i in range(events):
        key = f"m{members[i]:06d}"
        event = {
            "event_id": f"e{i:012d}", "type": kinds[kind[i]], "member_id": key, "session_id": f"s{i // 20}",
            "title_id": f"t{titles[i]:05d}", "show_id": f"s{titles[i] // 4:05d}", "position_s": 123.5,
            "duration_s": 2640.0, "device": "tv", "country": "US", "ts": 1_790_000_000_000 + i * 37,
        }  # fmt: skip
        waiting.append(await producer.send(TOPIC, orjson.dumps(event), key=key.encode()))
    await producer.flush()
    for sent in waiting:
        await sent
    await producer.stop()
