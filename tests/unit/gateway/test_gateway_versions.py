"""Versions compare as three numbers, never as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.gateway.versions import covers, parse_place, parse_version
from streams.row import Version

NUMBERS = st.integers(0, 10**18 - 1)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)


@given(VERSIONS)
def test_reading_what_was_written_is_the_identity(version: Version) -> None:
    assert parse_version(str(version)) == version


@given(VERSIONS, VERSIONS)
def test_the_order_is_that_of_the_three_numbers(left: Version, right: Version) -> None:
    expected = (left.epoch, left.offset, left.made_ms) < (right.epoch, right.offset, right.made_ms)
    assert (left < right) is expected


def test_a_longer_number_is_higher_though_its_text_sorts_first() -> None:
    assert parse_version("0-10-5") > parse_version("0-9-5")  # type: ignore[operator]


@given(VERSIONS, NUMBERS, NUMBERS)
def test_a_row_covers_an_event_at_or_before_its_own_place_whenever_it_was_made(
    version: Version, epoch: int, offset: int
) -> None:
    assert covers(version, (epoch, offset)) is ((epoch, offset) <= (version.epoch, version.offset))


@pytest.mark.parametrize(
    "text",
    ["", "1", "1-2", "1-2-3-4", "a-b-c", "1-2-", "-1-2-3", " 1-2-3", "1-2-3\n", "٣-2-1", "1-2-" + "9" * 40, None, 7],
)
def test_what_is_no_version_is_none(text: object) -> None:
    assert parse_version(text) is None


def test_a_place_is_two_numbers() -> None:
    assert parse_place("3-17") == (3, 17)
    assert parse_place("3-17-1") is None
    assert parse_place("3") is None
