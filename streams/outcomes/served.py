"""A served row, as the join keeps it until its session is settled: cw.impressions without the features."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Served: TypeAlias = dict[str, Any]
"""Fields: `id`, `offset` (source offset of the event that showed the row), `trigger`, `device`, `device_id`,
`session_id`, `model_version`, `generated_at`, `scored_from_ts`, `placement`, `continuation_probability`,
`in_time` (it was made within five seconds of the arrival of the event that showed it: not from a backlog),
`continuation_raw` (before live recalibration, likewise below), and of the items, best first: `shows`, `play`,
`play_raw`, `recency` (each item's rank by recency among all candidates, 0 is the most recent); `not_shown` (candidates
that the row does not show); `shadow` (what a model beside the serving one made of it), where there is one."""

LATE_MS: Final = 5_000  # a row made longer after the event that showed it was not what the member saw
_KEPT: Final = (
    "id", "trigger", "device", "device_id", "session_id", "model_version", "generated_at", "scored_from_ts",
    "placement", "continuation_probability",
)  # fmt: skip


class InvalidImpression(ValueError):
    """A record of cw.impressions can't be used; the message is the reason."""


def parse(record: Any) -> tuple[Served, int]:
    """A decoded record of cw.impressions, and the epoch of the log it was served from. Raises InvalidImpression."""
    try:
        epoch, offset = (int(number) for number in record["id"].rsplit("|", 2)[1:])
        served: Served = {name: record[name] for name in _KEPT}
        items = record["items"]
        served["offset"] = offset
        served["in_time"] = served["generated_at"] - record.get("arrived", served["generated_at"]) <= LATE_MS
        served["continuation_raw"] = record.get("continuation_probability_raw", served["continuation_probability"])
        served["shows"] = [item["show_id"] for item in items]
        served["play"] = [item["play_probability"] for item in items]
        served["play_raw"] = [item.get("play_probability_raw", item["play_probability"]) for item in items]
        served["recency"] = [item["recency_rank"] for item in items]
        served["not_shown"] = record.get("not_shown", [])
        if record.get("shadow") is not None:
            served["shadow"] = record["shadow"]
        if not isinstance(served["session_id"], str) or not isinstance(served["device_id"], str):
            raise TypeError("session_id and device_id are strings")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidImpression(f"not an impression: {type(error).__name__}: {error}") from None
    return served, epoch


def rank_by_row(served: Served, show_id: str) -> int | None:
    """The show's rank in the row, 1 is first; None where the row does not show it."""
    shows: list[str] = served["shows"]
    return shows.index(show_id) + 1 if show_id in shows else None


def rank_by_recency(served: Served, show_id: str) -> int | None:
    """The show's rank had the row's items stood in recency order, 1 is first; None where the row does not show it."""
    if show_id not in served["shows"]:
        return None
    of_show = dict(zip(served["shows"], served["recency"], strict=True))
    return 1 + sum(1 for rank in served["recency"] if rank < of_show[show_id])


def most_recent(served: Served) -> str | None:
    """The show that recency would have put first; None for an empty row."""
    ranked: Mapping[int, str] = dict(zip(served["recency"], served["shows"], strict=True))
    return ranked[min(ranked)] if ranked else None
