"""The text models: the vectors they are published to give, padding, blank texts, the cache, and what is missing."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.titles import text
from streams.errors import CommandError


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> text.WordModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CW_HOME", str(tmp_path_factory.mktemp("text")))
        return text.WordModel(text.minilm_folder())


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CW_HOME", str(tmp_path))


def test_sentences_are_as_alike_as_the_model_s_makers_publish(minilm: text.WordModel) -> None:
    """The similarities in the quick start of sentence-transformers for all-MiniLM-L6-v2, to the digits given there."""
    sentences = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    means = text.sentence_means(minilm.word_vectors(sentences))
    expected = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    assert np.allclose(means @ means.T, expected, atol=1e-4)


def test_a_text_has_the_same_vectors_alone_and_beside_a_longer_one(minilm: text.WordModel) -> None:
    alone = minilm.word_vectors(["A chef falls in love."])
    beside = minilm.word_vectors(["A chef falls in love.", "A detective hunts a killer " * 8])
    assert np.allclose(alone.vectors, beside.vectors[: beside.offsets[1]], atol=2e-3)


def test_a_blank_text_has_no_words_and_a_long_one_is_cut(minilm: text.WordModel) -> None:
    words = minilm.word_vectors(["", "  ", "Hello", "very " * 1000])
    assert words.offsets.tolist() == [0, 0, 0, 3, 3 + text.LONGEST]
    means = text.sentence_means(words)
    assert not means[:2].any()
    assert np.allclose(np.linalg.norm(means[2:], axis=1), 1)


def test_vectors_are_computed_once(minilm: text.WordModel, monkeypatch: pytest.MonkeyPatch) -> None:
    first = minilm.word_vectors(["A chef falls in love."])
    monkeypatch.setattr(text.WordModel, "_compute", None)
    assert np.array_equal(minilm.word_vectors(["A chef falls in love."]).vectors, first.vectors)


def test_the_sentence_encoder_knows_that_two_languages_say_the_same() -> None:
    vectors = text.sentence_vectors(["A dog runs in the park.", "Ein Hund läuft im Park.", "Stock markets fell.", ""])
    assert vectors.shape == (4, 512)
    assert vectors[0] @ vectors[1] > 0.6 > 0.3 > vectors[0] @ vectors[2]
    assert not vectors[3].any()


def test_a_folder_that_is_no_bert_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="holds no text model"):
        text.WordModel(tmp_path)


def test_another_kind_of_model_is_refused(minilm: text.WordModel, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5", "hidden_act": "relu"}))
    (tmp_path / "model.safetensors").symlink_to(minilm.folder / "model.safetensors")
    with pytest.raises(CommandError, match="is a t5 model"):
        text.WordModel(tmp_path)
