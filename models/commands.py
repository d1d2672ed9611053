"""`cw train` and `cw evaluate`."""

import argparse
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import CommandError, UsageError

if TYPE_CHECKING:
    from models.evaluation import Judged
    from models.progress import Stages
    from models.replay import Replayed
    from streams.catalog import Catalog

_TRAIN = """\
Learns from an event log what members go on with, and writes a bundle that workers can serve.

The log goes through the same fold that the worker runs. The models are judged on the last fifth of the sessions, by
models of those before, then trained on everything, exported to ONNX and compared with what was trained. DIR gets the
bundle (manifest.json and what it names), report.html to read and report.json to compute with.

  --cv K         also scores every session by models that have not seen its household (the text before the last / of
                 member_id), in K folds; the report shows both, and what each group of features is worth
  --prior BUNDLE for a log of one household or few: statistics of shows are pooled with the bundle's, its trees are
                 kept, and only as many are added as do better on sessions held out
  --scores FILE  writes every candidate of every session with its score to FILE (Parquet). With --cv, `fold` says which
                 models scored it; without, 0 marks the last fifth, scored by models of the sessions before, and -1
                 sessions that the models have learned from

Titles come from FILE's stem + .titles.jsonl, members' slow facts from .profiles.jsonl, where these lie beside an event
file; with kafka:playback.events from their topics. With title vectors (FILE's stem + .titles.npz, or --vectors) shows
are also known by what they are like, and the report says what that adds: it trains once more without them.
"""
_EVALUATE = """\
Scores every session of a log with a bundle as a worker would (ONNX Runtime), writes the scores and prints what they are
worth beside recency. Judge a bundle on sessions that it has not learned from.
"""
_RAW = argparse.RawDescriptionHelpFormatter


def add_parser(subparsers: Any) -> None:
    """Adds `cw train`."""
    parser = subparsers.add_parser(
        "train",
        help="learn from an event log; write a bundle and a report",
        description=_TRAIN,
        epilog="Example: cw train --events history.jsonl -o bundle && cw publish bundle",
        formatter_class=_RAW,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    add_events(source, required=False)
    source.add_argument("--examples", type=Path, metavar="DIR", help="in place of events: what 'cw examples' wrote")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="where the bundle goes")
    parser.add_argument("--cv", type=_whole(2, 100), metavar="K", help="judge in K folds by household as well")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="write scores of all candidates (Parquet)")
    add_candidate_days(parser)
    parser.add_argument(
        "--false-high-cost",
        type=_positive,
        default=1.0,
        metavar="X",
        help="what a row put high for nothing costs, where one put low while it was wanted costs 1 (default 1)",
    )
    parser.add_argument(
        "--prior",
        type=Path,
        metavar="BUNDLE",
        help="begin from a bundle of many households and change it only as far as this log shows that it helps",
    )
    parser.add_argument(
        "--vectors",
        type=Path,
        metavar="FILE",
        help="title vectors to learn with, from 'cw titles bundle --npz' (default: what lies beside the events)",
    )
    parser.set_defaults(run=train)


