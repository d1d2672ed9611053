"""The estimates that the page shows: of every title in every country, and never resting on the title itself."""

import numpy as np

from models.titles import audience_file
from models.titles.folder import TitleSpace
from models.titles.simulate import make
from streams.title_audience import NAME, load


def counter(stage, total):
    return lambda more=1: None


def test_every_title_is_estimated_in_every_country_and_rests_on_others(tmp_path):
    made = make(titles=90, seed=3, countries=4)
    vectors = np.random.default_rng(0).standard_normal((90, 8)).astype(np.float32)
    audience = [row for row in made.audience if row.title_id != made.titles[5].title_id]
    space = TitleSpace(made.titles, {"category": vectors}, None, audience)
    assert audience_file.write(space, tmp_path, counter)
    found = load(tmp_path, 90)
    assert sorted(found.codes) == ["AU", "CA", "GB", "US"]
    low, middle, high = np.moveaxis(found.estimate, 2, 0)
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert np.isnan(found.actual[5]).all()
    row = next(row for row in audience if row.title_id == made.titles[7].title_id)
    assert np.isclose(found.actual[7, found.codes.index(row.country)], row.audience, rtol=1e-5)
    assert all(title not in past for title, past in enumerate(found.past.tolist()))
    assert (found.past[:, 0] >= 0).all()
    assert 5 not in found.past
    assert (np.diff(found.share, axis=1) <= 0).all()
    assert (found.share.sum(axis=1) <= 1 + 1e-5).all()


def test_without_audiences_no_estimates_stay_from_before(tmp_path):
    made = make(titles=20, seed=3, countries=2)
    (tmp_path / NAME).write_bytes(b"old")
    space = TitleSpace(made.titles, {"category": np.ones((20, 2), np.float32)})
    assert not audience_file.write(space, tmp_path, counter)
    assert load(tmp_path, 20) is None
