"""Which shows are in the row, and where each goes on."""

from typing import Any

from eventlog import DAY, HOUR, MINUTE, T0, event, watch

from streams.cards import Card, card
from streams.catalog import Catalog, parse_title
from streams.member import MemberState

NOW = T0 + DAY
NOTHING_KNOWN = Catalog()


def cards(events: list[dict[str, Any]], catalog: Catalog = NOTHING_KNOWN, country: str | None = None) -> Card:
    state = MemberState()
    for each in events:
        state.apply(each)
    return card(state.shows["A"], catalog, country, NOW)


def series(*episodes: int, **fields: Any) -> Catalog:
    catalog = Catalog()
    for episode in episodes:
        record = {"title_id": f"A.e{episode}", "show_id": "A", "kind": "series", "season": 1, "episode": episode}
        catalog.put(parse_title({**record, "runtime_s": 2700, **fields}))
    return catalog


def film(**fields: Any) -> Catalog:
    catalog = Catalog()
    catalog.put(parse_title({"title_id": "A", "show_id": "A", "kind": "film", "runtime_s": 6000, **fields}))
    return catalog


def test_an_episode_started_and_not_finished_resumes_at_its_position() -> None:
    assert cards(watch("A", T0, 10, episode=3)) == Card("A.e3", 1, 3, 600.0, 2700.0, 600 / 2700, "resume")


def test_two_minutes_start_an_episode() -> None:
    assert cards(watch("A", T0, 1, episode=1)).reason is None
    assert cards(watch("A", T0, 2, episode=1)).reason == "resume"


def test_five_percent_start_a_short_one() -> None:
    assert cards(watch("A", T0, 1, episode=1, duration_s=1200.0)).reason == "resume"


def test_five_percent_of_the_catalogues_runtime_start_one_whose_player_does_not_say() -> None:
    events = watch("A", T0, 1, episode=1, duration_s=None)
    assert cards(events).reason is None
    assert cards(events, series(1, 2, runtime_s=1000)).reason == "resume"


def test_ninety_percent_finish_an_episode_and_the_next_takes_its_place() -> None:
    assert cards(watch("A", T0, 40, episode=3)).reason == "resume"
    assert cards(watch("A", T0, 41, episode=3)) == Card(None, 1, 4, 0.0, None, 0.0, "next_episode")


def test_the_credits_finish_an_episode() -> None:
    events = watch("A", T0, 36, episode=1)
    assert cards(events, series(1, 2)).reason == "resume"
    assert cards(events, series(1, 2, credits_s=2100)).reason == "next_episode"


def test_a_complete_finishes_an_episode_wherever_it_stands() -> None:
    assert cards([*watch("A", T0, 5, episode=1), event("complete", T0 + HOUR, "A", 1)]).reason == "next_episode"


def test_the_next_episode_is_the_one_that_exists() -> None:
    events = watch("A", T0, 44, episode=1)
    assert cards(events, series(1, 3)) == Card("A.e3", 1, 3, 0.0, 2700, 0.0, "next_episode")


def test_a_finished_last_episode_leaves() -> None:
    assert cards(watch("A", T0, 44, episode=2), series(1, 2)).reason is None


def test_a_new_episode_brings_the_show_back() -> None:
    finished = watch("A", T0, 44, episode=2)
    later = series(1, 2)
    record = {"title_id": "A.e3", "show_id": "A", "kind": "series", "season": 1, "episode": 3, "runtime_s": 2700}
    later.put(parse_title({**record, "added_at": T0 + 2 * HOUR}))
    assert cards(finished, later).reason == "new_episode"
    not_yet = series(1, 2)
    not_yet.put(parse_title({**record, "added_at": NOW + 1}))
    assert cards(finished, not_yet).reason is None


def test_a_finished_film_leaves_and_an_unfinished_one_resumes() -> None:
    assert cards(watch("A", T0, 50, duration_s=6000.0)).reason == "resume"
    assert cards(watch("A", T0, 95, duration_s=6000.0)).reason is None
    assert cards(watch("A", T0, 95, duration_s=None), film()).reason is None


def test_a_title_not_available_in_the_members_country_leaves() -> None:
    started = watch("A", T0, 10)
    assert cards(started, film(countries=["US"]), "US").reason == "resume"
    assert cards(started, film(countries=["US"]), "DE").reason is None
    finished = watch("A", T0, 44, episode=1)
    assert cards(finished, series(1, 2, countries=["US"]), "DE").reason is None


def test_without_a_catalogue_a_series_goes_on_and_a_number_that_is_missing_stays_missing() -> None:
    unnumbered = [
        event("play", T0, "A", title_id="A: The One", season=2, position_s=0, duration_s=600),
        event("stop", T0 + 10 * MINUTE, "A", title_id="A: The One", season=2, position_s=600, duration_s=600),
    ]
    assert cards(unnumbered) == Card(None, 2, None, 0.0, None, 0.0, "next_episode")


def test_a_dismissed_show_stays_out_with_its_progress_kept() -> None:
    assert cards([*watch("A", T0, 10, episode=1), event("dismiss", T0 + HOUR, "A")]) == Card(
        "A.e1", 1, 1, 600.0, 2700.0, 600 / 2700, None
    )


def test_a_sleeper_goes_on_where_somebody_was_last_known_to_watch() -> None:
    events = watch("A", T0, 45, episode=1)
    for number in range(2, 6):
        events += watch("A", T0, 45, episode=number, autoplay=True)
    events = [dict(each, ts=T0 + index * MINUTE) for index, each in enumerate(events)]
    assert cards(events, series(1, 2, 3, 4, 5, 6)) == Card("A.e3", 1, 3, 0.0, 2700, 0.0, "next_episode")


def test_an_episode_taken_back_to_its_beginning_is_resumed_there() -> None:
    back = event("seek", T0 + 11 * MINUTE, "A", 1, position_s=0, duration_s=2700)
    assert cards([*watch("A", T0, 10, episode=1), back]) == Card("A.e1", 1, 1, 0.0, 2700.0, 0.0, "resume")
