"""The catalogue: which titles a show has, and which of them are out."""

import pytest
from eventlog import DAY, T0
from hypothesis import given
from hypothesis import strategies as st

from streams.catalog import Catalog, InvalidTitle, load, parse_title


def episode(number: int, season: int = 1, added_at: int = T0, title_id: str | None = None) -> dict[str, object]:
    return {
        "title_id": title_id or f"A.s{season}e{number}", "show_id": "A", "kind": "series", "season": season,
        "episode": number, "added_at": added_at,
    }  # fmt: skip


def catalog(*records: dict[str, object]) -> Catalog:
    made = Catalog()
    for record in records:
        made.put(parse_title(record))
    return made


def test_the_next_title_is_the_first_behind_that_is_out() -> None:
    known = catalog(episode(2), episode(1), episode(1, season=2), episode(3, added_at=T0 + DAY))
    for season, number, now, following in (
        (1, 1, T0, "A.s1e2"),
        (1, 2, T0, "A.s2e1"),
        (1, 2, T0 + DAY, "A.s1e3"),
        (2, 1, T0, None),
    ):
        title = known.after("A", season, number, now)
        assert (title.title_id if title else None) == following


def test_titles_count_once_they_are_out() -> None:
    known = catalog(episode(1), episode(2), episode(3, added_at=T0 + DAY))
    assert [known.out("A", now) for now in (T0 - 1, T0, T0 + DAY)] == [0, 2, 3]
    assert [known.standing("A", "A.s1e1", now)[1] for now in (T0 - 1, T0, T0 + DAY)] == [0, 1, 2]
    assert known.standing("A", "unheard of", T0)[1:] == (0, -1.0)
    assert (known.has_new("A", T0, T0 + DAY), known.has_new("A", T0 + DAY, T0 + 2 * DAY)) == (True, False)


def test_a_title_sent_again_takes_its_own_place() -> None:
    known = catalog(episode(1), episode(2), episode(5, title_id="A.s1e1"))
    assert [title.title_id for title in known.of_show("A")] == ["A.s1e2", "A.s1e1"]
    assert known.standing("A", "A.s1e2", T0)[1] == 1


def test_a_title_taken_out_is_gone() -> None:
    known = catalog(episode(1), episode(2))
    known.remove("A.s1e1")
    known.remove("A.s1e1")
    assert ([title.title_id for title in known.of_show("A")], known.out("A", T0)) == (["A.s1e2"], 1)
    known.remove("A.s1e2")
    assert (known.of_show("A"), known.out("A", T0)) == ([], 0)


def test_a_title_is_available_where_and_when_it_is() -> None:
    title = parse_title({**episode(1, added_at=T0), "countries": ["DE", "FR"]})
    assert [title.available(country, T0) for country in ("DE", "US", None)] == [True, False, True]
    assert not title.available("DE", T0 - 1)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([], "a title is a JSON object"),
        ({"title_id": "A"}, "title_id and show_id must be strings"),
        ({**episode(1), "season": "one"}, "season must be a whole number"),
        ({**episode(1), "runtime_s": -1}, "runtime_s must be seconds"),
        ({**episode(1), "countries": [1]}, "countries must be a list of strings"),
    ],
)
def test_what_is_no_title_says_why(record: object, reason: str) -> None:
    with pytest.raises(InvalidTitle, match=reason):
        parse_title(record)


def test_a_broken_line_of_a_file_is_named() -> None:
    with pytest.raises(InvalidTitle, match="line 2: "):
        load([b'{"title_id": "A", "show_id": "A"}', b"{"])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 5), st.booleans()), max_size=30))
def test_what_is_kept_of_a_show_is_what_its_titles_say(changes: list[tuple[int, int, int, bool]]) -> None:
    known = Catalog()
    for season, number, day, taken_out in changes:
        record = episode(number, season, T0 + day * DAY)
        if taken_out:
            known.remove(str(record["title_id"]))
        else:
            known.put(parse_title(record))
    order = known.of_show("A")
    assert [(title.season, title.episode) for title in order] == sorted((t.season, t.episode) for t in order)
    assert {title.title_id for title in order} == set(known.titles)
    for day in range(-1, 7):
        now = T0 + day * DAY
        assert known.out("A", now) == sum(title.added_at <= now for title in order)
        for place, title in enumerate(order):
            season, number = title.season or 0, title.episode or 0
            assert known.following(title, now) == known.after("A", season, number, now)
            out, left, share = known.standing("A", title.title_id, now)
            assert (out, left) == (known.out("A", now), max(0, known.out("A", now) - 1 - place))
            season_out = sum(other.added_at <= now for other in order if other.season == title.season)
            so_far = sum(other.season == title.season for other in order[: place + 1])
            assert share == min(1.0, so_far / max(1, season_out))
