"""Why a row is as it is: each item's features, what each added to the score, and from which events all that is."""

import asyncio
from typing import Any, Final

from streams import features, row
from streams.agents.decide import Decision, Wanted
from streams.facts import FIRST_EVENT, PLAYS, SESSIONS
from streams.features.registry import CANDIDATE, CONTEXT
from streams.show import FIRST_PLAY, LAST_EVENT, LAST_PLAY, LAST_WATCHED, PLACE_AT, Show
from streams.show import PLAYS as SHOW_PLAYS
from streams.show import SESSIONS as SHOW_SESSIONS

_MOMENTS: Final = {
    "first_play": FIRST_PLAY,
    "last_play": LAST_PLAY,
    "last_watched": LAST_WATCHED,
    "last_event": LAST_EVENT,
    "place_at": PLACE_AT,
}
_MEANINGS: Final = {feature.name: feature.meaning for feature in (*CANDIDATE, *CONTEXT)}
_GROUPS: Final = {feature.name: feature.group for feature in (*CANDIDATE, *CONTEXT)}


async def explain(wanted: Wanted, decision: Decision) -> dict[str, Any]:
    """The row of a decision, explained. docs/http-api.md has the fields."""
    items = [
        {
            **item,
            "recency_rank": index,
            "features": dict(zip(features.NAMES, decision.X[index].tolist(), strict=True)),
            "events": _events(decision.candidates[index].show),
        }
        for item, index in zip(decision.row["items"], decision.order, strict=True)
    ]
    epoch, offset, _ = row.parse_version(decision.row["version"])
    facts = wanted.state.facts
    explained = {
        **decision.row,
        "items": items,
        "scored_from": {
            "epoch": epoch,
            "offset": offset,
            "ts": decision.row["scored_from_ts"],
            "since": int(facts[FIRST_EVENT]),
            "sessions": int(facts[SESSIONS]),
            "plays": int(facts[PLAYS]),
            "model_version": decision.row["model_version"],
            "schema_hash": features.SCHEMA_HASH,
            "candidates": len(decision.candidates),
            "context": dict(zip(features.CONTEXT_NAMES, decision.context.tolist(), strict=True)),
            "base": None,
        },
        "meanings": _MEANINGS,
        "groups": _GROUPS,
    }
    # The state may move on meanwhile: what is read of it has been read above.
    told = await asyncio.to_thread(decision.by.contributions, decision.X[decision.order])
    if told is not None:
        explained["scored_from"]["base"], parts = told
        for item, of_item in zip(items, parts.tolist(), strict=True):
            item["contributions"] = {
                name: value for name, value in zip(features.NAMES, of_item, strict=True) if value != 0.0
            }
    return explained


def _events(show: Show) -> dict[str, int | None]:
    """When what was heard of the show happened, ms, None for never; and how much there was."""
    moments = {name: show.times[column] or None for name, column in _MOMENTS.items()}
    return {**moments, "plays": int(show.stats[SHOW_PLAYS]), "sessions": int(show.stats[SHOW_SESSIONS])}
