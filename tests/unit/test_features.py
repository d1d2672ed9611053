"""The features: what each says of a history written out, and that a batch says what each decision alone says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eventlog import DAY, HOUR, MINUTE, T0, event, watch
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import population
from streams.catalog import Catalog, parse_title
from streams.features import (
    CANDIDATE_FEATURES,
    CONTEXT_FEATURES,
    CONTEXT_NAMES,
    NAMES,
    Gatherer,
    candidate_matrix,
    context_matrix,
    page,
)
from streams.member import MemberState
from streams.profiles import NO_PROFILE, Profile
from streams.vectors import Vectors, load, save

NOBODY = population.empty()


def fold(events: list[dict[str, Any]]) -> MemberState:
    state = MemberState()
    for each in events:
        state.apply(each)
    return state


def values(
    state: MemberState,
    device: str,
    now: int,
    catalog: Catalog | None = None,
    profile: Profile = NO_PROFILE,
    vectors: Vectors | None = None,
) -> dict[str, dict[str, float]]:
    """Feature values by show; the decision's own under the empty name."""
    gatherer = Gatherer(180, catalog or Catalog())
    candidates = gatherer.add(state, state.devices[device], now, profile)
    batch = gatherer.batch(replace(NOBODY, vectors=vectors or Vectors()))
    matrix, context = candidate_matrix(batch), context_matrix(batch)
    result = {
        candidate.show.show_id: dict(zip(NAMES, map(float, line), strict=True))
        for candidate, line in zip(candidates, matrix, strict=True)
    }
    return {**result, "": dict(zip(CONTEXT_NAMES, map(float, context[0]), strict=True))}


HISTORY = [
    *watch("A", T0, 10, session_id="a", device_id="tv", episode=1),
    *watch("B", T0 + HOUR, 20, session_id="b", device="phone", device_id="phone", episode=1),
    *watch("A", T0 + DAY, 10, session_id="c", device_id="tv", episode=1, start_s=600.0),
    *watch("B", T0 + DAY + HOUR, 20, session_id="d", device="phone", device_id="phone", episode=2),
    *watch(
        "C", T0 + DAY + HOUR + 25 * MINUTE, 30, session_id="d", device="phone", device_id="phone", duration_s=5400.0
    ),
]
NOW = T0 + 2 * DAY


def test_recency_stands_as_rank_and_as_hours() -> None:
    seen = values(fold(HISTORY), "tv", NOW)
    assert [seen[show]["recency_rank"] for show in "CBA"] == [0, 1, 2]
    assert seen["A"]["since_play"] == pytest.approx(np.log1p(24.0))
    assert seen["A"]["since_previous_play"] == pytest.approx(np.log1p(48.0))
    assert seen["A"]["sessions_since"] == 1  # C was played in the session that B opened
    assert seen["A"]["plays_since"] == 2


def test_each_device_has_its_own_recency() -> None:
    state = fold(HISTORY)
    tv, phone = values(state, "tv", NOW), values(state, "phone", NOW)
    assert (tv["A"]["recency_rank_here"], tv["A"]["last_here"], tv["A"]["device_share"]) == (0, 1, 1)
    assert (phone["C"]["recency_rank_here"], phone["C"]["last_here"], phone["A"]["device_share"]) == (0, 1, 0)


def test_counts_fade_by_their_half_life() -> None:
    seen = values(fold(HISTORY), "tv", NOW)
    assert seen["A"]["plays"] == 2
    assert seen["A"]["decayed_1"] == pytest.approx(0.5 + 0.25)
    assert seen["B"]["decayed_5"] == pytest.approx(2 ** -((24 - 1) / 120) + 2 ** -((48 - 1) / 120))


def test_the_usual_gap_and_how_late_it_is() -> None:
    seen = values(fold(HISTORY), "tv", NOW)
    assert seen["A"]["usual_gap"] == pytest.approx(np.log1p(24.0))
    assert seen["A"]["gaps"] == 1
    assert seen["A"]["off_daily"] == pytest.approx(0.0, abs=1e-6)


def test_the_place_in_the_title() -> None:
    seen = values(fold(HISTORY), "tv", NOW)
    assert seen["A"]["progress"] == pytest.approx(1200 / 2700)
    assert seen["C"]["progress"] == pytest.approx(1800 / 5400)
    assert (seen["A"]["is_series"], seen["C"]["is_series"]) == (1, 0)
    assert seen["B"]["episode"] == 2


def test_the_decision_knows_the_moment_and_the_member() -> None:
    seen = values(fold([dict(each, tz="America/New_York") for each in HISTORY]), "phone", NOW)[""]
    assert seen["hour"] == 3.0  # 08:00 UTC in January
    assert seen["weekday"] == 6  # Sunday
    assert (seen["device"], seen["candidates"], seen["watch_sessions"]) == (1, 3, 4)
    assert seen["continued_share"] == pytest.approx((2 + 1.5) / (4 + 2))


