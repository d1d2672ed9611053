"""TransE: learns what a graph repeats, the same from both sides, over all entities or over some."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import orjson
import pytest

from models.titles import graph as graphs
from models.titles.graph import Settings, settings_for, test_ranks, train, train_view, vectors_of
from models.titles.knowledge_graph import build, split
from models.titles.link_prediction import figures
from models.titles.table import TitleRecord
from models.titles.translation import TransE, batch_of, distances, loss, scores
from models.titles.triples import Triple, derive, write
from streams.cli import main

KEY = jax.random.key(0)
compiled_loss = eqx.filter_jit(loss)
test_ranks.__test__ = False  # a function of the module, not a test
QUICK = Settings(dimensions=32, epochs=30, queries=128, learning_rate=0.03, dropout=0.0)


def atlas(size: int) -> list[Triple]:
    """Countries, capitals and languages, and what leads from one to another: each third fact follows from two."""
    return [
        triple
        for i in range(size)
        for triple in (
            Triple(f"country{i}", "capital", f"city{i}"),
            Triple(f"city{i}", "speaks", f"language{i}"),
            Triple(f"country{i}", "language", f"language{i}"),
        )
    ]


def test_distances_are_euclidean_and_weights_weigh_squares():
    ends, points = jnp.array([[1.0, 2.0]]), jnp.array([[1.0, 2.0], [4.0, 6.0], [1.0, 0.0]])
    assert distances(ends, points)[0].tolist() == pytest.approx([0.001, 5.0, 2.0])
    assert distances(ends, points, jnp.array([[2.0, 0.0]]))[0].tolist() == pytest.approx([0.001, 18**0.5, 0.001])


def test_the_loss_is_a_softmax_over_the_answer_and_what_is_no_answer():
    """Computed by hand in numpy: two answers to one query, which don't compete with each other."""
    model = TransE(5, 1, 4, jax.random.key(3))
    known = np.zeros(2, np.int64), np.array([1, 3], np.int32)
    batch = batch_of(np.array([0], np.int32), np.array([0], np.int32), known, 5, None)
    logits = 8.0 * np.asarray(scores(model, jnp.array([0]), jnp.array([0])))[0]
    others = np.exp(logits[[0, 2, 4]]).sum()
    by_hand = sum(-np.log(np.exp(logits[i]) / (np.exp(logits[i]) + others)) for i in (1, 3))
    assert float(compiled_loss(model, batch, 8.0, 0.0, 0.0, jax.random.key(0))) == pytest.approx(by_hand, rel=1e-4)


def _all_as_whole_and_as_drawn(dimensions):
    """A model of six entities, and two queries to it: against all of them, and against all as if they were drawn."""
    query = np.array([0, 5], np.int32), np.array([1, 2], np.int32)
    known = np.array([0, 0, 1]), np.array([1, 4, 2], np.int32)
    whole = batch_of(*query, known, 6, None)
    drawn = batch_of(*query, known, 6, np.array([3, 1, 0, 5, 4, 2], np.int32))
    return TransE(6, 2, dimensions, jax.random.key(1)), whole, drawn


def test_drawn_candidates_that_happen_to_be_all_entities_give_the_same_loss():
    model, whole, drawn = _all_as_whole_and_as_drawn(dimensions=4)
    for dropout in (0.0, 0.5):
        of_whole, of_drawn = (float(compiled_loss(model, b, 8.0, 0.3, dropout, KEY)) for b in (whole, drawn))
        assert of_drawn == pytest.approx(of_whole, rel=1e-4)


@pytest.mark.parametrize(
    "settings",
    [QUICK, replace(QUICK, candidates=30), replace(QUICK, dimensions=64, dropout=0.3, dropped_together=True)],
    ids=["all entities", "drawn entities", "coordinates dropped together"],
)
def test_what_follows_is_learned_from_both_sides(settings):
    data = build(*split(atlas(40), seed=0))
    trained = train(data, settings)
    found = figures(test_ranks(trained.model, data))
    assert found["sides"]["head"]["mrr"] > 0.9
    assert found["sides"]["tail"]["mrr"] > 0.9
    losses = [judged["loss"] for judged in trained.history]
    assert losses[-1] < losses[0] / 2


def test_what_is_told_one_way_of_a_relation_that_holds_both_ways_is_predicted_the_other_way():
    """Forty pairs of neighbours; of the last ten one direction is held out. Read as it is told it gives 0.5."""
    pairs = [(f"a{i}", f"b{i}") for i in range(40)]
    told = [Triple(a, "beside", b) for a, b in pairs] + [Triple(b, "beside", a) for a, b in pairs[:30]]
    data = build(told, [], [Triple(b, "beside", a) for a, b in pairs[30:]])
    assert figures(test_ranks(train(data, QUICK).model, data))["mrr"] > 0.6


def test_the_same_seed_gives_the_same_vectors():
    data = build(*split(atlas(20), seed=0))
    short = Settings(dimensions=8, epochs=2, queries=32)
    one, two = (np.asarray(train(data, short).model.entities()) for _ in range(2))
    assert (one == two).all()


def test_training_stops_when_validation_gets_no_better():
    """Nothing is to be learned from triples drawn at random."""
    rng = np.random.default_rng(0)
    random = [Triple(f"e{rng.integers(40)}", f"r{rng.integers(3)}", f"e{rng.integers(40)}") for _ in range(400)]
    trained = train(build(*split(random, seed=0)), Settings(dimensions=8, epochs=200, queries=64, patience=2))
    assert len(trained.history) < 50
    assert len(trained.history) == trained.best_epoch + 2


