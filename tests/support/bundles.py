"""Bundles as tests change and announce them."""

import hashlib
import shutil
from pathlib import Path

import onnx
import orjson
from onnx import TensorProto, helper

from export.onnx import IR_VERSION, ML_OPSET, OPSET
from export.publish import source_of
from streams import features
from streams.scoring import announcements
from streams.scoring.announcements import Announcement
from streams.scoring.bundle import MANIFEST


def rewrite(folder: Path, change) -> None:
    """Changes the manifest."""
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest))


def copy_as(folder: Path, target: Path, version: str) -> Path:
    """A copy of a bundle that calls itself by another version."""
    shutil.copytree(folder, target)
    rewrite(target, lambda manifest: manifest.update(version=version))
    return target


def announcement(folder: Path, at: int = 1) -> tuple[str, bytes]:
    """Version and record of the folder's announcement as the bundle to serve."""
    source = source_of(folder)
    return source.version, announcements.encode(announcements.following(source, at, None))


def trial(folder: Path, mode: str, share: float = 0.0, at: int = 1) -> bytes:
    """The record of the folder's announcement as the candidate."""
    source = source_of(folder)
    return announcements.encode(Announcement(source, at, mode=mode, share=share, experiment=source.version))


def with_ranker(folder: Path, nodes: list, constants: list) -> Path:
    """The bundle with another graph for a ranker, its hash put right; it can't be explained."""
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, [None, len(features.NAMES)])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None])],
        initializer=constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION), folder / "ranker.onnx")
    digest = hashlib.sha256((folder / "ranker.onnx").read_bytes()).hexdigest()

    def change(manifest: dict) -> None:
        manifest["files"]["ranker.onnx"] = digest
        del manifest["roles"]["explanation"]

    rewrite(folder, change)
    return folder


def nan_at_zero(folder: Path) -> Path:
    """A bundle that passes every check, since made-up features are never 0, and gives no number for unrated shows."""
    column = helper.make_tensor("column", TensorProto.INT64, [], [features.NAMES.index("rating")])
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    nodes = [
        helper.make_node("Gather", ["inputs", "column"], ["x"], axis=1),
        helper.make_node("IsNaN", ["x"], ["missing"]),
        helper.make_node("Where", ["missing", "one", "x"], ["there"]),
        helper.make_node("Div", ["there", "there"], ["output"]),  # 0 / 0
    ]
    return with_ranker(folder, nodes, [column, one])