def test_the_profile_says_when_the_member_signed_up_as_of_the_decision() -> None:
    state = fold(HISTORY)
    profile = Profile(signed_up_at=T0 - 98 * DAY, country="BR", languages=2, kids=True)
    seen = values(state, "tv", NOW, profile=profile)[""]
    assert seen["signed_up"] == pytest.approx(np.log1p(100.0))
    assert (seen["languages"], seen["kids"], seen["country"]) == (2, 1, 26 * 1 + 17)
    unknown = values(state, "tv", NOW)[""]
    assert [unknown[name] for name in ("signed_up", "languages", "kids", "country")] == [0, 0, 0, -1]
    later = values(state, "tv", NOW, profile=Profile(signed_up_at=NOW + DAY))[""]
    assert later["signed_up"] == 0


def test_the_country_of_the_events_goes_before_that_of_the_profile() -> None:
    state = fold([dict(each, country="AD") for each in HISTORY])
    assert values(state, "tv", NOW, profile=Profile(country="BR"))[""]["country"] == 3


def test_a_show_taken_up_again_has_a_long_last_gap() -> None:
    events = [
        *watch("A", T0, 5, session_id="a"),
        *watch("A", T0 + 40 * DAY, 5, session_id="b"),
        *watch("B", T0 + 40 * DAY + HOUR, 5, session_id="c"),
    ]
    seen = values(fold(events), "tv", T0 + 41 * DAY)
    assert seen["A"]["last_gap"] == pytest.approx(np.log1p(24.0 * 40))
    assert seen["B"]["last_gap"] == 0


def test_the_catalogue_tells_the_place_in_the_season_and_the_age_of_what_comes_next() -> None:
    """Titles that come out after the decision are not there yet, whenever their records arrive."""
    catalog = Catalog()
    for season, episode, added in [(1, 1, T0 - DAY), (1, 2, T0), (1, 3, T0), (1, 4, NOW + DAY), (2, 1, NOW + DAY)]:
        record = {"title_id": f"A.e{episode}" if season == 1 else "A.s2", "show_id": "A", "season": season}
        catalog.put(parse_title({**record, "episode": episode, "added_at": added, "runtime_s": 2700}))
    seen = values(fold(watch("A", T0, 44, episode=2)), "tv", NOW, catalog)["A"]
    assert seen["through_season"] == pytest.approx(2 / 3)
    assert (seen["titles_known"], seen["titles_left"], seen["card_reason"]) == (3, 1, 2)
    assert seen["title_age"] == pytest.approx(np.log1p(2.0))
    assert seen["length_minutes"] == 45
    unknown = values(fold(HISTORY), "tv", NOW)["A"]
    assert (unknown["through_season"], unknown["title_age"]) == (-1, -1)


def test_vectors_tell_what_is_like_the_last_show_and_like_the_others() -> None:
    """C was watched last, then B, then A. D has no vector here, nor anybody where the bundle has none."""
    state = fold([*watch("D", T0 - DAY, 5, session_id="z"), *HISTORY])
    table = np.array([[0, 2], [1, 0], [3, 4]], np.float16)
    seen = values(state, "tv", NOW, vectors=Vectors.of("ABC", table))
    assert [seen[show]["like_last"] for show in "CBAD"] == pytest.approx([1, 0.6, 0.8, 0])
    weights = {show: seen[show]["decayed_20"] for show in "ABC"}
    others = weights["A"] * np.array([0, 1]) + weights["B"] * np.array([1, 0])
    assert seen["C"]["like_taste"] == pytest.approx(others @ [0.6, 0.8] / np.linalg.norm(others), abs=1e-6)
    assert seen["D"]["like_taste"] == 0
    none = values(state, "tv", NOW)
    assert [none[show]["like_last"] + none[show]["like_taste"] for show in "ABCD"] == [0, 0, 0, 0]


def test_vectors_are_read_from_the_file_without_loading_them(tmp_path: Path) -> None:
    table = np.arange(12, dtype=np.float16).reshape(4, 3)
    save(tmp_path / "titles.npz", Vectors.of(["a", "b", "é", "d"], table))
    loaded = load(tmp_path / "titles.npz")
    rows = loaded.rows(["é", "none", "a"])
    assert rows[1] == -1
    assert np.array_equal(loaded.table[rows[[0, 2]]], table[[2, 0]])
    for array in (loaded.table, loaded.index.hashes, loaded.index.ends, loaded.index.text):
        assert isinstance(array.base, np.memmap), "it lies in the file"
        assert array.flags.aligned, "numpy would copy the whole of it"
    assert loaded.unit(np.array([-1]))[0].tolist() == [0, 0, 0]
    save(tmp_path / "none.npz", Vectors())
    assert not load(tmp_path / "none.npz")


def test_vectors_of_an_earlier_release_are_read(tmp_path: Path) -> None:
    table = np.arange(6, dtype=np.float16).reshape(2, 3)
    with (tmp_path / "titles.npz").open("wb") as file:
        np.savez(file, title_ids=np.array(["b", "a"]), vectors=table)
    loaded = load(tmp_path / "titles.npz")
    assert np.array_equal(loaded.table[loaded.rows(["a", "b"])], table[[1, 0]])
    with (tmp_path / "none.npz").open("wb") as file:
        np.savez(file, title_ids=np.array([], np.str_), vectors=np.zeros((0, 0), np.float16))
    assert not load(tmp_path / "none.npz")


