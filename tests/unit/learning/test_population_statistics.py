"""Statistics over members, from viewings written out by hand."""

import numpy as np
import pytest

from models.examples import Plays
from models.population import DRAWN, of_plays
from streams.population import SHOW_COLUMNS, TITLE_COLUMNS

DAY = 86_400_000
HOUR = 3_600_000


def plays(*rows: tuple[str, str, str, int, int, float]) -> Plays:
    """Rows of (member, show, title, session, ts, stop_s)."""
    members, shows, titles = (sorted({row[at] for row in rows}) for at in range(3))
    n = len(rows)
    return Plays(
        members=np.array(members),
        shows=np.array(shows),
        titles=np.array(titles),
        member=np.array([members.index(row[0]) for row in rows], np.int32),
        show=np.array([shows.index(row[1]) for row in rows], np.int32),
        title=np.array([titles.index(row[2]) for row in rows], np.int32),
        session=np.array([row[3] for row in rows], np.int32),
        season=np.full(n, 1, np.int32),
        episode=np.full(n, 1, np.int32),
        ts=np.array([row[4] for row in rows], np.int64),
        watched_s=np.full(n, 600, np.float32),
        stop_s=np.array([row[5] for row in rows], np.float32),
        duration_s=np.full(n, np.nan, np.float32),
        completed=np.zeros(n, np.bool_),
    )


def of_show(population, show, column):
    return float(population.shows[population.show_index[show], SHOW_COLUMNS.index(column)])


def of_title(population, title, column):
    return float(population.titles[population.title_index[title], TITLE_COLUMNS.index(column)])


# Anna returns to S after a day, plays F once; Ben plays S once, a hundred days before the log ends.
LOG = plays(
    ("a", "S", "S1", 1, 100 * DAY, 1500),
    ("a", "S", "S2", 2, 101 * DAY, 1400),
    ("a", "F", "F", 2, 101 * DAY + HOUR, 5400),
    ("b", "S", "S1", 1, 1 * DAY, 300),
)


def test_members_are_counted_once_each():
    population = of_plays(LOG)
    assert of_show(population, "S", "members_log") == pytest.approx(np.log1p(2))
    assert of_show(population, "F", "members_log") == pytest.approx(np.log1p(1))


def test_recent_members_are_those_of_the_last_30_days():
    assert of_show(of_plays(LOG), "S", "recent_log") == pytest.approx(np.log1p(1))


def test_a_return_counts_within_30_days_and_an_end_too_near_tells_nothing():
    """Of S: Anna's first session was returned to, Ben's was not, Anna's second is too near the end to tell; so is F."""
    overall = 1 / 2
    assert of_show(of_plays(LOG), "S", "return_rate") == pytest.approx((1 + DRAWN * overall) / (2 + DRAWN))
    assert of_show(of_plays(LOG), "F", "return_rate") == pytest.approx(overall)


def test_the_show_that_opened_a_session_is_the_one_played_first_in_it():
    """Three sessions play S and it opened all of them; F opened none; over all it is 3 of 4."""
    assert of_show(of_plays(LOG), "S", "first_rate") == pytest.approx((3 + DRAWN * 0.75) / (3 + DRAWN))
    assert of_show(of_plays(LOG), "F", "first_rate") == pytest.approx((0 + DRAWN * 0.75) / (1 + DRAWN))


def test_going_on_means_beginning_another_title_of_the_show_later():
    """From S1 Anna went on and Ben did not; from S2 and F nobody did: 1 of 4 over all."""
    population = of_plays(LOG)
    assert of_title(population, "S1", "next_rate") == pytest.approx((1 + DRAWN * 0.25) / (2 + DRAWN))
    assert of_title(population, "S2", "next_rate") == pytest.approx((0 + DRAWN * 0.25) / (1 + DRAWN))


def test_a_title_ends_where_four_of_five_who_got_furthest_stopped():
    rows = [(f"m{n}", "S", "S1", 1, DAY + n, stop) for n, stop in enumerate((100, 1200, 1300, 1400, 1500, 1600))]
    population = of_plays(plays(*rows))
    assert of_title(population, "S1", "usual_end_s") == 1500
    overall = 3 / 6  # 1400, 1500 and 1600 are past 90 % of it
    assert of_title(population, "S1", "finish_rate") == pytest.approx((3 + DRAWN * overall) / (6 + DRAWN))


def test_a_title_that_few_played_is_as_long_as_its_shows_others():
    rows = [("a", "S", f"S{n}", n, n * DAY, 1500.0) for n in range(1, 4)]
    population = of_plays(plays(*rows, ("a", "S", "S4", 4, 4 * DAY, 200.0)))
    assert of_title(population, "S4", "usual_end_s") == 1500
    assert of_show(population, "S", "episode_s") == 1500


def test_nothing_played_gives_an_empty_population():
    population = of_plays(LOG.select(np.zeros(len(LOG), np.bool_)))
    assert population.show_index == {}
    assert np.isfinite(population.shows).all()
