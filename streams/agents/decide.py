"""Step three: states to rows. Features of all decisions of a batch at once, one ONNX call a model, one row each."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streams import features, row
from streams.catalog import Catalog
from streams.device import Device
from streams.facts import LAST_ACTIVITY
from streams.features import Candidate, Gatherer
from streams.localtime import DAY_MS
from streams.member import MemberState
from streams.profiles import NO_PROFILE, Profile
from streams.scoring.swap import ModelSlot

RECENT_MS: Final = DAY_MS  # devices with a session in this time get a row
MAX_DEVICE_ROWS: Final = 8
CHUNK: Final = 512  # decisions scored at once; more would hold up heartbeats and flushes


class Wanted(NamedTuple):
    """A row to be made."""

    member_id: str
    state: MemberState
    device: Device


@dataclass(slots=True)
class Decision:
    """A row, and what it was made from. `X` is float32 (candidates, F), `context` float32 (G,)."""

    row: dict[str, Any]
    candidates: list[Candidate]
    order: list[int]  # indices of the candidates that the row shows, best first
    X: npt.NDArray[np.float32]
    context: npt.NDArray[np.float32]


def rows_of(member_id: str, state: MemberState) -> list[Wanted]:
    """The rows that an event of the member makes: one for each device with a recent session, newest first."""
    since = state.facts[LAST_ACTIVITY] - RECENT_MS
    recent = sorted((d for d in state.devices.values() if d.session_last >= since), key=lambda d: -d.session_last)
    return [Wanted(member_id, state, device) for device in recent[:MAX_DEVICE_ROWS]]


def decide(
    wanted: Iterable[Wanted], models: ModelSlot, catalog: Catalog, profiles: Mapping[str, Profile]
) -> list[Decision]:
    """Makes rows, as of each member's newest event, by the bundle that serves now.

    `profiles` has the slow facts of the members of whom they are known.
    """
    serving = models.current
    gatherer = Gatherer(serving.candidate_days, catalog)
    wanted = list(wanted)
    if not wanted:
        return []
    nows = [int(state.facts[LAST_ACTIVITY]) for _, state, _ in wanted]
    candidates = [
        gatherer.add(state, device, now, profiles.get(member_id, NO_PROFILE))
        for (member_id, state, device), now in zip(wanted, nows, strict=True)
    ]
    batch = gatherer.batch(serving.population)
    X, C = features.candidate_matrix(batch), features.context_matrix(batch)
    scores = serving.score(X, batch.offsets, C)
    made_ms = time.time_ns() // 1_000_000
    score = scores.score.tolist()
    play: list[Any] = [None] * len(score) if scores.play_probability is None else scores.play_probability.tolist()
    continuation: list[Any] = [None] * len(wanted) if scores.continuation is None else scores.continuation.tolist()
    decisions = []
    bounds = batch.offsets.tolist()
    for at, (member_id, state, device) in enumerate(wanted):
        low, high = bounds[at], bounds[at + 1]
        shown = row.order(candidates[at], score[low:high])
        made = row.build(
            state,
            member_id,
            device,
            candidates[at],
            shown,
            score[low:high],
            play[low:high],
            continuation[at],
            serving.place(continuation[at]),
            serving.version,
            nows[at],
            made_ms,
        )
        decisions.append(Decision(made, candidates[at], shown, X[low:high], C[at]))
    return decisions


def explain(decision: Decision) -> dict[str, Any]:
    """The row with the feature values of each item, and from what it was scored."""
    items = []
    for item, index in zip(decision.row["items"], decision.order, strict=True):
        values = dict(zip(features.NAMES, decision.X[index].tolist(), strict=True))
        items.append({**item, "recency_rank": index, "features": values})
    epoch, offset, _ = row.parse_version(decision.row["version"])
    return {
        **decision.row,
        "items": items,
        "scored_from": {
            "epoch": epoch,
            "offset": offset,
            "ts": decision.row["scored_from_ts"],
            "model_version": decision.row["model_version"],
            "schema_hash": features.SCHEMA_HASH,
            "candidates": len(decision.candidates),
            "context": dict(zip(features.CONTEXT_NAMES, decision.context.tolist(), strict=True)),
        },
    }
