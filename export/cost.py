"""What the ranker's trees cost when they serve, beside what they gain: the figures to choose their number by."""

import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from export import onnx
from export.bundle import ranker_graph
from export.parity import CANDIDATES, model_us, spread
from models import metrics
from models.evaluation import Judged
from models.training import Models
from streams.scoring.scorer import open_model

TREES: Final = (5, 10, 20, 40, 60, 80, 100, 120, 160, 240)


def curve(models: Models, judged: Judged) -> list[dict[str, Any]]:
    """MRR and precision at 1 of the first so many trees, and their microseconds a decision of 20 candidates.

    `judged` are decisions that the models have not learned from. Empty where the ranker has no trees of its own.
    """
    booster = models.ranker.booster
    examples = judged.examples.select(spread(judged.examples))
    if booster is None or not examples.continued.any():
        return []
    X = np.asarray(examples.matrices(models.population)[0])
    total = booster.num_trees()
    points = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ranker.onnx"
        for trees in (*(number for number in TREES if number < total), total):
            onnx.write(ranker_graph(models.ranker, trees), path)
            score = models.ranker.score(X, trees)
            ranks = metrics.rank_of_played(score, examples.recency_rank, examples.played, examples.offsets)
            ranks = ranks[ranks > 0]
            points.append(
                {
                    "trees": trees,
                    "us_at_20": model_us(open_model(path, X.shape[1]), X, CANDIDATES),
                    "mrr": float(metrics.reciprocal(ranks).mean()),
                    "precision_at_1": float(np.mean(ranks == 1)),
                }
            )
    return points
