"""The similarity map in a real Chromium: search, pick, views, filter, by pointer and by keyboard; without Kafka."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_process import GatewayProcess
from page import Page
from ports import free_port
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from title_maps import write_audience, write_map


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts a gateway with a setting for the titles; gives the address of the page."""
    started = []

    def start(**settings: str) -> str:
        home = tmp_path_factory.mktemp("gateway")
        base = {name: value for name, value in os.environ.items() if not name.startswith(("CW_", "KAFKA_"))}
        broker = f"127.0.0.1:{free_port()}"
        env = {**base, "CW_HOME": str(home), "CW_GATEWAY_PORT": str(free_port()), "KAFKA_BOOTSTRAP_SERVERS": broker}
        process = GatewayProcess({**env, **settings})
        process.start(with_rows=False)
        started.append(process)
        return process.url + "titles"

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="module")
def address(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    return serve(CW_TITLES_DIR=str(write_audience(write_map(tmp_path_factory.mktemp("space")))))


@pytest.fixture
def page(address: str, driver: Any) -> Page:
    driver.get(address)
    found = Page(driver)
    found.wait(lambda: drawn(found) == 5, "five points are drawn")
    return found


def drawn(page: Page, view: str | None = None) -> int:
    """How many titles a map shows, those that a filter fades left out."""
    which = f'[data-view="{view}"]' if view else ""
    return int(page.js(f"return document.querySelector('.map{which}')?.dataset.drawn ?? -1"))


def search(page: Page, text: str) -> list[str]:
    """Types into the search field; the suggestions."""
    field = page.driver.find_element(By.CSS_SELECTOR, "#search input")
    field.clear()
    field.send_keys(text)
    return page.js("return [...document.querySelectorAll('#suggestions li')].map(li => li.firstChild.textContent)")


def likes(page: Page) -> list[str]:
    return page.js("return [...document.querySelectorAll('.like[data-title]')].map(like => like.dataset.title)")


def press(page: Page, text: str, where: str = "body") -> None:
    """Presses the first button that says so."""
    find = "[...document.querySelectorAll(`${arguments[1]} button`)].find(b => b.textContent.includes(arguments[0]))"
    page.js(f"{find}.click()", text, where)


def errors(page: Page) -> list[Any]:
    return [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_title_found_by_its_name_shows_what_is_like_it_by_each_view_and_why(page: Page) -> None:
    assert search(page, "harb") == ["Harbour Days", "Harbour Nights"]
    field = page.driver.find_element(By.CSS_SELECTOR, "#search input")
    field.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    page.wait(lambda: page.text("#detail h2") == "Harbour Nights", "its details")
    assert "A port town keeps a secret." in page.text("#detail")
    page.wait(lambda: likes(page)[:1] == ["t1"], "the titles like it by category")
    assert "categories Crime; people Ada Bee, Cy Dee; made in US" in page.text(".like .why")
    press(page, "graph", "#detail")
    page.wait(lambda: likes(page) == ["t/2", "t1", "t3"] or likes(page) == ["t/2", "t3", "t1"], "those by graph")
    page.js("document.querySelector('.like').click()")
    page.wait(lambda: page.text("#detail h2") == "Moon Pups", "one of those like it is picked")
    assert page.driver.current_url.endswith("#view=category&title=t%2F2")
    assert errors(page) == []


def test_a_typo_is_answered_with_what_was_meant(page: Page) -> None:
    assert search(page, "mon pubs")[:2] == ["No such title. Did you mean", "Moon Pups"]
    assert search(page, "elan") == ["Élan"]


def test_the_views_stand_side_by_side_and_a_legend_shows_some_titles_alone(page: Page) -> None:
    press(page, "side by side")
    page.wait(lambda: (drawn(page, "category"), drawn(page, "graph")) == (5, 4), "one title has no vector by graph")
    press(page, "Cartoons", "#legend")
    page.wait(lambda: (drawn(page, "category"), drawn(page, "graph")) == (2, 2), "cartoons alone")
    press(page, "show all", "#legend")
    page.wait(lambda: drawn(page, "category") == 5, "all again")
    assert errors(page) == []


def test_a_point_is_picked_with_the_pointer_and_the_map_is_moved_by_keyboard(page: Page) -> None:
    canvas = page.driver.find_element(By.CSS_SELECTOR, ".map canvas")
    canvas.send_keys("+", "+")
    page.wait(lambda: page.js("return document.querySelector('.map').dataset.scale") == "1.96", "it is zoomed")
    canvas.send_keys("0")
    page.wait(lambda: page.js("return document.querySelector('.map').dataset.scale") == "1.00", "it shows all")
    # The highest title of the map is in the middle of its upper edge: y 20 of 0 to 20, x 5 of 0 to 11.5.
    width, height = page.js("const m = document.querySelector('.map'); return [m.clientWidth, m.clientHeight]")
    unit = min((width - 56) / 11.5, (height - 56) / 20)
    point = ActionChains(page.driver).move_to_element_with_offset(canvas, round((5 - 5.75) * unit), round(-10 * unit))
    point.perform()
    page.wait(lambda: "Élan" in page.text(".tip"), "its name beside the pointer")
    point.click().perform()
    page.wait(lambda: page.text("#detail h2") == "Élan", "it is picked")
    where = "const m = document.querySelector('.map').dataset; return [m.flying, m.scale === '1.00']"
    page.wait(lambda: page.js(where) == ["false", False], "it was brought to the middle")
    canvas.send_keys("0")
    page.wait(lambda: page.js(where) == ["false", True], "all again")
    # Between the crime series below and the cartoons above, the nearest to the middle is Moon Pups: 10, 8.
    canvas.send_keys(Keys.ENTER)
    page.wait(lambda: page.text("#detail h2") == "Moon Pups", "the title nearest to the middle is picked")


def test_the_audience_of_a_title_is_shown_by_country_with_what_carries_it(page: Page) -> None:
    search(page, "harbour n")
    page.driver.find_element(By.CSS_SELECTOR, "#search input").send_keys(Keys.ENTER)
    said = "In ES: 1,800. 80 of 100 such titles lie between 900 and 4,000; usual there is 1,000. It had 2,100."
    page.wait(lambda: said in page.text(".audience"), "the estimate where it does best beside what is usual")
    assert "75 %" in page.text(".audience .like")
    assert "3,000 · 3.0 × usual" in page.text(".audience .like")
    press(page, "JP", ".estimates")
    page.wait(lambda: "In JP: 12.2" in page.text(".audience"), "the other country")
    assert "Countries that watch alike: ES" in page.text(".audience")
    assert errors(page) == []


def test_without_a_folder_the_page_says_what_to_run(serve: Callable[..., str], driver: Any) -> None:
    driver.get(serve())
    page = Page(driver)
    page.wait(lambda: "set CW_TITLES_DIR" in page.text("#missing"), "what to do")
    assert "cw titles map vectors" in page.text("#missing pre")
    assert errors(page) == []


def test_on_a_small_screen_nothing_is_wider_than_the_screen(address: str, driver: Any, tmp_path: Path) -> None:
    driver.set_window_size(500, 900)
    driver.get(address + "#title=t0")
    page = Page(driver)
    page.wait(lambda: len(likes(page)) == 4, "the titles like it")
    assert page.js("return document.documentElement.scrollWidth <= innerWidth")
