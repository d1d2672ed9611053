"""Link prediction: where a model ranks what is held out, filtered, from both sides, ties in the middle.

A triple (h, r, t) is asked twice: which tail has (h, r), which head has (r, t). Other known answers to the question are
left out ("filtered", Bordes et al. 2013). The rank is the mean of the optimistic one (ahead of all ties) and the
pessimistic one (behind them): "realistic" (Berrendorf et al. 2020). A triple with an entity or a relation that training
has not seen gets the worst rank.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.titles.knowledge_graph import UNKNOWN, Answers, Graph, Ids
from streams.errors import CommandError

Scores = npt.NDArray[np.float32]
Ranks = npt.NDArray[np.float64]
HITS: Final = (1, 3, 10)
_SCORES_AT_ONCE: Final = 8_000_000  # 32 MB of float32


def realistic_ranks(scores: Scores, targets: Ids, others: tuple[npt.NDArray[np.int64], Ids]) -> Ranks:
    """Rank of `targets` int (q,) among `scores` (q, n), higher is better; best is 1.

    `others` are pairs of row and entity that are left out, targets among them or not. Changes `scores`.
    """
    rows = np.arange(len(targets))
    of_target = scores[rows, targets].copy()
    scores[others] = -np.inf
    scores[rows, targets] = -np.inf
    ahead = (scores > of_target[:, None]).sum(axis=1)
    ties = (scores == of_target[:, None]).sum(axis=1)
    return np.asarray(1.0 + ahead + ties / 2.0, np.float64)


def ranks(score: Callable[[Ids, Ids], Scores], graph: Graph, triples: Ids, known: Answers) -> Ranks:
    """Ranks float64 (2, n) of `triples`, by tail and by head, in their order.

    `score` gives float32 (q, entities) for sources and relations int32 (q,); relations from len(graph.relations) on are
    inverses. `known` answers, inverses included, are left out. Raises CommandError where scores are not finite.
    """
    n = len(graph.entities)
    result = np.full((2, len(triples)), float(n))
    both = graph.with_inverses(triples)
    usable = np.flatnonzero(np.tile((triples != UNKNOWN).all(axis=1), 2))
    flat = result.reshape(-1)
    size = max(1, min(512, _SCORES_AT_ONCE // n))
    for at in range(0, len(usable), size):
        asked = usable[at : at + size]
        sources, relations, targets = both[asked].T
        scores = score(sources, relations)
        if not np.isfinite(scores).all():
            raise CommandError("training diverged: scores are no finite numbers; look for odd triples, or report it")
        flat[asked] = realistic_ranks(scores, targets, known.of(sources, relations))
    return result


def figures(of: Ranks) -> dict[str, Any]:
    """MRR (mean of 1 / rank) and the share of ranks up to 1, 3 and 10, over all ranks and for each side."""
    result = _figures(of.ravel())
    if of.size:
        result["sides"] = {"tail": _figures(of[0]), "head": _figures(of[1])}
    return result


def _figures(of: Ranks) -> dict[str, Any]:
    if not of.size:
        return {"mrr": None} | {f"hits_at_{k}": None for k in HITS}
    return {"mrr": float((1.0 / of).mean())} | {f"hits_at_{k}": float((of <= k).mean()) for k in HITS}
