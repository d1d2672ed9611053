"""From examples to everything that `cw train` writes: what is judged, what is trained, what is told of it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import lightgbm as lgb
import numpy as np

from models import baselines, crossval, evaluation, placement, training, vectors_worth
from models.crossval import ByFolds
from models.evaluation import Judged
from models.examples import Bools, Examples, Floats, Ints, Plays
from models.prior import Prior
from models.replay import Replayed
from models.training import Models, Scored, Tick
from streams.catalog import Catalog
from streams.scoring.aggregate import any_of
from streams.scoring.scorer import Scorer

BATCH_DECISIONS: Final = 500
LEARNED: Final = -1  # in the column `fold` of scores: the models have learned from that session


@dataclass(frozen=True, slots=True)
class About:
    """What the manifest says of the training."""

    candidate_days: int
    first_ts: int  # ms, first and last decision learned from
    last_ts: int
    decisions: int
    households: int
    metrics: Mapping[str, Any]
    prior: Mapping[str, Any] | None = None  # the bundle begun from


@dataclass(frozen=True, slots=True)
class Results:
    """What a training made of m decisions."""

    examples: Examples
    models: Models  # of all decisions
    later: Judged  # the last ones in time, by models of those before
    later_mask: Bools  # (m,) which those are
    later_models: Models  # of those before
    folds: ByFolds | None  # all, by models of other households
    k: int | None
    prior: Prior | None
    vectors: Mapping[str, Any] | None = None  # what title vectors add

    def scored(self) -> tuple[Judged, Ints]:
        """All decisions with their fold (m,), scored by models that have not seen them where there are such."""
        if self.folds is not None:
            return self.folds.judged, self.folds.fold
        everything = crossval.judge(self.examples, [(np.ones(len(self.examples), np.bool_), self.models)])
        rows = np.repeat(self.later_mask, self.examples.sizes)
        _put(everything.scored, self.later.scored, rows, self.later_mask)
        return everything, np.where(self.later_mask, 0, LEARNED).astype(np.int32)


def run(
    examples: Examples, plays: Plays, catalog: Catalog, k: int | None, tick: Tick, prior: Prior | None = None
) -> Results:
    """Judges by time, and by household in `k` folds where asked; then trains on everything. Needs a decision."""
    later, later_mask, later_models = crossval.by_time(examples, plays, catalog, tick, prior)
    folds = crossval.by_folds(examples, plays, k, catalog, tick, prior) if k is not None else None
    models = training.train(examples, plays, catalog, tick, prior)
    vectors = vectors_worth.measure(later, examples, plays, catalog, tick, prior)
    return Results(examples, models, later, later_mask, later_models, folds, k, prior, vectors)


def seen(results: Results) -> placement.Seen:
    """Decisions with probabilities by models that had not seen them."""
    judged = results.folds.judged if results.folds is not None else results.later
    return placement.Seen(judged.scored.continuation, judged.examples.continued, judged.examples.device)


def score_with(scorer: Scorer, examples: Examples, tick: Callable[[int], None]) -> Judged:
    """Judges a bundle on decisions, scored in batches as a worker would; `tick` is told how many each time."""
    offsets = examples.offsets
    score = np.zeros(len(examples.show), np.float32)
    play = np.zeros(len(examples.show), np.float32)
    chance = np.zeros(len(examples), np.float32)
    X, C = examples.matrices(scorer.population)
    for first in range(0, len(examples), BATCH_DECISIONS):
        last = min(first + BATCH_DECISIONS, len(examples))
        rows = slice(offsets[first], offsets[last])
        said = scorer.score(np.asarray(X[rows]), offsets[first : last + 1] - offsets[first], C[first:last])
        score[rows] = said.score
        play[rows] = said.play_probability
        chance[first:last] = said.continuation
        tick(last - first)
    product = any_of(play, offsets)
    orders: dict[str, Floats] = {n: baselines.scores(n, examples, scorer.population) for n in baselines.NAMES}
    return Judged(examples, Scored(score, play, chance, product, product), orders)


def about(results: Results, candidate_days: int) -> About:
    """What the bundle's manifest says of the training."""
    examples = results.examples
    judged = evaluation.evaluate(results.folds.judged if results.folds is not None else results.later)
    return About(
        candidate_days=candidate_days,
        first_ts=int(examples.ts.min()),
        last_ts=int(examples.ts.max()),
        decisions=len(examples),
        households=len(np.unique(examples.households())),
        metrics={
            "judged": "households not seen" if results.folds is not None else "later sessions",
            "decisions": judged["decisions"],
            "order": {
                name: {key: of[key] for key in ("precision_at_1", "mrr")} for name, of in judged["order"].items()
            },
            "continuation": {
                key: judged["continuation"]["classifier"][key] for key in ("auc", "log_loss", "calibration_error")
            },
        },
        prior=of_prior(results),
    )


def report(
    results: Results,
    manifest: Mapping[str, Any],
    serving: Mapping[str, Any],
    placed: Mapping[str, Any],
    ablated: Mapping[str, Any] | None,
    log: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of report.json; `serving` is how the bundle compares, `log` what `of_log` gave."""
    judged = results.folds.judged if results.folds is not None else results.later
    return {
        "bundle": {
            "version": manifest["version"],
            "created": manifest["created"],
            "ranker": results.models.ranker.kind,
            "ranker_choice_mrr": results.models.choice,
            "schema_hash": manifest["features"]["schema_hash"],
            "candidate_days": manifest["candidate_days"],
            "prior": manifest["prior"],
        },
        "log": dict(log),
        "time_split": evaluation.evaluate(results.later),
        "folds": evaluation.evaluate(results.folds.judged) | {"k": results.k} if results.folds is not None else None,
        "placement": {
            "record": dict(placed),
            "trade_off": placement.trade_off(judged.scored.continuation, judged.examples.continued),
            "costs": placement.knob(judged.scored.continuation, judged.examples.continued),
            "by_device": placement.by_device(placed, seen(results)),
        },
        "ablation": ablated,
        "vectors": results.vectors,
        "serving": dict(serving),
    }


def of_log(replayed: Replayed, replay_s: float | None) -> dict[str, Any]:
    """What a log held, and how fast its replay was; `replay_s` is None where examples were read instead."""
    held: dict[str, Any] = {name: getattr(replayed, name) for name in ("events", "members", "repeats", "invalid")}
    held["replay"] = None
    if replay_s is not None:
        amounts = {
            "events": replayed.events,
            "examples": len(replayed.examples),
            "candidates": len(replayed.examples.show),
        }
        rates = {f"{name}_per_s": amount / replay_s for name, amount in amounts.items()}
        held["replay"] = {"seconds": replay_s, "cores": len(os.sched_getaffinity(0)), **rates}
    return held


def of_prior(results: Results) -> dict[str, Any] | None:
    """The bundle begun from and the trees added to each of its models; None without one."""
    prior, models = results.prior, results.models
    if prior is None:
        return None
    return {
        "version": prior.version,
        "decisions": prior.decisions,
        "households": prior.households,
        "trees_added": {
            "ranker": _trees(models.ranker.booster),
            "play_probability": _trees(models.calibrator.booster),
            "continuation": _trees(models.continuation.booster),
        },
    }


def _trees(booster: lgb.Booster | None) -> int:
    return booster.num_trees() if booster is not None else 0


def _put(into: Scored, said: Scored, rows: Bools, decisions: Bools) -> None:
    for name in ("score", "play"):
        getattr(into, name)[rows] = getattr(said, name)
    for name in ("continuation", "product", "product_raw"):
        getattr(into, name)[decisions] = getattr(said, name)
