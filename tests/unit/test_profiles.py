"""Members' slow facts: what of a record counts, and what is refused with its reason."""

from pathlib import Path

import pytest

from models.log import read_profiles
from streams.errors import CommandError
from streams.profiles import NO_PROFILE, InvalidProfile, Profile, load, parse_profile

FULL = {"member_id": "m", "signed_up_at": 5, "country": "BR", "languages": ["pt", "en"], "kids": True, "more": {}}


def test_a_record_gives_its_facts_and_what_it_leaves_out_is_zero() -> None:
    assert parse_profile(FULL) == Profile(5, "BR", 2, True)
    assert parse_profile({}) == parse_profile(dict.fromkeys(FULL)) == NO_PROFILE


@pytest.mark.parametrize(
    "record", [[], 5, {"signed_up_at": "2020"}, {"signed_up_at": -1}, {"country": 5}, {"languages": "pt"}, {"kids": 1}]
)
def test_a_record_of_other_types_is_refused(record: object) -> None:
    with pytest.raises(InvalidProfile):
        parse_profile(record)


def test_the_last_line_of_a_member_counts() -> None:
    lines = [b'{"member_id": "a", "country": "BR"}', b'{"member_id": "b"}', b'{"member_id": "a", "country": "PT"}']
    assert load(lines) == {"a": Profile(country="PT"), "b": NO_PROFILE}


@pytest.mark.parametrize("line", [b"{", b"{}", b'{"member_id": "a", "kids": "no"}'])
def test_a_file_that_can_not_be_used_says_which_line(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "log.profiles.jsonl").write_bytes(b'{"member_id": "b"}\n\n' + line)
    with pytest.raises(CommandError, match=r"the profiles of .*log.jsonl can't be used: line 3"):
        read_profiles([str(tmp_path / "log.jsonl")])
