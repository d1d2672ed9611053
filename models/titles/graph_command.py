"""`cw titles train` without titles: learns a graph alone and measures how well it predicts links."""

import argparse
import resource
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from models.commands import check_writable, prepare_process
from models.progress import showing
from models.titles import graph, knowledge_graph, link_prediction, replacing, table, triples
from models.titles.knowledge_graph import UNKNOWN, Graph
from models.titles.triples import Triple
from streams.errors import CommandError

FOLDER = "graph"  # of DIR
REPORT = "report.json"


def run_graph(arguments: argparse.Namespace) -> None:
    """Trains on --triples, chooses by --valid, measures on --test; where these are missing, 5 % are split off for each.

    Writes DIR/graph (entities.txt, relations.txt, entities.npy, relations.npy, report.json) and the figures to --json.
    """
    prepare_process()
    began = time.monotonic()
    out: Path | None = arguments.json
    check_writable(out)
    parts = [_read(path) if path is not None else [] for path in (arguments.triples, arguments.valid, arguments.test)]
    missing = (arguments.valid is None, arguments.test is None)
    if any(missing):
        elsewhere = {*parts[1], *parts[2]}
        kept, valid, test = knowledge_graph.split([t for t in parts[0] if t not in elsewhere], 0, missing)
        parts = [kept, parts[1] or valid, parts[2] or test]
    data = knowledge_graph.build(*parts)
    settings = graph.settings_for(len(data.entities))
    if not len(data.test):
        raise CommandError("no triple is left to measure on; give more triples, or --test FILE")
    table.make_folder(arguments.output)
    _say(data)
    with showing() as progress:

        def judged(history: dict[str, float]) -> None:
            progress.describe(f"Training: epoch {history['epoch']:.0f}, validation MRR {history['mrr']:.3f}")

        trained = graph.train(data, settings, judged, partial(progress.stage, "Training"))
        progress.say("Measuring")
        found = link_prediction.figures(graph.test_ranks(trained.model, data))
    report = found | _about(data) | trained.about()
    report["seconds"] = round(time.monotonic() - began, 1)
    report["peak_memory_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    save(arguments.output / FOLDER, data, trained, report)
    if out is not None:
        out.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    if trained.interrupted:
        print("Interrupted: this is the best until then")
    print(
        f"Test: MRR {found['mrr']:.3f}, hits@1 {found['hits_at_1']:.3f}, hits@3 {found['hits_at_3']:.3f}, "
        f"hits@10 {found['hits_at_10']:.3f} (filtered, both sides, realistic rank)"
    )
    print(
        f"Best after {trained.best_epoch} of {report['epochs']} epochs, {report['seconds']:.0f} s, "
        f"{report['peak_memory_mib']:,} MiB at most; vectors in {arguments.output / FOLDER}"
    )


def save(folder: Path, data: Graph, trained: graph.Trained, report: dict[str, Any]) -> None:
    """Writes names, a line each, and vectors float32 in their order; inverses follow the relations. All, or nothing."""
    with replacing.folder(folder, stale=()) as new:
        for name, names, vectors in (
            ("entities", data.entities, trained.model.entities()),
            ("relations", data.relations + [f"inverse of {name}" for name in data.relations], trained.model.steps),
        ):
            (new / f"{name}.txt").write_text("".join(f"{each}\n" for each in names), encoding="utf-8")
            np.save(new / f"{name}.npy", np.asarray(vectors, np.float32))
        (new / REPORT).write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))


def _read(path: Path) -> list[Triple]:
    found, broken = triples.read(path)
    if broken:
        first = broken[0]
        print(f"{path}: {len(broken):,} lines left out; the first, line {first.line}: {first.reason}")
    return found


def _about(data: Graph) -> dict[str, Any]:
    return {
        "entities": len(data.entities),
        "relations": len(data.relations),
        "triples": {name: len(getattr(data, name)) for name in ("train", "valid", "test")},
        "unseen": {name: int((getattr(data, name) == UNKNOWN).any(axis=1).sum()) for name in ("valid", "test")},
        "repeated": data.repeated,
    }


def _say(data: Graph) -> None:
    about = _about(data)
    print(
        f"{about['entities']:,} entities, {about['relations']:,} relations; "
        + ", ".join(f"{count:,} triples for {name}" for name, count in about["triples"].items())
    )
    if data.repeated:
        print(f"{data.repeated:,} triples of valid or test left out: what comes before holds them too")
    for name, count in about["unseen"].items():
        if count:
            rank = ", ranked last" if name == "test" else ", left out"
            print(f"{count:,} triples of {name} have an entity or a relation that training has not seen{rank}")
