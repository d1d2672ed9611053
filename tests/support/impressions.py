"""Short hands for records of cw.impressions, and for the join fed with a log."""

from typing import Any

from streams import features
from streams.outcomes.join import Member, Outcome
from streams.outcomes.served import parse


def impression(offset: int, shows: str = "abc", **fields: Any) -> dict[str, Any]:
    """A row served at the event with this offset: its shows best first, most recent in order of the alphabet."""
    recency = sorted(shows)
    made: dict[str, Any] = {
        "trigger": "session_start",
        "member_id": "m",
        "device": "tv",
        "device_id": "tv",
        "session_id": "s1",
        "model_version": "v1",
        "generated_at": 1,
        "scored_from_ts": 1,
        "continuation_probability": 0.8,
        "placement": {"position": 1, "method": "default"},
        "schema_hash": features.SCHEMA_HASH,
        "context": [0.0] * len(features.CONTEXT_NAMES),
        "items": [
            {
                "show_id": show,
                "play_probability": 0.5 / (at + 1),
                "recency_rank": recency.index(show),
                "features": [0.0] * len(features.NAMES),
            }
            for at, show in enumerate(shows)
        ],
        "not_shown": [],
        **fields,
    }
    return {"id": f"{made['member_id']}|{made['device_id']}|{made['session_id']}|0|{offset}", **made}


def serve(member: Member, made: dict[str, Any], at: int) -> list[Outcome]:
    """Hands the member an impression found at offset `at` of its topic."""
    served, epoch = parse(made)
    return member.apply_impression(served, epoch, at)[1]


def feed(member: Member, events: list[dict[str, Any]], first: int = 0) -> list[Outcome]:
    """Hands the member events, at offsets from `first` on."""
    return [outcome for at, event in enumerate(events) for outcome in member.apply_event(event, 0, first + at)]
