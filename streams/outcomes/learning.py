"""What one partition's live outcomes have taught: figures by bundle, drift, recalibration. Moves with its partition."""

from collections.abc import Sequence
from typing import Any, Final

from streams.outcomes.drift import CONTINUATION_LOSS, Detectors, Drift
from streams.outcomes.join import Outcome
from streams.outcomes.recalibration import PIVOTS, Recalibration
from streams.outcomes.served import rank_by_row
from streams.outcomes.tally import Tally, Window, log_loss

WINDOW: Final = 2000  # decisions, over all partitions: what is called live
MAX_VERSIONS: Final = 4  # bundles of which figures are kept: the ones seen last
KINDS: Final = tuple(PIVOTS)
DECISION: Final = "session_start"  # the trigger of the impressions that are judged: one a session


class Learning:
    """Takes served rows and outcomes of one partition; what it holds can be added up with that of the others."""

    def __init__(self, partitions: int) -> None:
        self.window = max(20, WINDOW // partitions)
        self.served: dict[str, Window] = {}  # by version, held against recency
        self.shadow: dict[str, Window] = {}  # by version, held against what served
        self.recalibrations: dict[str, dict[str, Recalibration]] = {}  # by version, by kind
        self.detectors = Detectors()

    def row_served(self, impression: Any, ts: int, in_time: bool = True) -> list[Drift]:
        """Takes the features of a served row (a record of cw.impressions, made with this release's features)."""
        if impression["trigger"] != DECISION or not in_time:
            return []
        items = impression["items"]
        return self.detectors.served(impression["context"], items[0]["features"] if items else None, ts)

    def outcome(self, outcome: Outcome) -> list[Drift]:
        """Takes what a session did with its row; nothing where it played nothing, or saw an older row."""
        if outcome["trigger"] != DECISION or outcome["played"] is None or not outcome["in_time"]:
            return []
        version = outcome["model_version"]
        show_id, continued = outcome["played"]["show_id"], outcome["continued"]
        one = Tally(from_row=int(outcome["from_row"]))
        one.rank(outcome["rank"], outcome["recency_rank"])
        _judge(one, outcome, show_id)
        _recent(self.served, version, self.window).add(one)
        if (shadow := outcome.get("shadow")) is not None:
            other = Tally()
            order: list[str] = shadow["shows"]
            # Both orders are of the row's shows: where the row does not have it, neither is judged.
            other.rank(order.index(show_id) + 1 if show_id in order else None, rank_by_row(outcome, show_id))
            _judge(other, {**shadow, "continued": continued}, show_id)
            _recent(self.shadow, shadow["model_version"], self.window).add(other)

        raw = outcome["continuation_raw"]
        hit = None if outcome["rank"] is None else outcome["rank"] == 1
        drifts = self.detectors.outcome(hit, None if raw is None else log_loss(raw, continued), outcome["ts"])
        if raw is not None:
            self._recalibrate(version, outcome, show_id, any(d.signal == CONTINUATION_LOSS for d in drifts))
        return drifts

    def _recalibrate(self, version: str, outcome: Outcome, show_id: str, drifted: bool) -> None:
        of_version = self.recalibrations.pop(version, None)
        if of_version is None:
            of_version = {kind: Recalibration(self.window, PIVOTS[kind]) for kind in KINDS}
        self.recalibrations[version] = of_version
        for gone in list(self.recalibrations)[:-MAX_VERSIONS]:
            del self.recalibrations[gone]
        if drifted:
            for recalibration in of_version.values():
                recalibration.hurry()
        of_version["continuation"].learn([outcome["continuation_raw"]], [outcome["continued"]])
        of_version["play"].learn(outcome["play_raw"], [show == show_id for show in outcome["shows"]])

    def published(self, partition: int, at_ms: int) -> dict[str, Any]:
        """The record of cw.live: sums that are added up over partitions, streams.outcomes.live says how."""
        return {
            "partition": partition,
            "at": at_ms,
            **{
                role: {
                    version: {"total": window.total.as_json(), "window": window.recent().as_json()}
                    for version, window in windows.items()
                }
                for role, windows in (("served", self.served), ("shadow", self.shadow))
            },
            "recalibration": {
                version: {kind: of_kind.published() for kind, of_kind in kinds.items()}
                for version, kinds in self.recalibrations.items()
            },
            "drift": self.detectors.as_json(),
        }


def _judge(tally: Tally, predicted: Any, show_id: str) -> None:
    """Counts the probabilities, where there are any."""
    if predicted.get("continuation_probability") is not None:
        tally.continuation.add(predicted["continuation_probability"], predicted["continued"])
    probabilities: Sequence[float | None] = predicted.get("play") or ()
    for show, probability in zip(predicted["shows"], probabilities, strict=False):
        if probability is not None:
            tally.play.add(probability, show == show_id)


def _recent(windows: dict[str, Window], version: str, size: int) -> Window:
    """The version's window, made the one used last."""
    window = windows.pop(version, None) or Window(size)
    windows[version] = window
    for gone in list(windows)[:-MAX_VERSIONS]:
        del windows[gone]
    return window
