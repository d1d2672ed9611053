"""Similar titles, clusters and maps of made-up titles."""

from pathlib import Path

import numpy as np
import pytest

from models.titles import clusters, facts, index, lookup, map_file, map_picture
from models.titles import map as layout
from models.titles.folder import TitleSpace
from models.titles.similar import searcher, similar
from models.titles.table import AudienceRow, TitleRecord
from models.titles.triples import Triple
from streams.alike import Facts, Reason, lists
from streams.errors import CommandError
from streams.nearest import METRICS, Nearest
from streams.title_map import load


def counter(stage, total):
    return lambda more=1: None


def in_groups(n, groups, width=16, seed=0):
    """float32 (n, width): title i is near the others of group i % groups."""
    numbers = np.random.default_rng(seed)
    centres = 4 * numbers.standard_normal((groups, width))
    return (centres[np.arange(n) % groups] + numbers.standard_normal((n, width))).astype(np.float32)


def space_of(n=120, groups=4, width=16):
    genres = ["Crime", "Cartoons", "Dance", "Space"]
    titles = [
        TitleRecord(f"t{row}", f"Title {row}", "film", 2000, (genres[row % groups], "International"), (), (), ("US",))
        for row in range(n)
    ]
    vectors = in_groups(n, groups, width)
    sparse = vectors.copy()
    sparse[-1] = 0
    return TitleSpace(titles, {"category": vectors, "graph": sparse})


def test_similar_titles_of_a_view_are_those_nearest_with_why_and_never_the_title_itself(tmp_path):
    space = space_of()
    known = facts.read(space, tmp_path)
    search = searcher(space, "category", "cosine", tmp_path, counter)
    found = similar(space, known, "category", search, [lookup.find(space.titles, "Title 8")], 5)[0]
    assert len(found) == 5
    assert all(each.row % 4 == 0 and each.row != 8 for each in found)
    assert [each.distance for each in found] == sorted(each.distance for each in found)
    assert [(reason.kind, list(reason.names)) for reason in found[0].why] == [
        ("categories", ["Crime", "International"]),
        ("countries", ["US"]),
    ]


def test_a_view_that_was_not_trained_is_named_beside_those_that_were(tmp_path):
    with pytest.raises(CommandError, match="there is no view audience; this folder has category, graph"):
        searcher(space_of(), "audience", "cosine", tmp_path, counter)


@pytest.mark.parametrize("metric", METRICS)
def test_the_index_finds_nearly_all_that_the_exact_search_finds(metric):
    """At least 97 of 100 among 5,000 vectors, at the same distances to half precision; one without a vector never."""
    vectors = in_groups(5000, 40)
    vectors[7] = 0
    queries = vectors[:200] + 0.1
    exact = Nearest(vectors, metric).search(queries, 10)
    near = index.Index(index.build(vectors, metric), metric).search(queries, 10)
    both = [len(set(a) & set(b)) for a, b in zip(exact.rows, near.rows, strict=True)]
    assert np.mean(both) >= 9.7
    assert near.distances[:, 0] == pytest.approx(exact.distances[:, 0], rel=0.02, abs=2e-3)
    assert 7 not in near.rows


def test_an_index_is_kept_and_built_anew_when_the_vectors_are_newer(tmp_path):
    space = space_of()
    space.save(tmp_path)
    path = tmp_path / "index" / "category-cosine.faiss"
    built = []

    def counting(stage, total):
        built.append(stage)
        return lambda: None

    vectors = space.view("category")
    for _ in range(2):
        assert index.kept(vectors, "cosine", path, counting).search(vectors[:1], 1).rows.tolist() == [[0]]
    assert len(built) == 1
    TitleSpace(space.titles, {"category": vectors[::-1].copy()}).save(tmp_path)
    (tmp_path / "vectors" / "category.npy").touch()
    assert index.kept(vectors[::-1], "cosine", path, counting).search(vectors[-1:], 1).rows.tolist() == [[0]]
    assert len(built) == 2


def test_a_cluster_is_named_by_what_is_frequent_in_it_and_rare_elsewhere():
    """'International' is on every title: it tells none from another."""
    terms = lists([["Crime", "International"], ["Crime", "International", "Dark"], ["International", "Kids"]])
    named = clusters.telling(terms, np.array([0, 0, 1]), 2)
    assert named == [["Crime", "Dark"], ["Kids"]]


def test_titles_without_a_cluster_do_not_count_for_names():
    terms = lists([["Crime"], ["Kids"], ["Crime"]])
    assert clusters.telling(terms, np.array([0, 1, -1]), 2) == [["Crime"], ["Kids"]]


def test_clusters_are_the_groups_that_are_there_and_carry_their_names():
    space = space_of()
    made = clusters.make(space.titles, space.view("graph"))
    assert sorted(cluster.name for cluster in made.clusters) == ["Cartoons", "Crime", "Dance", "Space"]
    assert sum(cluster.size for cluster in made.clusters) == 119
    assert made.of[119] == -1
    assert all(len(set(made.of[group:119:4])) == 1 for group in range(4))
    assert all(made.of[cluster.middle] == number for number, cluster in enumerate(made.clusters))
    assert made.silhouette > 0.4


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_titles_are_one_cluster_or_none_and_have_a_map(n):
    titles = [TitleRecord(f"t{row}", "x") for row in range(n)]
    vectors = np.ones((n, 3), np.float32)
    assert [cluster.size for cluster in clusters.make(titles, vectors).clusters] == ([n] if n else [])
    assert np.isfinite(layout.lay_out(vectors)).all()


