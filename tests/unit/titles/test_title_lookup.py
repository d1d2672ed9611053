"""A title is found by its id or its name; where there is none, close names are offered."""

import pytest

from models.titles.lookup import close, find
from models.titles.table import TitleRecord
from streams.errors import UsageError

TITLES = [
    TitleRecord("t1", "Breaking Bad", release_year=2008),
    TitleRecord("t2", "Élite"),
    TitleRecord("t3", "Dark", release_year=2017),
    TitleRecord("t4", "Dark", release_year=1998),
    TitleRecord("t5", "El Camino: A Breaking Bad Movie"),
]


@pytest.mark.parametrize(("text", "row"), [("t2", 1), ("Breaking Bad", 0), ("breaking  bad", 0), ("elite", 1)])
def test_a_title_is_found_by_id_or_by_name_whatever_case_and_accents(text, row):
    assert find(TITLES, text) == row


def test_a_typo_is_answered_with_what_was_meant():
    with pytest.raises(UsageError, match=r"^there is no title 'braking bad'; did you mean Breaking Bad \(2008, t1\)"):
        find(TITLES, "braking bad")


def test_a_name_of_several_titles_is_answered_with_their_ids():
    with pytest.raises(UsageError, match=r"2 titles are called 'dark': Dark \(2017, t3\), Dark \(1998, t4\)"):
        find(TITLES, "dark")


def test_names_that_hold_the_text_come_first_and_names_unlike_it_not_at_all():
    assert close(TITLES, "camino") == [4]
    assert close(TITLES, "zzzz") == []
