"""A bundle serves whole or not at all."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from bundles import announcement, rewrite

from streams import features
from streams.scoring.bundle import MANIFEST, BundleRefused
from streams.scoring.fallback import RecencyScorer
from streams.scoring.scorer import load
from streams.scoring.swap import ModelSlot


def rehash(folder: Path, name: str) -> None:
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    rewrite(folder, lambda manifest: manifest["files"].update({name: digest}))


def refusal(folder: Path) -> str:
    with pytest.raises(BundleRefused) as refused:
        load(folder)
    assert "\n" not in str(refused.value)
    return refused.value.reason


def test_a_bundle_as_written_is_taken(folder):
    scorer = load(folder)
    assert scorer.candidate_days == 30
    assert scorer.place(0.99) == (1, "probability")


def test_the_bundle_scores_as_the_models_it_was_made_from(written, replayed):
    folder, models, parity = written
    scorer = load(folder)
    examples = replayed.examples
    X, C = examples.matrices(scorer.population)
    scores = scorer.score(X, examples.offsets, C)
    native = models.score(examples)
    assert np.abs(scores.score - native.score).max() < 1e-4
    # A score that differs in its last digit may fall to the other side of a split of the calibration.
    assert np.quantile(np.abs(scores.play_probability - native.play), 0.999) < 1e-4
    assert np.quantile(np.abs(scores.continuation - native.continuation), 0.99) < 1e-4
    assert parity.largest < 1e-4
    assert parity.decisions == len(examples)


def test_scoring_in_batches_equals_scoring_one_by_one(written, replayed):
    scorer = load(written[0])
    few = replayed.examples.select(np.arange(len(replayed.examples)) < 40)
    X, C = few.matrices(scorer.population)
    together = scorer.score(X, few.offsets, C)
    for number in range(len(few)):
        rows = slice(few.offsets[number], few.offsets[number + 1])
        alone = scorer.score(X[rows], np.array([0, few.sizes[number]]), C[number : number + 1])
        assert np.allclose(alone.play_probability, together.play_probability[rows], atol=1e-6)
        assert np.allclose(alone.continuation, together.continuation[number], atol=1e-6)


def test_a_member_without_candidates_continues_nothing(written):
    scorer = load(written[0])
    X = np.zeros((2, len(features.NAMES)), np.float32)
    C = np.zeros((3, len(features.CONTEXT_NAMES)), np.float32)
    scores = scorer.score(X, np.array([0, 0, 2, 2]), C)
    assert scores.continuation[0] == scores.continuation[2] == 0
    assert scores.continuation[1] > 0
    none = scorer.score(X[:0], np.array([0, 0]), C[:1])
    assert (len(none.score), none.continuation.tolist()) == (0, [0.0])


def test_a_changed_file_is_refused(folder):
    (folder / "ranker.onnx").write_bytes((folder / "ranker.onnx").read_bytes() + b"\0")
    assert refusal(folder) == "hash"


def test_a_missing_file_is_refused(folder):
    (folder / "population.npz").unlink()
    assert refusal(folder) == "missing"


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    assert refusal(tmp_path) == "missing"


def test_other_features_are_refused(folder):
    rewrite(folder, lambda manifest: manifest["features"].update(schema_hash="0" * 64))
    assert refusal(folder) == "schema"


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(format=99),
        lambda manifest: manifest.update(version="../../etc"),
        lambda manifest: manifest.update(candidate_days="30"),
        lambda manifest: manifest["files"].update({"../escape.onnx": "0" * 64}),
        lambda manifest: manifest["roles"].pop("ranker"),
        lambda manifest: manifest.pop("features"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(folder, change):
    rewrite(folder, change)
    assert refusal(folder) == "manifest"


@pytest.mark.parametrize("payload", [b"", b"not json", b"[]", b"null"])
def test_a_manifest_that_is_none_is_refused(folder, payload):
    (folder / MANIFEST).write_bytes(payload)
    assert refusal(folder) == "manifest"


def test_a_model_that_is_none_is_refused_though_its_hash_is_right(folder):
    (folder / "continuation.onnx").write_bytes(b"not a model")
    rehash(folder, "continuation.onnx")
    assert refusal(folder) == "model"


def test_a_model_for_another_width_is_refused(folder):
    shutil.copy(folder / "continuation.onnx", folder / "ranker.onnx")
    rehash(folder, "ranker.onnx")
    assert refusal(folder) == "model"


def test_side_inputs_that_cant_be_read_are_refused(folder):
    (folder / "placement.json").write_bytes(b"{}")
    rehash(folder, "placement.json")
    assert refusal(folder) == "placement"


def test_a_population_that_cant_be_read_is_refused(folder):
    (folder / "population.npz").write_bytes(b"not an archive")
    rehash(folder, "population.npz")
    assert refusal(folder) == "population"


# --- taking over


def test_a_published_bundle_is_copied_and_serves(folder, tmp_path):
    slot = ModelSlot(tmp_path / "home")
    assert slot.current.version == "recency"
    version, record = announcement(folder)
    assert slot.apply("ranking", record)
    assert slot.current.version == version
    shutil.rmtree(folder)
    assert ModelSlot(tmp_path / "home").apply("ranking", record), "the copy serves after a restart"


def test_a_bad_bundle_changes_nothing(folder, tmp_path):
    slot = ModelSlot(tmp_path / "home")
    version, record = announcement(folder)
    assert slot.apply("ranking", record)
    worse = shutil.copytree(folder, tmp_path / "worse")
    rewrite(worse, lambda manifest: manifest.update(version="20990101T000000Z-worse"))
    _, record = announcement(worse)
    (worse / "ranker.onnx").write_bytes(b"changed on its way")
    assert not slot.apply("ranking", record)
    assert slot.current.version == version


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"null",
        b"{}",
        b'{"version": "..", "uri": "file:///tmp", "manifest_sha256": "' + b"0" * 64 + b'"}',
        b'{"version": "v", "uri": "ftp://host/b", "manifest_sha256": "' + b"0" * 64 + b'"}',
        b'{"version": "v", "uri": "file:///nowhere", "manifest_sha256": "' + b"0" * 64 + b'"}',
        b'{"version": "v", "uri": "file:///nowhere", "manifest_sha256": "short"}',
    ],
)
def test_an_announcement_that_leads_nowhere_leaves_recency_serving(record, tmp_path):
    slot = ModelSlot(tmp_path)
    assert not slot.apply("ranking", record)
    assert slot.current.version == "recency"


def test_an_announcement_of_another_manifest_is_refused(folder, tmp_path):
    _, record = announcement(folder)
    rewrite(folder, lambda manifest: manifest.update(candidate_days=31))
    assert not ModelSlot(tmp_path / "home").apply("ranking", record)


def test_without_a_bundle_the_order_is_recency_and_there_are_no_probabilities():
    scorer = RecencyScorer()
    X = np.zeros((5, len(features.NAMES)), np.float32)
    scores = scorer.score(X, np.array([0, 3, 3, 5]), np.zeros((3, len(features.CONTEXT_NAMES)), np.float32))
    assert scores.score.tolist() == [0, -1, -2, 0, -1]
    assert scores.play_probability is None
    assert scores.continuation is None
    assert scores.version == "recency"
    assert scorer.place(None) == (1, "default")
