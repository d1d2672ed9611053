"""Writes a bundle: the models as ONNX, the placement, the side inputs, and the manifest over all of them."""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson
from onnx import ModelProto
from onnx import load as read_model

from export import explanation, onnx, parity
from models.calibration import Calibrator
from models.continuation import Continuation
from models.examples import Examples
from models.pipeline import About
from models.ranking import Ranker
from models.training import Models
from streams import features, vectors
from streams.errors import CommandError
from streams.scoring.aggregate import PROBABILITY_NAMES, STANDING_NAMES
from streams.scoring.bundle import FORMAT, MANIFEST, sha256_of
from streams.scoring.scorer import load

FILES: Final = {
    "ranker": "ranker.onnx",
    "play_probability": "play_probability.onnx",
    "continuation": "continuation.onnx",
    "explanation": "explanation.npz",
    "placement": "placement.json",
    "titles": "titles.npz",
    "population": "population.npz",
}
LIBRARIES: Final = ("lightgbm", "numpy", "onnx", "onnxruntime")


def write(
    folder: Path, models: Models, placement: Mapping[str, Any], examples: Examples, about: About
) -> tuple[dict[str, Any], parity.Parity]:
    """Writes the bundle into `folder`, in place of one there; returns its manifest and how it compares.

    The bundle is complete, verified and compared on `examples` before the first file of an old one is touched.
    Raises CommandError where the folder can't be written or the exported models differ from the trained ones.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as name:
            made = Path(name)
            _files(made, models, placement)
            manifest = _manifest(made, models, about)
            (made / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            compared = parity.check(models, made, load(made), examples)
            for file in (*FILES.values(), MANIFEST):
                shutil.move(made / file, folder / file)
    except OSError as error:
        raise CommandError(f"{folder} can't be written: {error.strerror}; name another folder with -o") from None
    return manifest, compared


def _files(folder: Path, models: Models, placement: Mapping[str, Any]) -> None:
    graphs = {
        "ranker": ranker_graph(models.ranker),
        "play_probability": _play_probability(models.calibrator),
        "continuation": _continuation(models.continuation),
    }
    for role, graph in graphs.items():
        onnx.write(graph, folder / FILES[role])
    explanation.write(graphs["ranker"], len(features.NAMES), folder / FILES["explanation"])
    (folder / FILES["placement"]).write_bytes(orjson.dumps(placement, option=orjson.OPT_INDENT_2))
    models.population.save(folder / FILES["population"])
    vectors.save(folder / FILES["titles"], models.population.vectors)


def ranker_graph(ranker: Ranker, trees: int | None = None) -> ModelProto:
    """The ranker as ONNX, float32 (rows, F) to (rows,) or (rows, 1); with the first `trees` of its own alone."""
    if ranker.prior is not None:
        prior = read_model(ranker.prior.path)
        return prior if ranker.booster is None else onnx.joined(prior, ranker.booster, trees)
    if ranker.booster is not None:
        return onnx.trees(ranker.booster, sigmoid=False, first=trees)
    return onnx.negated_column(features.NAMES.index("recency_rank"), len(features.NAMES))


def _play_probability(calibrator: Calibrator) -> ModelProto:
    if calibrator.prior is not None:
        prior = read_model(calibrator.prior.path)
        return prior if calibrator.booster is None else onnx.over(prior, calibrator.booster)
    if calibrator.booster is not None:
        return onnx.trees(calibrator.booster, sigmoid=True)
    return onnx.constant(calibrator.base_rate, len(STANDING_NAMES) + len(features.CONTEXT_NAMES))


def _continuation(continuation: Continuation) -> ModelProto:
    if continuation.prior is not None:
        prior = read_model(continuation.prior.path)
        return prior if continuation.booster is None else onnx.over(prior, continuation.booster)
    return onnx.corrected(
        continuation.booster,
        column=PROBABILITY_NAMES.index("p_any"),
        width=len(PROBABILITY_NAMES) + len(features.CONTEXT_NAMES) + len(features.NAMES),
        slope=continuation.product.slope,
        shift=continuation.product.shift,
    )


def _manifest(folder: Path, models: Models, about: About) -> dict[str, Any]:
    files = {name: sha256_of(folder / name) for name in FILES.values()}
    created = datetime.now(UTC)
    content = hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest()
    return {
        "format": FORMAT,
        "version": f"{created:%Y%m%dT%H%M%SZ}-{content[:8]}",
        "created": created.isoformat(timespec="seconds"),
        "candidate_days": about.candidate_days,
        "features": {
            "schema_hash": features.SCHEMA_HASH,
            "names": list(features.NAMES),
            "context_names": list(features.CONTEXT_NAMES),
        },
        "roles": FILES,
        "files": files,
        "ranker": {"kind": models.ranker.kind, "choice_mrr": models.choice},
        "training": {name: value for name, value in asdict(about).items() if name != "prior"},
        "prior": about.prior,
        "libraries": {"python": sys.version.split()[0], **{name: version(name) for name in LIBRARIES}},
    }
