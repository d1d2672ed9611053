"""Ranks of held-out links: filtered, both sides, ties in the middle; and what is asked of a graph."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.titles.knowledge_graph import UNKNOWN, Answers, build, split
from models.titles.link_prediction import figures, ranks, realistic_ranks
from models.titles.triples import Triple
from streams.errors import CommandError

NOBODY = (np.zeros(0, np.int64), np.zeros(0, np.int32))


def triples(*texts: str) -> list[Triple]:
    return [Triple(*text.split()) for text in texts]


def test_a_rank_counts_what_scores_higher_and_half_of_what_scores_the_same():
    scores = np.array([[0.1, 0.9, 0.5, 0.5, 0.5]], np.float32)
    assert realistic_ranks(scores, np.array([2], np.int32), NOBODY).tolist() == [3.0]


def test_other_known_answers_do_not_push_the_answer_back():
    scores = np.array([[0.1, 0.9, 0.5, 0.8, 0.5]], np.float32)
    known = np.array([0, 0, 0]), np.array([1, 2, 4], np.int32)
    assert realistic_ranks(scores, np.array([2], np.int32), known).tolist() == [2.0]


def plain_rank(scores: list[int], target: int, known: set[int]) -> float:
    rivals = [score for i, score in enumerate(scores) if i != target and i not in known]
    optimistic = 1 + sum(score > scores[target] for score in rivals)
    pessimistic = 1 + sum(score >= scores[target] for score in rivals)
    return (optimistic + pessimistic) / 2


@given(st.data())
def test_ranks_are_those_of_a_plain_count(data):
    scores = data.draw(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
    target = data.draw(st.integers(0, len(scores) - 1))
    known = data.draw(st.sets(st.integers(0, len(scores) - 1)))
    others = np.zeros(len(known), np.int64), np.array(sorted(known), np.int32)
    found = realistic_ranks(np.array([scores], np.float32), np.array([target], np.int32), others)
    assert found.tolist() == [plain_rank(scores, target, known)]


def test_ranks_of_a_small_graph_by_hand():
    """Entities a b c d are 0 1 2 3. Scores prefer the higher number, whatever is asked."""
    graph = build(triples("a likes b", "a likes d", "c likes b"), [], triples("a likes c", "d likes b", "a likes x"))
    assert (graph.entities, graph.relations) == (["a", "b", "d", "c"], ["likes"])

    def score(sources, relations):
        assert set(relations.tolist()) <= {0, 1}
        return np.tile(np.array([0, 1, 3, 2], np.float32), (len(sources), 1))

    known = Answers(graph.with_inverses(np.concatenate([graph.train, graph.test])))
    # a likes ?: d and b are known, so c is first. ? likes c: d, b are ahead of a: third of b d c a … c itself too: 4th.
    # d likes ?: b comes after d and c: third. ? likes b: a and c are known, d is first. x is unseen: last, 4 of 4.
    assert ranks(score, graph, graph.test, known).tolist() == [[1, 3, 4], [4, 1, 4]]


def test_figures_are_means_over_both_sides():
    found = figures(np.array([[1.0, 2.0], [4.0, 20.0]]))
    assert found == {
        "mrr": pytest.approx((1 + 0.5 + 0.25 + 0.05) / 4),
        "hits_at_1": 0.25,
        "hits_at_3": 0.5,
        "hits_at_10": 0.75,
        "sides": {
            "tail": {"mrr": 0.75, "hits_at_1": 0.5, "hits_at_3": 1.0, "hits_at_10": 1.0},
            "head": {"mrr": pytest.approx(0.15), "hits_at_1": 0.0, "hits_at_3": 0.0, "hits_at_10": 0.5},
        },
    }


def test_scores_that_are_no_numbers_are_no_good_ranks():
    graph = build(triples("a r b"), [], triples("b r a"))
    with pytest.raises(CommandError, match="diverged"):
        ranks(lambda s, r: np.full((len(s), 2), np.nan, np.float32), graph, graph.test, Answers(graph.train))


def test_what_is_held_out_and_unseen_in_training_is_marked_and_what_training_has_is_left_out():
    graph = build(triples("a r b", "b r c"), triples("a r b", "a r c"), triples("a r z", "a s b", "a r c"))
    assert graph.valid.tolist() == [[0, 0, 2]]
    assert graph.test.tolist() == [[0, 0, UNKNOWN], [0, UNKNOWN, 1]]
    assert graph.repeated == 2


def test_a_relation_that_mostly_holds_both_ways_is_read_both_ways_in_training_alone():
    """`borders` is there both ways for four of five triples, `likes` for two of four, which is not more than half."""
    borders = triples("a borders b", "b borders a", "c borders d", "d borders c", "a borders d")
    likes = triples("a likes b", "b likes a", "c likes a", "d likes a")
    graph = build([*borders, *likes], triples("d borders a"), triples("c likes d"))
    assert dict(zip(graph.relations, graph.symmetric().tolist(), strict=True)) == {"borders": True, "likes": False}
    a, d = graph.entities.index("a"), graph.entities.index("d")
    assert graph.train_both_ways().tolist() == [*graph.train.tolist(), [d, 0, a]]
    assert len(graph.train) == 9
    assert graph.valid.tolist() == [[d, 0, a]]


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=40))
def test_reading_both_ways_is_the_same_as_plainly_turning_what_is_missing(drawn):
    graph = build([Triple(f"e{h}", f"r{r}", f"e{t}") for h, r, t in drawn], [], [])
    there = [tuple(row) for row in graph.train.tolist()]
    expected = list(there)
    for relation in range(len(graph.relations)):
        of = [(h, r, t) for h, r, t in there if r == relation]
        if sum((t, r, h) in there for h, r, t in of) > len(of) / 2:
            expected += [(t, r, h) for h, r, t in of if (t, r, h) not in there]
    assert sorted(map(tuple, graph.train_both_ways().tolist())) == sorted(expected)


def test_no_triples_are_no_graph():
    with pytest.raises(CommandError, match="no triple is left to train on"):
        build([], [], [])


def test_answers_are_all_that_is_known_of_a_query():
    answers = Answers(np.array([[0, 0, 1], [0, 0, 2], [1, 0, 2], [0, 1, UNKNOWN]], np.int32))
    rows, entities = answers.of(np.array([1, 5, 0], np.int32), np.array([0, 0, 0], np.int32))
    assert (rows.tolist(), entities.tolist()) == ([0, 2, 2], [2, 1, 2])
    assert len(answers) == 2


def test_a_split_takes_nothing_whose_entities_or_relation_would_be_gone():
    """A ring of 100 with a chord each, and one triple whose relation is used once."""
    ring = [Triple(str(i), "next", str((i + step) % 100)) for i in range(100) for step in (1, 7)]
    train, valid, test = split([*ring, Triple("0", "once", "50")], seed=0)
    assert (len(train), len(valid), len(test)) == (181, 10, 10)
    assert {*train, *valid, *test} == {*ring, Triple("0", "once", "50")}
    graph = build(train, valid, test)
    assert (graph.valid != UNKNOWN).all()
    assert (graph.test != UNKNOWN).all()
    assert Triple("0", "once", "50") in train


def test_a_chain_is_not_torn():
    """Every inner entity of a chain has two triples, its ends one: holding one out may not orphan an entity."""
    chain = [Triple(str(i), "next", str(i + 1)) for i in range(60)]
    train, valid, test = split(chain, seed=1)
    graph = build(train, valid, test)
    assert len(valid) == len(test) == 3
    assert (np.concatenate([graph.valid, graph.test]) != UNKNOWN).all()
