"""The made-up catalogue: the same for a seed, and its audiences follow what is known of the titles."""

import numpy as np

from models.titles.simulate import COUNTRIES, make


def test_a_seed_makes_the_same_catalogue_each_time():
    assert make(50, seed=3) == make(50, seed=3)
    assert make(50, seed=3) != make(50, seed=4)


def test_every_title_is_whole_and_has_its_own_id_and_name():
    made = make(200)
    assert len({title.title_id for title in made.titles}) == len({title.title for title in made.titles}) == 200
    assert all(t.categories and t.tags and t.people and t.countries and t.summary for t in made.titles)
    assert {title.kind for title in made.titles} == {"film", "series"}


def test_audiences_follow_tags_by_country():
    """Least squares on tags, country by country, tells more of held-out audiences than each country's mean does."""
    made = make(1500, seed=2)
    tags = sorted({tag for title in made.titles for tag in title.tags})
    X = np.array([[tag in title.tags for tag in tags] for title in made.titles], float)
    X = np.column_stack([X, np.ones(len(X))])
    rows = {title.title_id: row for row, title in enumerate(made.titles)}
    explained = []
    for code, _, _ in COUNTRIES[:4]:
        mine = [a for a in made.audience if a.country == code]
        at = np.array([rows[a.title_id] for a in mine])
        y = np.log([a.audience for a in mine])
        learn, judge = at < 1000, at >= 1000
        weights = np.linalg.solve(X[at[learn]].T @ X[at[learn]] + np.eye(X.shape[1]), X[at[learn]].T @ y[learn])
        errors = y[judge] - X[at[judge]] @ weights
        explained.append(1 - errors.var() / y[judge].var())
    assert min(explained) > 0.15


def test_neighbouring_countries_watch_alike():
    """Beyond each title's mean, audiences in GB go with those in AU rather than with those in JP."""
    made = make(800, seed=2)
    table = np.full((800, len(COUNTRIES)), np.nan)
    codes = [code for code, _, _ in COUNTRIES]
    for row in made.audience:
        table[int(row.title_id[1:]), codes.index(row.country)] = np.log(row.audience)
    table -= np.nanmean(table, axis=1, keepdims=True)
    whole = table[~np.isnan(table).any(axis=1)]
    together = np.corrcoef(whole.T)
    gb, au, jp = (codes.index(code) for code in ("GB", "AU", "JP"))
    assert together[gb, au] > together[gb, jp] + 0.2


def test_fewer_countries_can_be_asked_for():
    assert {row.country for row in make(50, countries=2).audience} == {"US", "GB"}
