"""Short hands for writing events in tests."""

from itertools import count
from typing import Any

T0 = 1_800_000_000_000  # 2027-01-15T08:00:00Z, a Friday
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_ids = count()


def event(kind: str, ts: int, show: str | None = None, episode: int | None = None, **fields: Any) -> dict[str, Any]:
    """An event of member m on a television; `episode` makes the show a series in season 1."""
    made: dict[str, Any] = {
        "event_id": f"e{next(_ids)}",
        "type": kind,
        "member_id": "m",
        "session_id": "s1",
        "ts": ts,
        "device": "tv",
    }
    if show is not None:
        made["show_id"] = show
        if kind in ("play", "progress", "pause", "seek", "stop", "complete"):
            made["title_id"] = show if episode is None else f"{show}.e{episode}"
            if episode is not None:
                made["season"], made["episode"] = 1, episode
    made.update(fields)
    return made


def watch(show: str, ts: int, minutes: float, episode: int | None = None, **fields: Any) -> list[dict[str, Any]]:
    """A play from the beginning, its progress each minute, and a stop."""
    start = fields.pop("start_s", 0.0)
    duration = fields.pop("duration_s", 2700.0)
    beats = [(m * MINUTE, "progress") for m in range(1, int(minutes))]
    moments = [(0, "play"), *beats, (int(minutes * MINUTE), "stop")]
    autoplay = fields.pop("autoplay", False)
    return [
        event(
            kind,
            ts + at,
            show,
            episode,
            position_s=start + at / 1000,
            duration_s=duration,
            **({"autoplay": autoplay} if kind == "play" else {}),
            **fields,
        )
        for at, kind in moments
    ]
