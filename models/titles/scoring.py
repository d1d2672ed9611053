"""How well categories are predicted: folds, one threshold, F1 and average precision, and intervals by bootstrap."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.titles.table import TitleRecord

FOLDS: Final = 5
_LIFTS: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
_SHARES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
_RESAMPLES: Final = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """Predictions of n titles for c categories, each made by what never saw the title."""

    scores: np.ndarray  # f32 (n, c), probabilities
    chosen: np.ndarray  # bool (n, c)


def folds(titles: Sequence[TitleRecord], seed: int) -> np.ndarray:
    """i64 (n,): the fold of each title. Titles with the same summary share one, so that none is learned by heart.

    A summary of very many titles ("No description yet") says nothing of them, and would fill a fold by itself.
    """
    summaries = [" ".join(title.summary.casefold().split()) for title in titles]
    of_many = {text for text, count in Counter(summaries).items() if count > max(10, len(titles) // 50)} | {""}
    groups: dict[tuple[str, str], int] = {}
    of_title = [
        groups.setdefault(("", title.title_id) if text in of_many else (text, ""), len(groups))
        for title, text in zip(titles, summaries, strict=True)
    ]
    return np.asarray((np.random.default_rng(seed).permutation(len(groups)) % FOLDS)[of_title])


def blend(one: np.ndarray, other: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Mixes the log-odds of two predictions f32 (n, c).

    The share of the other is the one with the best macro average precision in the other folds.
    """
    mixed = np.empty_like(one)
    for number in range(FOLDS):
        here, elsewhere = fold == number, fold != number
        share = max(_SHARES, key=lambda share: _precision(_mix(one, other, share)[elsewhere], labels[elsewhere]))
        mixed[here] = _mix(one, other, share)[here]
    return mixed


def judge(scores: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> Judged:
    """Decides by one threshold for all categories, chosen in the other folds for the sum of micro and macro F1.

    With the threshold a lift of rare categories is chosen: scores' log-odds less a multiple of the logarithm of the
    category's share (Menon et al., "Long-tail learning via logit adjustment", 2020). Without it a threshold that
    suits the frequent categories leaves rare ones never chosen.
    """
    chosen = np.zeros(scores.shape, bool)
    for number in range(FOLDS):
        here, elsewhere = fold == number, fold != number
        shares = labels[elsewhere].mean(0)
        best = (-1.0, 0.0, 0.5)
        for lift in _LIFTS:
            lifted = _lifted(scores[elsewhere], shares, lift)
            for threshold in np.unique(np.quantile(lifted, np.linspace(0.7, 0.995, 60))):
                micro, macro = f1(lifted >= threshold, labels[elsewhere])
                best = max(best, (micro + macro, lift, float(threshold)))
        chosen[here] = _lifted(scores[here], shares, best[1]) >= best[2]
    return Judged(scores, chosen)


def f1(chosen: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Micro and macro F1. A category that is neither chosen nor true counts 0."""
    hits, sizes = (chosen * labels).sum(0), chosen.sum(0) + labels.sum(0)
    return float(2 * hits.sum() / max(sizes.sum(), 1)), float(np.mean(2 * hits / np.maximum(sizes, 1)))


def figures(judged: Judged, labels: np.ndarray, fold: np.ndarray) -> dict[str, float]:
    """What a report says of predictions. Average precision is over all titles, and as a mean over folds."""
    micro, macro = f1(judged.chosen, labels)
    by_fold = [_precision(judged.scores[fold == number], labels[fold == number]) for number in range(FOLDS)]
    return {
        "micro_f1": micro,
        "macro_f1": macro,
        "macro_average_precision": _precision(judged.scores, labels),
        "macro_average_precision_by_fold": float(np.mean(by_fold)),
    }


def gain(more: Judged, less: Judged, labels: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """What `more` gains over `less` in F1, with the 95 % interval of a bootstrap over titles."""
    n = len(labels)
    rng = np.random.default_rng(seed)
    weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(_RESAMPLES)]).astype(np.float32)
    differences = _resampled_f1(more.chosen, labels, weights) - _resampled_f1(less.chosen, labels, weights)
    once = np.subtract(f1(more.chosen, labels), f1(less.chosen, labels))
    low, high = np.quantile(differences, [0.025, 0.975], axis=1)
    return {
        name: {"gain": float(once[place]), "low": float(low[place]), "high": float(high[place])}
        for place, name in enumerate(("micro_f1", "macro_f1"))
    }


def _resampled_f1(chosen: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    hits = weights @ (chosen * labels)
    sizes = weights @ (chosen + labels)
    micro = 2 * hits.sum(1) / np.maximum(sizes.sum(1), 1)
    return np.stack([micro, (2 * hits / np.maximum(sizes, 1)).mean(1)])


def _precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Macro average precision, over the categories that some title has."""
    from sklearn.metrics import average_precision_score

    columns = np.flatnonzero(labels.any(0))
    return float(np.mean([average_precision_score(labels[:, c], scores[:, c]) for c in columns]))


def _mix(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    log_odds = (1 - share) * _log_odds(one) + share * _log_odds(other)
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _log_odds(scores: np.ndarray) -> np.ndarray:
    scores = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(scores / (1 - scores)))


def _lifted(scores: np.ndarray, shares: np.ndarray, lift: float) -> np.ndarray:
    return np.asarray(_log_odds(scores) - lift * np.log(np.maximum(shares, 1e-4)))
