"""Step four: what leaves the worker, as records for the output: rows, impressions, invalid records, moved ones."""

from collections.abc import Iterable
from typing import Any

import orjson

from streams import codec, features, topics
from streams.agents.arrive import ORIGIN_HEADER, Refused
from streams.agents.decide import Decision
from streams.agents.fold import Served
from streams.batching import OutputRecord, Record


def row(decision: Decision) -> OutputRecord:
    """The record of cw.rows; its partition is the member's."""
    made = decision.row
    return codec.row_key(made["member_id"], made["device_id"]), codec.encode_row(made), ()


def impression(served: Served, decision: Decision, epoch: int, shadow: Decision | None = None) -> OutputRecord:
    """The record of cw.impressions: the row at that moment with the features it was ranked by.

    Features are lists in the order of `features.NAMES` and `CONTEXT_NAMES`, whose hash stands beside them. `shadow` is
    the row that another bundle would have made, which nobody sees.
    """
    made, shown = decision.row, set(decision.order)
    value: dict[str, Any] = {
        "id": f"{served.member_id}|{served.device_id}|{served.session_id}|{epoch}|{served.offset}",
        "trigger": served.trigger,
        "shown_version": served.shown_version,
        "arrived": served.arrived,
        **{name: made[name] for name in _OF_ROW},
        "schema_hash": features.SCHEMA_HASH,
        "context": decision.context,
        "items": [
            {**item, "recency_rank": index, "features": decision.X[index]}
            for item, index in zip(made["items"], decision.order, strict=True)
        ],
        "not_shown": [
            candidate.show.show_id for index, candidate in enumerate(decision.candidates) if index not in shown
        ],
    }
    if decision.raw is not None:
        value["continuation_probability_raw"] = decision.raw.continuation
        for item, index in zip(value["items"], decision.order, strict=True):
            item["play_probability_raw"] = decision.raw.play[index]
    if shadow is not None:
        value["shadow"] = {
            "model_version": shadow.row["model_version"],
            "continuation_probability": shadow.row["continuation_probability"],
            "position": shadow.row["placement"]["position"],
            "shows": [item["show_id"] for item in shadow.row["items"]],
            "play": [item["play_probability"] for item in shadow.row["items"]],
        }
    return served.member_id.encode(), orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), ()


_OF_ROW = (
    "member_id", "device", "device_id", "session_id", "version", "generated_at", "scored_from_ts", "model_version",
    "continuation_probability", "placement",
)  # fmt: skip


def invalid(refused: Refused, topic: str, partition: int) -> OutputRecord:
    """The record of cw.invalid: key and value untouched, headers say why and where it stood."""
    record = refused.record
    headers = [
        ("reason", refused.reason),
        ("topic", topic),
        ("partition", str(partition)),
        ("offset", str(record.offset)),
        ("timestamp", str(record.timestamp)),
    ]
    return record.key, record.value, [(name, text.encode()) for name, text in headers]


def moved(strays: Iterable[Record], topic: str, partition: int, partitions: int) -> dict[int, list[OutputRecord]]:
    """Stray records by the partition of their key, with their origin in a header."""
    by_partition: dict[int, list[OutputRecord]] = {}
    for record in strays:
        assert record.key is not None
        origin = (ORIGIN_HEADER, f"{topic}/{partition}/{record.offset}".encode())
        kept = [(name, value or b"") for name, value in record.headers]
        target = topics.partition_of(record.key, partitions)
        by_partition.setdefault(target, []).append((record.key, record.value, [*kept, origin]))
    return by_partition
