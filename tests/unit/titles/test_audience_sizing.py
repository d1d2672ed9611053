"""Sizing of audiences: what past titles say, and what the model makes of it."""

import numpy as np
import pytest

from models.titles import past, simulate
from models.titles.audience import decompose, gather, matrix
from models.titles.bags import Bags
from models.titles.past import Past
from models.titles.sizing import Sizing
from models.titles.sizing_features import Described
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