def test_coordinates_that_are_dropped_together_are_the_same_for_drawn_candidates():
    model, whole, drawn = _all_as_whole_and_as_drawn(dimensions=8)
    together, apart, nothing_dropped = (
        [float(compiled_loss(model, b, 8.0, 0.3, dropout, KEY, flag)) for b in (whole, drawn)]
        for dropout, flag in ((0.5, True), (0.5, False), (0.0, True))
    )
    assert together[0] == pytest.approx(together[1], rel=1e-4)
    assert together[0] != pytest.approx(apart[0], rel=1e-4)
    assert together[0] != pytest.approx(nothing_dropped[0], rel=1e-4)


def test_a_large_graph_has_settings_of_its_own_and_a_very_large_one_draws_candidates():
    assert settings_for(6_000) == Settings()
    assert settings_for(6_001).dropped_together
    assert settings_for(6_001).candidates == 16_384


def test_it_says_after_each_step_how_far_it_is():
    heard = []
    short = Settings(dimensions=8, epochs=2, queries=32, patience=9)
    train(build(*split(atlas(20), seed=0)), short, stepped=lambda done, total: heard.append((done, total)))
    assert heard == [(done, len(heard)) for done in range(1, len(heard) + 1)]


def test_ctrl_c_keeps_the_best_so_far():
    heard = []

    def judged(history):
        heard.append(history)
        if len(heard) == 2:
            raise KeyboardInterrupt

    trained = train(build(*split(atlas(30), seed=0)), QUICK, judged)
    assert trained.interrupted
    assert len(trained.history) == 2
    assert np.isfinite(np.asarray(trained.model.entities())).all()


def test_ctrl_c_before_the_first_judgement_ends_the_command(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(graphs, "_batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(build(*split(atlas(30), seed=0)), QUICK)


def test_a_title_that_the_graph_does_not_have_gets_zeros():
    data = build([Triple("title:a", "has_tag", "tag:x"), Triple("title:b", "has_tag", "tag:x")], [], [])
    model = TransE(3, 1, 4, jax.random.key(0))
    vectors = vectors_of([TitleRecord("b", "B"), TitleRecord("c", "C")], data, model)
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1.0, 0.0])
    assert vectors[0].tolist() == pytest.approx(np.asarray(model.entities())[2].tolist())


def test_titles_that_share_people_and_tags_lie_together():
    """Two groups of twenty titles, each with its own people and tags."""
    rng = np.random.default_rng(0)
    titles = [
        TitleRecord(
            f"s{i}",
            f"Title {i}",
            tags=tuple(f"{i % 2} tag {n}" for n in rng.choice(8, 4, replace=False)),
            people=tuple(f"{i % 2} person {n}" for n in rng.choice(8, 3, replace=False)),
        )
        for i in range(40)
    ]
    vectors, about = train_view(titles, derive(titles), QUICK)
    assert vectors.shape == (40, 32)
    assert 0 < about["mrr"] <= 1
    near = vectors @ vectors.T
    np.fill_diagonal(near, -1)
    nearest = near.argmax(axis=1)
    assert (nearest % 2 == np.arange(40) % 2).mean() > 0.9


def test_the_command_trains_measures_and_writes(tmp_path, capsys):
    train_part, valid, test = split(atlas(30), seed=0)
    test.append(Triple("city1", "speaks", "stranger"))
    for name, part in (("train", train_part), ("valid", valid), ("test", test)):
        write(tmp_path / f"{name}.txt", part)
    text = (tmp_path / "train.txt").read_text()
    (tmp_path / "train.txt").write_text("city1 speaks language1\n\n" + text.replace("\n", "\r\n") + text, newline="")
    argv = ["titles", "train", "--triples", str(tmp_path / "train.txt"), "--valid", str(tmp_path / "valid.txt")]
    argv += ["--test", str(tmp_path / "test.txt"), "-o", str(tmp_path / "out"), "--json", str(tmp_path / "out.json")]
    assert main(argv) == 0
    report = orjson.loads((tmp_path / "out.json").read_bytes())
    assert report["triples"] == {"train": 82, "valid": 4, "test": 5}
    assert report["unseen"] == {"valid": 0, "test": 1}
    assert 0 < report["mrr"] <= 1
    assert report["hits_at_1"] <= report["hits_at_3"] <= report["hits_at_10"] <= 1
    assert report["seconds"] > 0
    assert report["peak_memory_mib"] > 0
    names = (tmp_path / "out" / "graph" / "entities.txt").read_text().splitlines()
    assert np.load(tmp_path / "out" / "graph" / "entities.npy").shape[0] == len(names) == 90
    assert np.load(tmp_path / "out" / "graph" / "relations.npy").shape[0] == 6
    said = capsys.readouterr().out
    assert "1 lines left out; the first, line 1: 1 tab-separated fields" in said
    assert "1 triples of test have an entity or a relation that training has not seen, ranked last" in said


def test_the_command_splits_off_what_it_is_not_given(tmp_path):
    write(tmp_path / "all.tsv", atlas(40))
    out = tmp_path / "out.json"
    argv = ["titles", "train", "--triples", str(tmp_path / "all.tsv"), "-o", str(tmp_path / "out"), "--json", str(out)]
    assert main(argv) == 0
    assert orjson.loads(out.read_bytes())["triples"] == {"train": 108, "valid": 6, "test": 6}


def test_a_file_that_is_not_there_is_said_in_a_line(tmp_path, capsys):
    assert main(["titles", "train", "--triples", str(tmp_path / "no.tsv"), "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