def test_the_map_keeps_titles_where_they_were_and_places_new_ones_among_their_like(tmp_path):
    """A folder gets 8 more titles: the 112 of before do not move, each new one lands nearest to its own group."""
    whole = space_of(120)
    old = TitleSpace(whole.titles[:112], {"category": whole.view("category")[:112]})
    old.save(tmp_path)
    first = map_file.make(old, tmp_path, counter)
    map_file.write(tmp_path / "map.json", first)
    TitleSpace(whole.titles, {"category": whole.view("category")}).save(tmp_path)
    second = map_file.make(TitleSpace.load(tmp_path), tmp_path, counter)
    before, after = (np.array([made["views"]["category"][axis] for axis in "xy"], float).T for made in (first, second))
    assert (after[:112] == before).all()
    for row in range(112, 120):
        nearest = np.argmin(np.linalg.norm(before - after[row], axis=1))
        assert nearest % 4 == row % 4
    map_file.write(tmp_path / "map.json", second)
    assert load(tmp_path).index["t119"] == 119


def test_the_map_is_the_same_in_every_run_and_is_drawn_anew_for_other_vectors(tmp_path):
    space = space_of(60)
    vectors = space.view("category")
    assert (layout.lay_out(vectors) == layout.lay_out(vectors)).all()
    space.save(tmp_path)
    first = map_file.make(space, tmp_path, counter)
    map_file.write(tmp_path / "map.json", first)
    other = TitleSpace(space.titles, {"category": in_groups(60, 4, seed=5), "graph": space.view("graph")})
    second = map_file.make(other, tmp_path, counter)
    assert second["views"]["category"]["x"] != first["views"]["category"]["x"]
    assert second["views"]["graph"] == first["views"]["graph"]
    assert second["views"]["graph"]["x"][-1] is None


def test_the_picture_is_a_png_of_the_views_asked_for(tmp_path):
    space = space_of(60)
    made = map_file.make(space, tmp_path, counter)
    map_picture.draw(made, ["category"], tmp_path / "one.png")
    map_picture.draw(made, ["category", "graph"], Path(tmp_path / "two.png"))
    one, two = (int.from_bytes((tmp_path / f"{name}.png").read_bytes()[16:20], "big") for name in ("one", "two"))
    assert two == 2 * one


def test_a_title_is_strong_where_it_does_better_than_the_country_and_itself():
    """B is liked twice as much in FR as A is, beside both their levels; three countries say too little of C."""
    rows = [("A", (800, 400, 100, 100)), ("B", (800, 1600, 100, 100)), ("C", (9, 9, 9))]
    audience = [
        AudienceRow(t, c, a) for t, sizes in rows for c, a in zip(("US", "FR", "DE", "IT"), sizes, strict=False)
    ]
    found = facts.strong(["A", "B", "C", "D"], audience)
    assert [found.named(row) for row in range(4)] == [["US"], ["FR"], [], []]


def test_links_of_a_graph_are_neighbours_whichever_way_they_point():
    links = [Triple("title:A", "based_on", "book:Dune"), Triple("book:Dune", "inspired", "title:B")]
    found = facts.neighbours(["A", "B"], [*links, Triple("title:B", "based_on", "book:Dune")])
    assert Facts({"neighbours": found}).why(0, 1, "graph") == [Reason("neighbours", ["based on Dune"], 2)]


def test_a_graph_that_was_given_is_kept_for_its_links(tmp_path):
    space = TitleSpace([TitleRecord("A", "A"), TitleRecord("B", "B")], {})
    facts.keep_links(tmp_path, [Triple("title:A", "based_on", "book:Dune")])
    assert facts.read(space, tmp_path).kinds["neighbours"].named(0) == ["based on Dune"]


def test_the_categories_that_the_model_sees_are_those_of_its_layer(tmp_path):
    """W v + b is 0 or more: at least as probable as not. Most probable first."""
    titles = [TitleRecord("a", "A"), TitleRecord("b", "B")]
    vectors = np.array([[1, 0], [0, 2]], np.float32)
    meta = {"views": {"category": {"categories": ["Crime", "Noir"]}}}
    space = TitleSpace(titles, {"category": vectors}, meta=meta)
    assert facts.predicted(space, tmp_path) is None
    (tmp_path / "encoders").mkdir()
    weights = {"weight": np.array([[1, -1], [2, 1]], np.float32), "bias": np.array([-1, -1], np.float32)}
    np.savez(tmp_path / "encoders" / "category.npz", **{f"heads.category.listed.{k}": v for k, v in weights.items()})
    found = facts.predicted(space, tmp_path)
    assert [found.named(row) for row in range(2)] == [["Noir", "Crime"], ["Noir"]]
