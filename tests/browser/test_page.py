"""The page in a real Chromium on the real chain: what a person does moves the rows that they see."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from page import Page

OpenPage = Callable[..., Page]


def watch(page: Page, kind: str, show: str, seconds: float = 3) -> None:
    """Plays a card for so long and pauses: at 60 times life, three seconds are three minutes."""
    page.play(kind, show)
    page.wait(lambda: not page.video(kind)["paused"], "the video plays")
    began = page.video(kind)["time"]
    page.wait(lambda: page.video(kind)["time"] > began + seconds, "the video goes on")
    page.press(kind, "toggle")
    page.wait(lambda: page.video(kind)["paused"], "the video is paused")


def test_playing_and_pausing_on_the_phone_moves_the_row_on_the_phone_and_on_the_television(open_page: OpenPage) -> None:
    page = open_page()
    before = {kind: (page.shows(kind), page.version(kind)) for kind in ("tv", "phone")}
    show = next(show for show in before["phone"][0][1:] if show in before["tv"][0][1:])
    place = page.position("tv", show)
    watch(page, "phone", show)
    for kind in ("phone", "tv"):
        page.wait(lambda kind=kind: page.shows(kind)[0] == show, f"the row on the {kind} has moved")
        assert page.version(kind) > before[kind][1]
        assert sorted(page.shows(kind)) == sorted(before[kind][0])
    page.wait(lambda: page.position("tv", show) > place, "the television resumes where the phone is")
    assert page.events("phone")[:2] == ["session start", "row viewed"]
    assert [what for what in page.events("phone") if what in ("play", "pause")] == ["play", "pause"]
    assert page.events("tv") == ["session start", "row viewed"]
    video = page.video("phone")
    assert video["fault"] is None
    assert video["frames"] > 0
    assert page.text("#error") == ""
    assert [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_row_stands_at_the_place_on_the_page_that_its_placement_names(open_page: OpenPage, gateway: Any) -> None:
    page = open_page()
    member = page.js("return document.querySelector('#stage').dataset.member")
    for kind in ("tv", "phone"):
        device_id = page.js("return document.querySelector(`.${arguments[0]}`).dataset.deviceId", kind)
        row = gateway.get(f"v1/members/{member.replace('/', '%2F')}/row?device_id={device_id}")
        assert page.place(kind) == row["placement"]["position"]
        assert page.shows(kind) == [item["show_id"] for item in row["items"]]


def test_what_is_dismissed_on_the_phone_leaves_the_television_too_and_comes_back_when_undone(
    open_page: OpenPage,
) -> None:
    page = open_page()
    show = next(show for show in page.shows("phone") if show in page.shows("tv"))
    page.press("phone", "dismiss", show)
    for kind in ("phone", "tv"):
        page.wait(lambda kind=kind: show not in page.shows(kind), f"it has left the {kind}")
    page.press("phone", "undo")
    for kind in ("phone", "tv"):
        page.wait(lambda kind=kind: show in page.shows(kind), f"it is back on the {kind}")


def test_a_snoozed_show_leaves_both_devices(open_page: OpenPage) -> None:
    page = open_page()
    show = next(show for show in reversed(page.shows("tv")) if show in page.shows("phone"))
    page.press("tv", "snooze", show)
    for kind in ("phone", "tv"):
        page.wait(lambda kind=kind: show not in page.shows(kind), f"it has left the {kind}")


def test_why_shows_the_feature_values_of_the_item_where_there_is_no_model(open_page: OpenPage) -> None:
    page = open_page()
    show = page.shows("tv")[1]
    page.press("tv", "why", show)
    page.wait(lambda: page.js("return document.querySelectorAll('.tv .why-feature').length") > 5, "features are shown")
    assert "in the order of last watching" in page.text(".tv .why-detail")
    assert page.js("return document.querySelector('.tv .why-item.chosen').dataset.show") == show


def test_why_shows_what_added_to_the_score_and_from_which_events_it_is(open_page: OpenPage, model: str) -> None:
    page = open_page()
    show = page.shows("tv")[1]
    page.press("tv", "why", show)
    page.wait(lambda: page.text(".tv .why-sum"), "the score is told as a sum")
    told = page.text(".tv .why-sum").replace("−", "-")
    sums = re.findall(r"Score (\S+) = (\S+) for any show (\S+) for (\S+) against", told)
    score, base, up, down = (float(part) for part in sums[0])
    assert score == pytest.approx(base + up + down, abs=0.02)
    shares = page.js(
        "return [...document.querySelectorAll('.tv .why-feature .why-share, .tv .why-rest .why-share')]"
        ".map(share => share.textContent.replace('−', '-'))"
    )
    assert sum(map(float, shares)) == pytest.approx(up + down, abs=0.1)
    assert page.js("return document.querySelectorAll('.tv .why-group').length") > 3
    assert model in page.text(".tv .why-origin")
    assert "plays of it" in page.text(".tv .why-origin") or "play of it" in page.text(".tv .why-origin")


READINGS = (
    ("ln(1 + hours since the show was last watched)", 6.28, "Time since the show was last watched", "22 days"),
    ("ln(1 + hours since its last counted play began)", 1.6, "Time since its last counted play began", "4 hours"),
    ("ln(1 + days since the title came out); -1 unknown", -1, "Time since the title came out", "unknown"),
    ("ln(1 + members who played it)", 2.4, "Members who played it", "10"),
    ("1 for a series", 1, "A series", "yes"),
    ("the card: 0 not in the row, 1 resume, 2 next episode", 2, "The card", "next episode"),
    (
        "position as a share of the runtime; -1 where it is unknown",
        0.5,
        "Position as a share of the runtime",
        "50%",
    ),
    ("counted plays", 12, "Counted plays", "12"),
    ("rating, -1 to 2; 0 where unrated", 0, "Rating, -1 to 2", "0"),
)  # meaning, value, both as people read them


def test_a_feature_is_read_out_in_words(open_page: OpenPage) -> None:
    read = open_page().driver.execute_async_script(
        "const [asked, done] = arguments;"
        "import('/static/reading.js').then(({ read }) => done(asked.map((each) => read(...each))), String)",
        [(meaning, value) for meaning, value, _, _ in READINGS],
    )
    assert read == [{"words": words, "value": reads} for _, _, words, reads in READINGS]


def test_at_the_end_of_an_episode_the_next_one_follows_by_autoplay_and_the_row_goes_on_with_it(
    open_page: OpenPage, gateway: Any
) -> None:
    page = open_page()
    shows = {entry["show_id"]: entry for entry in gateway.get("v1/titles")["titles"]}
    show = next(s for s in page.shows("tv") if len(shows[s]["episodes"]) > 3 and "E1 " in label(page, s))
    page.play("tv", show)
    page.wait(lambda: page.events("tv")[-1:] == ["play"], "it plays")
    page.seek("tv", 0.985)
    page.wait(lambda: "complete" in page.events("tv"), "the episode has ended")
    assert page.events("tv")[-2:] == ["seek", "complete"] or "seek" in page.events("tv")
    page.wait(lambda: page.events("tv").count("play") == 2, "the next episode plays", 60)  # once its film is made
    page.wait(lambda: "E2 " in label(page, show), "the row goes on with the next episode")


def label(page: Page, show: str) -> str:
    return page.text(f'.tv .continue .card[data-show="{show}"] .card-label')


def test_after_the_gateway_was_away_the_page_reconnects_and_rows_move_again(open_page: OpenPage, gateway: Any) -> None:
    page = open_page()
    gateway.stop()
    page.wait(lambda: page.text("#status") != "live", "the page has noticed")
    gateway.start()
    page.wait(lambda: page.text("#status") == "live", "the page is connected again", 30)
    show = page.shows("tv")[2]
    watch(page, "tv", show)
    page.wait(lambda: page.shows("tv")[0] == show, "the row moves again")


def test_the_page_asks_nobody_but_its_gateway(open_page: OpenPage, gateway: Any) -> None:
    page = open_page()
    addresses = page.js("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert addresses
    assert [address for address in addresses if not address.startswith(gateway.url)] == []


def test_somebody_new_starts_with_an_empty_row_and_gets_one_by_watching(open_page: OpenPage) -> None:
    page = open_page("?member=new/person%20%C3%A9")
    assert page.shows("phone") == []
    page.js("document.querySelector('.phone .row:not(.continue) .card').click()")
    page.wait(lambda: page.shows("phone") and page.shows("tv"), "the first show is in both rows", 30)
    assert page.shows("phone") == page.shows("tv")
