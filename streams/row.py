"""The row: scored candidates to the ranked, placed JSON of cw.rows, and its version."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from streams.device import Device
from streams.features.gather import Candidate
from streams.member import MemberState

MAX_ITEMS: Final = 20


class Version(NamedTuple):
    """Compares as three numbers, so that a client that keeps the highest never goes back."""

    epoch: int  # of the partition layout
    offset: int  # source offset of the last event in the row
    made_ms: int

    def __str__(self) -> str:
        return version_text(*self)


def version_text(epoch: int, offset: int, made_ms: int) -> str:
    """A version as rows have it."""
    return f"{epoch}-{offset}-{made_ms}"


def parse_version(text: str) -> Version:
    """The version of that text. Raises ValueError."""
    epoch, offset, made_ms = text.split("-")
    return Version(int(epoch), int(offset), int(made_ms))


def order(candidates: Sequence[Candidate], scores: Sequence[float]) -> list[int]:
    """Indices of the candidates that the row shows, best first; equals stand in order of recency."""
    shown = [index for index, (_, card) in enumerate(candidates) if card.reason is not None]
    if len(shown) > 1:
        shown.sort(key=lambda index: -scores[index])  # stable, and candidates come last watched first
    return shown[:MAX_ITEMS]


def build(
    state: MemberState,
    member_id: str,
    device: Device,
    candidates: Sequence[Candidate],
    shown: Sequence[int],
    scores: Sequence[float],
    play_probabilities: Sequence[float | None],
    continuation: float | None,
    placement: tuple[int, str],
    model_version: str,
    scored_from_ts: int,
    made_ms: int,
) -> dict[str, Any]:
    """The row of one member and device, as the contract lays it out.

    `shown` are the candidates that the row shows, in their order, as `order` says; `scores` and `play_probabilities`
    have one value a candidate; `placement` is position and method.
    `scored_from_ts` is the newest event time in it, `made_ms` the wall clock, both ms.
    """
    items = []
    for index in shown:
        show, card = candidates[index]
        items.append(
            {
                "show_id": show.show_id,
                "title_id": card.title_id,
                "season": card.season,
                "episode": card.episode,
                "position_s": card.position_s,
                "duration_s": card.duration_s,
                "progress": card.progress,
                "score": scores[index],
                "play_probability": play_probabilities[index],
                "reason": card.reason,
            }
        )
    return {
        "member_id": member_id,
        "device": device.device,
        "device_id": device.device_id,
        "session_id": device.session_id,
        "version": version_text(state.epoch, state.offset, made_ms),
        "generated_at": made_ms,
        "scored_from_ts": scored_from_ts,
        "model_version": model_version,
        "continuation_probability": continuation,
        "placement": {"position": placement[0], "method": placement[1]},
        "items": items,
    }
