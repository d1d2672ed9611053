"""Devices, countries and times as viewing exports write them."""

import pytest

from streams.clients.netflix_device import classify
from streams.clients.netflix_values import day_comes_first, parse_duration, parse_start
from streams.clients.places import country_code, time_zone


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("TCL TV 2018 UHD Android TV Smart TV", "tv"),
        ("LG LG 2017 MStar M2R Standard DTV Smart TV", "tv"),
        ("Google Chromecast V5 Streaming Stick", "tv"),
        ("Netflix AndroidLegacySTB Android", "tv"),
        ("Roku Nemo Set Top Box", "tv"),
        ("Amazon Fire TV Stick 2020 Lite Streaming Stick", "tv"),
        ("Apple TV 4 (4K) Set Top Box", "tv"),
        ("Samsung 2012 Blu-ray", "tv"),
        ("Apple iPhone 14 Pro Max iPhone", "phone"),
        ("iPhone 12", "phone"),
        ("Android DefaultWidevineL3Phone Android Phone", "phone"),
        ("DefaultWidevineAndroidPhone", "phone"),
        ("Windows Phone 8", "phone"),
        ("Apple iPad Air 2 Wi-Fi iPad", "tablet"),
        ("Safari iPad (Cadmium)", "tablet"),
        ("Android DefaultWidevineL3Tablet Android Tablet", "tablet"),
        ("Google Nexus 7 Android Tablet", "tablet"),
        ("Kindle Fire HD", "tablet"),
        ("Netflix Chrome MAC (Cadmium) HTML 5", "web"),
        ("Chrome PC (Cadmium)", "web"),
        ("Netflix Windows App - Cadmium Windows Mobile", "web"),
        ("Edge OSS - Windows (Cadmium)", "web"),
        ("Mac", "web"),
        ("Sony PS4 Sony PS4", "console"),
        ("Sony PS5 Game Console", "console"),
        ("Microsoft Xbox One S", "console"),
        ("Nintendo Wii U", "console"),
        ("Netflix Oculus VR Android Phone", "other"),
        ("Zibo 3000", "other"),
        ("", "other"),
    ],
)
def test_a_device_text_names_its_kind(text: str, kind: str) -> None:
    assert classify(text) == kind


@pytest.mark.parametrize(
    ("text", "country", "zone"),
    [
        ("BR (Brazil)", "BR", "America/Sao_Paulo"),
        ("US (United States)", "US", "America/New_York"),
        ("TR", "TR", "Europe/Istanbul"),
        ("Germany", "DE", "Europe/Berlin"),
        ("", None, None),
        ("somewhere", None, None),
    ],
)
def test_a_country_gives_the_time_zone_of_most_of_its_people(text: str, country: str | None, zone: str | None) -> None:
    assert country_code(text) == country
    assert time_zone(country) == zone


@pytest.mark.parametrize(
    ("text", "day_first"),
    [
        ("2021-02-03 04:05:06", False),
        ("2021-02-03T04:05:06Z", False),
        ("2021-02-03 04:05:06.000", False),
        ("2021/02/03 04:05:06", False),
        ("03.02.2021 04:05:06", True),
        ("3/2/21 4:05:06", True),
        ("2/3/2021 4:05:06 AM", False),
    ],
)
def test_a_start_time_is_utc_in_whatever_form(text: str, day_first: bool) -> None:
    assert parse_start(text, day_first) == 1_612_325_106_000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2021-02-30 00:00:00", "2021-13-01 00:00:00", "2021-02-03", "2021-02-03 25:00:00"]
)
def test_what_is_no_start_time_is_refused(text: str) -> None:
    assert parse_start(text, False) is None


def test_dates_that_can_be_read_one_way_only_decide_for_all() -> None:
    assert day_comes_first(["03/04/2021 10:00", "13/04/2021 10:00"])
    assert not day_comes_first(["03/04/2021 10:00", "04/13/2021 10:00"])
    assert day_comes_first(["03.04.2021 10:00"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:29:16", 1756),
        ("0:00:05", 5),
        ("1 days 00:00:01", 86_401),
        ("1756", 1756),
        ("1756.0", 1756),
        ("-1", None),
        ("", None),
        ("00:99:00", None),
        ("Not latest view", None),
    ],
)
def test_a_duration_is_whole_seconds(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds
