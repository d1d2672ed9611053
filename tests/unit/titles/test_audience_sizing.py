"""Sizing of audiences: what past titles say, and what the model makes of it."""

import numpy as np
import pytest

from models.titles import past, simulate, sizing_features
from models.titles.audience import FEW, decompose, gather, matrix, usual_without
from models.titles.bags import Bags
from models.titles.past import Past
from models.titles.sizing import Sizing
from models.titles.sizing_features import Described, Linear
from models.titles.table import AudienceRow, TitleRecord
from streams.errors import CommandError


def _past(levels: list[float], years: list[float]) -> Past:
    n = len(levels)
    beyond = np.array(levels)[:, None]
    return Past(np.arange(n), np.array(years), beyond, np.ones((n, 1)), np.array(levels))


AXES = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32)


def test_a_title_never_counts_as_a_past_title_for_itself() -> None:
    found = past.alike(AXES, AXES, np.arange(3), np.full(3, 2020.0), _past([1.0, 2.0, 3.0], [2020.0] * 3))
    assert found.past[0, 0] == 2
    assert found.weight[0].tolist() == pytest.approx([0.6**past.SHARPNESS, 0.0, 0.0])


def test_only_titles_that_came_out_no_later_count_where_years_are_known() -> None:
    of = _past([1.0, 2.0, 3.0], [2019.0, 2021.0, np.nan])
    query = np.array([[0.8, 0.6]], np.float32)
    found = past.alike(query, AXES, np.array([-1]), np.array([2020.0]), of)
    assert {int(row) for row, weight in zip(found.past[0], found.weight[0], strict=True) if weight > 0} == {0, 2}


def test_a_past_title_that_is_left_out_does_not_count() -> None:
    of = _past([1.0, 2.0, 3.0], [2019.0] * 3)
    query = np.array([[1.0, 0.0]], np.float32)
    without = np.array([True, False, False])
    found = past.alike(query, AXES, np.array([-1]), np.array([2020.0]), of, without)
    assert found.past[0, 0] == 2


def test_like_titles_are_a_weighted_mean_drawn_to_what_is_usual() -> None:
    of = _past([3.0, 0.0], [np.nan, np.nan])
    found = past.Alike(np.array([[0, 1]]), np.array([[1.0, 0.5]]))
    mean, evidence, spread, likest = past.everywhere(found, of)[0]
    assert mean == pytest.approx(3.0 / (1.5 + past.DOUBT))
    assert (evidence, likest) == (1.5, 1.0)
    assert spread > 0


def test_audiences_of_unknown_titles_are_counted_and_left_out() -> None:
    rows = [AudienceRow("a", "FR", 9.0), AudienceRow("nobody", "FR", 5.0), AudienceRow("b", "DE", 0.0)]
    table, unknown = gather(rows, {"a": 0, "b": 1})
    assert unknown == 1
    assert table.codes == ["DE", "FR"]
    assert table.log_size.tolist() == pytest.approx([np.log(10.0), 0.0])


def test_what_is_usual_without_a_pair_is_what_it_would_be_had_the_pair_not_been() -> None:
    rows = [AudienceRow(str(i), "FR", float(np.expm1(size))) for i, size in enumerate((1.0, 2.0, 6.0))]
    table, _ = gather(rows, {str(i): i for i in range(3)})
    parts = decompose(table)
    usual = parts.country_mean[0]  # of three rows and as many times the mean of all countries, 3
    assert usual == pytest.approx((9 + FEW * 3) / (3 + FEW))
    assert usual_without(table, parts).tolist() == pytest.approx([(9 - own + FEW * 3) / (2 + FEW) for own in (1, 2, 6)])


def test_an_audience_is_the_sum_of_its_parts() -> None:
    """Countries of two kinds with opposite tastes: one direction tells them apart."""
    rng = np.random.default_rng(3)
    codes = [f"{kind}{i}" for kind in "xy" for i in range(4)]
    level, taste = rng.normal(0, 1, 60), rng.normal(0, 1, 60)
    rows = [
        AudienceRow(str(t), code, float(np.expm1(8 + level[t] + (1 if code[0] == "x" else -1) * taste[t])))
        for t in range(60)
        for code in codes
    ]
    table, _ = gather(rows, {str(t): t for t in range(60)})
    parts = decompose(table)
    told = parts.country_mean[table.country] + parts.title_level[table.title]
    told += (parts.title_factors[table.title] * parts.country_vectors[table.country]).sum(1)
    assert np.abs(told - table.log_size).mean() < 0.1
    first = parts.country_vectors[:, 0]
    assert len({np.sign(value) for value in first[:4]}) == 1
    assert np.sign(first[0]) != np.sign(first[4])


def test_what_is_not_known_of_a_past_title_is_not_taken_for_nothing() -> None:
    table, _ = gather([AudienceRow("a", "FR", 9.0), AudienceRow("b", "DE", 5.0)], {"a": 0, "b": 1})
    _, known = matrix(table, np.zeros(2), np.array([0, 1]))
    assert known.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_what_the_linear_part_says_of_a_past_title_is_what_a_regression_without_its_part_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sizing_features, "_PENALTIES", (3.0,))
    rng = np.random.default_rng(2)
    vectors, target = rng.normal(size=(60, 4)), rng.normal(size=(60, 2))
    linear, error = Linear.learn(vectors, target)
    part = np.random.default_rng(sizing_features.SEED).permutation(60) % sizing_features.PARTS
    told = np.zeros((60, 2))
    for number in range(sizing_features.PARTS):
        others = part != number
        centred = vectors[others] - vectors[others].mean(0)
        weights = np.linalg.solve(centred.T @ centred + 3 * np.eye(4), centred.T @ target[others])
        told[~others] = (vectors[~others] - vectors[others].mean(0)) @ weights + target[others].mean(0)
    assert np.allclose(linear.own, told, atol=1e-6)
    assert error == pytest.approx(((target - told) ** 2).mean(0).sum())


def test_of_titles_of_which_nothing_is_known_the_interval_holds_as_many_as_it_says() -> None:
    """Nor does the linear part give away what a past title did: left out alone, others' mean falls as it rises."""
    catalogue = simulate.make(300, 5, 6)
    bare = [TitleRecord(title.title_id, title.title_id) for title in catalogue.titles]
    bags = Bags.learn(bare).vectors(bare)
    described = Described(bare, {"name": bags["name"]})
    table, _ = gather(catalogue.audience, {title.title_id: row for row, title in enumerate(bare)})
    sizing = Sizing.learn(described, table.select(table.title < 200))
    held = table.select(table.title >= 200)
    rows = np.arange(200, 300)
    estimate = sizing.estimate(described.rows(rows), rows, held.title - 200, held.country)
    inside = (estimate.low <= held.log_size) & (held.log_size <= estimate.high)
    assert 0.7 < inside.mean() < 0.92


@pytest.fixture(scope="module")
def made() -> tuple[Described, Sizing, np.ndarray]:
    """A model of 240 titles in six countries; the 60 after them are held out."""
    catalogue = simulate.make(300, 5, 6)
    bags = Bags.learn(catalogue.titles).vectors(catalogue.titles)
    described = Described(catalogue.titles, {name: bags[name] for name in ("fields", "people")})
    table, _ = gather(catalogue.audience, {title.title_id: row for row, title in enumerate(catalogue.titles)})
    sizing = Sizing.learn(described, table.select(table.title < 240))
    truth = np.full((300, 6), np.nan)
    truth[table.title, table.country] = table.log_size
    return described, sizing, truth[240:]


def test_titles_not_launched_are_sized_better_than_by_what_is_usual(
    made: tuple[Described, Sizing, np.ndarray],
) -> None:
    described, sizing, truth = made
    rows = np.arange(240, 300)
    at, country = np.nonzero(~np.isnan(truth))
    estimate = sizing.estimate(described.rows(rows), rows, at, country)
    actual = truth[at, country]
    usual = sizing.features.parts.country_mean[country]
    assert np.abs(estimate.middle - actual).mean() < 0.85 * np.abs(usual - actual).mean()
    inside = (estimate.low <= actual) & (actual <= estimate.high)
    assert 0.65 < inside.mean() < 0.95
    assert (estimate.low <= estimate.middle).all()
    assert (estimate.middle <= estimate.high).all()


def test_a_title_of_which_nothing_is_known_gets_an_estimate(made: tuple[Described, Sizing, np.ndarray]) -> None:
    described, sizing, _ = made
    blank = Described([TitleRecord("new", "?")], {name: view[:1] * 0 for name, view in described.views.items()})
    estimate = sizing.estimate(blank, np.array([-1]), np.array([0]), np.array([2]))
    assert np.isfinite([estimate.middle[0], estimate.low[0], estimate.high[0]]).all()


def test_too_few_audiences_are_refused_in_one_line() -> None:
    titles = [TitleRecord(str(i), str(i)) for i in range(5)]
    table, _ = gather([AudienceRow(str(i), "", 5.0) for i in range(5)], {str(i): i for i in range(5)})
    with pytest.raises(CommandError, match="5 titles have an audience; below 30"):
        Sizing.learn(Described(titles, {}), table)