def add_evaluate_parser(subparsers: Any) -> None:
    """Adds `cw evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score every session of a log with a bundle",
        description=_EVALUATE,
        epilog="Example: cw evaluate --events later.jsonl --bundle bundle --scores scores.parquet",
        formatter_class=_RAW,
    )
    add_events(parser)
    parser.add_argument("--bundle", required=True, type=Path, metavar="DIR", help="what 'cw train -o' wrote")
    parser.add_argument("--scores", required=True, type=Path, metavar="FILE", help="where the scores go (Parquet)")
    parser.set_defaults(run=evaluate)


def train(arguments: argparse.Namespace) -> None:
    """Replays, judges, trains, exports, reports."""
    prepare_process()
    check_writable(arguments.output, is_folder=True)
    check_writable(arguments.scores)
    import numpy as np

    from export import bundle, cost
    from models import ablation, pipeline, report, scores, training
    from models.log import read_vectors
    from models.placement import Costs, choose
    from models.prior import read as read_prior
    from models.progress import showing

    prior = read_prior(arguments.prior) if arguments.prior is not None else None
    own_vectors = read_vectors(arguments.vectors) if arguments.vectors is not None else None
    began = time.monotonic()
    with showing() as progress:
        replay_s = None
        if arguments.examples is not None:
            replayed, catalog, candidate_days = _read_examples(arguments.examples, progress)
        else:
            candidate_days = arguments.candidate_days
            replayed, catalog = _replay(arguments.events, candidate_days, progress)
            replay_s = time.monotonic() - began
        if own_vectors is not None:
            catalog = replace(catalog, vectors=own_vectors)
        examples = replayed.examples
        models_trained = 2 + min(arguments.cv or 0, len(np.unique(examples.households())))
        models_trained += bool(catalog.vectors or (prior is not None and prior.population.vectors))
        tick = progress.counter("Training", models_trained * training.TICKS)
        results = pipeline.run(examples, replayed.plays, catalog, arguments.cv, tick, prior)
        progress.say("Exporting")
        placement = choose(Costs(false_high=arguments.false_high_cost), seen=pipeline.seen(results))
        about = pipeline.about(results, candidate_days)
        manifest, compared = bundle.write(arguments.output, results.models, placement, examples, about)
        serving = compared.report() | {"curve": cost.curve(results.later_models, results.later)}
        ablated = None
        if arguments.cv is not None:
            tick = progress.counter("Weighing groups of features", ablation.FITS)
            ablated = ablation.by_group(examples, replayed.plays, catalog, tick)
        progress.say("Reporting")
        log = pipeline.of_log(replayed, replay_s)
        report.write(arguments.output, pipeline.report(results, manifest, serving, placement, ablated, log))
        if arguments.scores is not None:
            progress.say("Writing scores")
            judged, fold = results.scored()
            scores.write(arguments.scores, judged, fold)
    _say_invalid(replayed)
    if prior is not None:
        _say_prior(manifest["prior"], len(examples))
    _summarise(results.folds.judged if results.folds is not None else results.later, "model")
    print(
        f"Bundle {manifest['version']} in {arguments.output}, {time.monotonic() - began:.0f} s; see {report.HTML_NAME}"
    )


def evaluate(arguments: argparse.Namespace) -> None:
    """Replays and scores with a bundle."""
    prepare_process()
    check_writable(arguments.scores)
    import numpy as np

    from models import pipeline, scores
    from models.progress import showing
    from streams.scoring.scorer import load

    scorer = load(arguments.bundle)
    with showing() as progress:
        replayed, _ = _replay(arguments.events, scorer.candidate_days, progress)
        tick = progress.counter("Scoring", len(replayed.examples))
        judged = pipeline.score_with(scorer, replayed.examples, tick)
        progress.say("Writing scores")
        scores.write(arguments.scores, judged, np.zeros(len(replayed.examples), np.int32))
    _say_invalid(replayed)
    _summarise(judged, scorer.version)


def add_events(parser: argparse._ActionsContainer, required: bool = True) -> None:
    """Adds --events."""
    parser.add_argument(
        "--events",
        nargs="+",
        required=required,
        metavar="FILE",
        help="event files in log order, JSON Lines or Parquet (a column a field), or kafka:playback.events for the log",
    )


def add_candidate_days(parser: argparse.ArgumentParser) -> None:
    """Adds --candidate-days."""
    parser.add_argument(
        "--candidate-days",
        type=_whole(1, 3650),
        default=180,
        metavar="D",
        help="candidates are shows played in the last D days (default 180); the bundle's workers keep to it",
    )


def _replay(sources: list[str], candidate_days: int, progress: "Stages") -> tuple["Replayed", "Catalog"]:
    """Raises CommandError where the log holds no decision."""
    from models.log import read_catalog, read_profiles
    from models.replay import replay

    progress.say("Reading the catalogue")
    catalog = read_catalog(sources)
    replayed = replay(sources, catalog, candidate_days, progress.stage, profiles=read_profiles(sources))
    if not len(replayed.examples):
        raise CommandError(
            f"no session in {', '.join(sources)} began with something to continue and played for a minute: "
            "nothing to learn from; give a longer log, or more --candidate-days"
        )
    return replayed, catalog


def _read_examples(folder: Path, progress: "Stages") -> tuple["Replayed", "Catalog", int]:
    """What `cw examples` wrote, and its --candidate-days. Raises CommandError where there is no decision."""
    from models import shards
    from models.log import read_catalog
    from models.replay import Replayed

    about = shards.about(folder)
    examples, plays = shards.read(folder, progress.stage)
    return Replayed(examples, plays, **about["log"]), read_catalog([str(folder)]), about["candidate_days"]


def _summarise(judged: "Judged", name: str) -> None:
    from models.evaluation import evaluate as figures

    of = figures(judged)
    print(f"{of['decisions']:,} sessions judged, {of['continued']:,} went on with something")
    if of["continued"]:
        for label, key in ((name, "model"), ("recency", "recency")):
            order = of["order"][key]
            print(f"  {label}: right show first {100 * order['precision_at_1']:.1f} %, MRR {order['mrr']:.3f}")
    chance = of["continuation"]["classifier"]
    auc = "–" if chance["auc"] is None else f"{chance['auc']:.3f}"
    error = chance["calibration_error"]
    print(f"  will it go on: AUC {auc}, log-loss {chance['log_loss']:.3f}, calibration error {error:.3f}")


def _say_prior(prior: dict[str, Any], decisions: int) -> None:
    trees = prior["trees_added"]
    print(
        f"Begun from bundle {prior['version']}, of {prior['decisions']:,} sessions in {prior['households']:,} "
        f"households. What {decisions:,} sessions here add: {trees['ranker']} trees to the order, "
        f"{trees['play_probability']} to the play probability, {trees['continuation']} to whether a session goes on"
    )


def _say_invalid(replayed: "Replayed") -> None:
    if replayed.invalid:
        print(f"{replayed.invalid:,} records were left out as invalid; the first: {replayed.reasons[0]}")


def check_writable(path: Path | None, is_folder: bool = False) -> None:
    """Raises UsageError before minutes of work rather than after them."""
    if path is None:
        return
    if path.is_dir() != is_folder and path.exists():
        raise UsageError(f"{path} is {'no' if is_folder else 'a'} folder; name another")
    nearest = path if is_folder else path.parent
    while not nearest.exists():
        if not is_folder:
            raise UsageError(f"there is no folder {nearest} for {path.name}; make it, or name another")
        nearest = nearest.parent
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        raise UsageError(f"{nearest} can't be written; name another place for {path.name}")


def prepare_process() -> None:
    # Threads that wait by sleeping: waiting at full speed starves everything else on a busy machine. OpenMP reads this
    # once, when LightGBM is first loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return whole


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value
