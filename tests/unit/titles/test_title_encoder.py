"""Titles become arrays and arrays become vectors: padding, what is not known, the GRU's formula, files."""

from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.titles import encoder_files, training
from models.titles.encoder import GRU, BiGRU, Encoder
from models.titles.inputs import Inputs, Texts
from models.titles.table import TitleRecord
from models.titles.text import Words
from models.titles.training import Trained
from streams.errors import CommandError

TITLES = [
    TitleRecord("a", "A", "film", 1999, tags=("heist", "Dark"), people=("Kim",), summary="A thief plans a heist."),
    TitleRecord("b", "B", "series", 2009, tags=("dark",), people=("Kim",), countries=("FR",), summary="A thief runs."),
    TitleRecord("c", "C"),
]


NO_TEXTS = Texts(None, np.zeros((3, 0), np.float32))


def texts(lengths: tuple[int, ...], seed: int = 0) -> Texts:
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    sentences = rng.normal(size=(len(lengths), 6)).astype(np.float32) * (np.array(lengths) > 0)[:, None]
    return Texts(Words(rng.normal(size=(offsets[-1], 8)).astype(np.float16), offsets), sentences)


@pytest.fixture
def inputs() -> Inputs:
    learned = Inputs.learn(TITLES, texts((5, 3, 0)), "minilm")
    bags = Inputs.learn(TITLES, NO_TEXTS, "none").vocabularies
    return replace(learned, vocabularies=bags)  # with terms too, as without a text model


def test_only_what_stands_in_two_titles_is_learned_and_case_does_not_matter(inputs: Inputs) -> None:
    assert inputs.vocabularies == {
        "terms": ["a", "a thief", "thief"],
        "tags": ["dark"],
        "people": ["kim"],
        "countries": [],
        "kind": ["film", "series"],
    }
    assert inputs.year == (2004.0, 5.0)


def test_where_a_text_model_reads_summaries_their_terms_are_not_learned() -> None:
    assert Inputs.learn(TITLES, texts((5, 3, 0)), "minilm").vocabularies["terms"] == []


def test_a_title_becomes_numbers_from_the_vocabularies_with_zeros_for_what_is_not_known(inputs: Inputs) -> None:
    batch = inputs.table(TITLES, texts((5, 3, 0))).batch(np.array([0, 2]), multiple=4)
    assert batch["tags"].tolist() == [[1], [0]]
    assert batch["kind"].tolist() == [[1], [0]]
    assert sorted(batch["terms"][0].tolist()) == [1, 2, 3]
    assert batch["year"].tolist() == [[-1.0, 1.0], [0.0, 0.0]]
    assert batch["lengths"].tolist() == [5, 0]
    assert batch["words"].shape == (2, 8, 8)
    assert not batch["words"][0, 5:].any()


def test_the_gru_is_equinox_s_own_cell_run_over_the_words_both_ways() -> None:
    gru = BiGRU(8, jax.random.key(1))
    words = jax.random.normal(jax.random.key(2), (1, 5, 8))
    forward = backward = jnp.zeros(GRU)
    for number in range(5):
        forward = gru.forward(words[0, number], forward)
        backward = gru.backward(words[0, 4 - number], backward)
    states = gru(words, jnp.array([5]))[0]
    assert np.allclose(states, jnp.concatenate([forward, backward]), atol=1e-6)


def test_a_title_has_the_same_vector_alone_and_beside_longer_ones(inputs: Inputs) -> None:
    encoder = Encoder(inputs, jax.random.key(0))
    table = inputs.table(TITLES, texts((5, 40, 0)))
    beside = training.vectors(encoder, table)
    for row in range(3):
        assert np.allclose(encoder(table.batch(np.array([row]), multiple=1))[0], beside[row], atol=1e-5)


def test_what_is_not_known_has_a_learned_vector_of_its_own(inputs: Inputs) -> None:
    encoder = Encoder(inputs, jax.random.key(0))
    encoder = eqx.tree_at(lambda e: (e.words.unknown, e.sentence_unknown), encoder, (jnp.ones(2 * GRU), jnp.ones(6)))
    parts = encoder.parts(inputs.table([TITLES[2]], texts((0,))).batch(np.array([0])))
    assert np.allclose(parts["words"], 1)
    assert np.allclose(parts["sentence"], 1)
    for name, bag in encoder.bags.items():
        assert np.array_equal(parts[name][0], bag.vectors[0])


def test_an_unheard_of_tag_is_no_tag(inputs: Inputs) -> None:
    encoder = Encoder(inputs, jax.random.key(0))
    unheard = [TitleRecord("c", "C", tags=("zombies",)), TITLES[2]]
    one, two = training.vectors(encoder, inputs.table(unheard, texts((0, 0))))
    assert np.array_equal(one, two)


def test_an_encoder_read_again_gives_the_same_vectors(inputs: Inputs, tmp_path: Path) -> None:
    encoder = Encoder(inputs, jax.random.key(3))
    encoder_files.save(tmp_path, inputs, {"category": Trained(encoder, {})})
    again, loaded = encoder_files.load_encoder(tmp_path, "category")
    assert again == inputs
    table = inputs.table(TITLES, texts((5, 3, 0)))
    assert np.array_equal(training.vectors(encoder, table), training.vectors(loaded, table))
    with np.load(tmp_path / "encoders" / "category.npz") as stored:
        assert {"encoder.words.forward.weight_ih", "encoder.bags.tags.vectors", "encoder.join.weight"} <= set(stored)


def test_a_task_that_was_not_trained_is_said_to_be_missing(inputs: Inputs, tmp_path: Path) -> None:
    encoder_files.save(tmp_path, inputs, {})
    with pytest.raises(CommandError, match="train again"):
        encoder_files.load_encoder(tmp_path, "audience")
