"""Step three: states to rows. Features of all decisions of a batch at once, one ONNX call a model, one row each."""

import time
from collections.abc import Iterable, Mapping, Sequence
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
from streams.scoring.fallback import RecencyScorer, Serving
from streams.scoring.recalibration import Recalibrations
from streams.scoring.scorer import Scores
from streams.scoring.swap import ModelSlot

RECENT_MS: Final = DAY_MS  # devices with a session in this time get a row
MAX_DEVICE_ROWS: Final = 8
RECENCY: Final = RecencyScorer()
NOT_RECALIBRATED: Final = Recalibrations()
CHUNK: Final = 1024  # decisions scored at once; more would hold up flushes


class Wanted(NamedTuple):
    """A row to be made."""

    member_id: str
    state: MemberState
    device: Device


class Raw(NamedTuple):
    """Probabilities of one decision as its bundle gave them; `play` has one a candidate."""

    play: list[float | None]
    continuation: float | None


@dataclass(slots=True)
class Decision:
    """A row, and what it was made from. `X` is float32 (candidates, F), `context` float32 (G,)."""

    row: dict[str, Any]
    candidates: list[Candidate]
    order: list[int]  # indices of the candidates that the row shows, best first
    X: npt.NDArray[np.float32]
    context: npt.NDArray[np.float32]
    by: Serving  # what gave the scores
    raw: Raw | None  # the probabilities before live recalibration, where that has changed them


def rows_of(member_id: str, state: MemberState) -> list[Wanted]:
    """The rows that an event of the member makes: one for each device with a recent session, newest first."""
    since = state.facts[LAST_ACTIVITY] - RECENT_MS
    if len(state.devices) == 1:  # most have one, and a row is asked for with most events
        return [Wanted(member_id, state, device) for device in state.devices.values() if device.session_last >= since]
    recent = sorted((d for d in state.devices.values() if d.session_last >= since), key=lambda d: -d.session_last)
    return [Wanted(member_id, state, device) for device in recent[:MAX_DEVICE_ROWS]]


def decide(
    wanted: Iterable[Wanted],
    models: ModelSlot,
    catalog: Catalog,
    profiles: Mapping[str, Profile],
    recalibrations: Recalibrations = NOT_RECALIBRATED,
) -> list[Decision]:
    """Makes rows, as of each member's newest event, each by the bundle that serves the member now.

    `profiles` has the slow facts of the members of whom they are known.
    """
    wanted = list(wanted)
    if not models.splits:
        return decide_by(models.current, wanted, catalog, profiles, recalibrations)
    groups: dict[str, tuple[Serving, list[int]]] = {}
    for at, want in enumerate(wanted):
        serving = models.serving(want.member_id)
        groups.setdefault(serving.version, (serving, []))[1].append(at)
    made: dict[int, Decision] = {}
    for serving, places in groups.values():
        of_group = decide_by(serving, [wanted[at] for at in places], catalog, profiles, recalibrations)
        made.update(zip(places, of_group, strict=True))
    return [made[at] for at in range(len(wanted))]


def decide_by(
    serving: Serving,
    wanted: Sequence[Wanted],
    catalog: Catalog,
    profiles: Mapping[str, Profile],
    recalibrations: Recalibrations = NOT_RECALIBRATED,
) -> list[Decision]:
    """Makes rows as one bundle would, whomever it serves."""
    if not wanted:
        return []
    gatherer = Gatherer(serving.candidate_days, catalog)
    nows = [int(state.facts[LAST_ACTIVITY]) for _, state, _ in wanted]
    candidates = [
        gatherer.add(state, device, now, profiles.get(member_id, NO_PROFILE))
        for (member_id, state, device), now in zip(wanted, nows, strict=True)
    ]
    batch = gatherer.batch(serving.population)
    X, C = features.candidate_matrix(batch), features.context_matrix(batch)
    raw = serving.score(X, batch.offsets, C)
    scores = recalibrations.apply(raw)
    by = serving if scores.version == serving.version else RECENCY
    made_ms = time.time_ns() // 1_000_000
    score = scores.score.tolist()
    play, continuation = _probabilities(scores, len(score), len(wanted))
    raw_play, raw_continuation = (play, continuation) if raw is scores else _probabilities(raw, len(score), len(wanted))
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
            by.place(continuation[at], device.device),
            by.version,
            nows[at],
            made_ms,
        )
        as_given = None if raw is scores else Raw(raw_play[low:high], raw_continuation[at])
        decisions.append(Decision(made, candidates[at], shown, X[low:high], C[at], by, as_given))
    return decisions


def _probabilities(scores: Scores, n: int, m: int) -> tuple[list[Any], list[Any]]:
    """Of n candidates and of m decisions; None each where no model gave any."""
    play = [None] * n if scores.play_probability is None else scores.play_probability.tolist()
    return play, [None] * m if scores.continuation is None else scores.continuation.tolist()