def test_a_show_that_opens_sessions_after_another_is_known_to_follow_it() -> None:
    events = []
    for day in range(3):
        events += watch("A", T0 + day * DAY, 10, session_id=f"a{day}")
        events += watch("B", T0 + day * DAY + HOUR, 10, session_id=f"b{day}")
    events += watch("A", T0 + 3 * DAY, 10, session_id="a3")
    seen = values(fold(events), "tv", T0 + 3 * DAY + HOUR)
    assert (seen["B"]["follows_last"], seen["A"]["follows_last"]) == (3, 0)


def test_the_population_says_where_people_stop() -> None:
    usual = population.build(
        ["A"], np.array([[1, 1, 0.5, 0.25, 1, 3, 2000, 0.9, 1, 0]], np.float32),
        ["A.e1"], np.array([[1500, 0.8, 0.7, 2]], np.float32),
    )  # fmt: skip
    state = fold(HISTORY)
    gatherer = Gatherer(180, Catalog())
    order = [candidate.show.show_id for candidate in gatherer.add(state, state.devices["tv"], NOW)]
    matrix = candidate_matrix(gatherer.batch(usual))
    seen = dict(zip(NAMES, matrix[order.index("A")], strict=True))
    assert seen["against_usual_end"] == pytest.approx(1200 / 1500)
    assert seen["against_usual_length"] == pytest.approx(1200 / 2000)
    unknown = dict(zip(NAMES, matrix[order.index("C")], strict=True))
    assert unknown["against_usual_end"] == -1


def test_shows_played_longer_ago_than_the_window_are_no_candidates() -> None:
    state = fold(HISTORY)
    assert not Gatherer(30, Catalog()).add(state, state.devices["tv"], NOW + 31 * DAY)


def test_a_decision_keeps_what_it_was_asked_of_while_the_state_goes_on() -> None:
    state, gatherer = fold(HISTORY), Gatherer(180, Catalog())
    gatherer.add(state, state.devices["tv"], NOW)
    for each in watch("A", NOW + HOUR, 60, session_id="e", device_id="tv", episode=2):
        state.apply(each)
    before = fold(HISTORY)
    at_once = Gatherer(180, Catalog())
    at_once.add(before, before.devices["tv"], NOW)
    kept, expected = gatherer.batch(NOBODY), at_once.batch(NOBODY)
    assert np.array_equal(candidate_matrix(kept), candidate_matrix(expected))
    assert np.array_equal(context_matrix(kept), context_matrix(expected))


def test_the_page_of_features_is_what_the_code_declares() -> None:
    """docs/features.md is generated; whoever changes a feature runs `make docs`."""
    page_path = Path(__file__).resolve().parents[2] / "docs/features.md"
    assert page_path.read_text() == page.render(), "docs/features.md is old: run `make docs`"


def test_every_feature_says_what_it_means_once() -> None:
    features = [*CANDIDATE_FEATURES, *CONTEXT_FEATURES]
    assert all(feature.meaning and feature.group for feature in features)
    assert len({*NAMES}) == len(NAMES)
    assert len({*CONTEXT_NAMES}) == len(CONTEXT_NAMES)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABCDE"), st.integers(1, 40 * 24), st.integers(1, 50), st.sampled_from(["tv", "phone"])
        ),
        max_size=12,
    ),
    st.integers(0, 300),
)
@settings(max_examples=60, deadline=None)
def test_a_batch_says_of_each_decision_what_it_says_alone(plays: list[tuple[str, int, int, str]], hours: int) -> None:
    states = []
    for cut in range(len(plays) + 1):
        events = [event("session_start", T0)]
        for number, (show, at, minutes, device) in enumerate(sorted(plays[:cut], key=lambda play: play[1])):
            events += watch(
                show, T0 + at * HOUR + MINUTE, minutes, session_id=f"x{number}", device=device, episode=number
            )
        states.append(fold(events))
    now = T0 + 40 * DAY + hours * HOUR
    rng = np.random.default_rng(hours)
    vectors = Vectors.of("ABCD", rng.normal(size=(4, 19)))
    known = replace(NOBODY, vectors=vectors)
    together = Gatherer(180, Catalog())
    alone = []
    for state in states:
        together.add(state, state.devices["tv"], now)
        single = Gatherer(180, Catalog())
        single.add(state, state.devices["tv"], now)
        batch = single.batch(known)
        alone.append((candidate_matrix(batch), context_matrix(batch)))
    batch = together.batch(known)
    matrix, context = candidate_matrix(batch), context_matrix(batch)
    assert np.array_equal(matrix, np.concatenate([single[0] for single in alone]))
    assert np.array_equal(context, np.concatenate([single[1] for single in alone]))
    assert np.isfinite(matrix).all()
    assert np.isfinite(context).all()
