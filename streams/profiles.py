"""The slow facts of members, from the topic member.profiles or a file of its records. A side input; may be absent.

A profile is taken as it stands; what changes with time, such as how long ago somebody signed up, is worked out for the
moment of each decision.
"""

import sys
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import orjson


class InvalidProfile(ValueError):
    """A record of member.profiles can't be used; the message is the reason."""


class Profile(NamedTuple):
    """What member.profiles says of a member. All zero where it says nothing."""

    signed_up_at: int = 0  # ms
    country: str = ""  # ISO 3166-1 alpha-2
    languages: int = 0  # how many the member watches in
    kids: bool = False


NO_PROFILE: Final = Profile()


def parse_profile(record: Any) -> Profile:
    """One decoded record of member.profiles. Raises InvalidProfile."""
    if type(record) is not dict:
        raise InvalidProfile("a profile is a JSON object")
    signed_up_at, country = record.get("signed_up_at") or 0, record.get("country") or ""
    languages, kids = record.get("languages") or (), record.get("kids") or False
    if type(signed_up_at) is not int or signed_up_at < 0:
        raise InvalidProfile("signed_up_at must be whole milliseconds since 1970, or null")
    if type(country) is not str:
        raise InvalidProfile("country must be a string, or null")
    if not (isinstance(languages, list | tuple) and all(isinstance(language, str) for language in languages)):
        raise InvalidProfile("languages must be a list of strings")
    if type(kids) is not bool:
        raise InvalidProfile("kids must be true or false")
    return Profile(signed_up_at, sys.intern(country), len(languages), kids)


def load(lines: Iterable[bytes]) -> dict[str, Profile]:
    """Profiles by member id, from JSON Lines of records with their `member_id`; a later line of a member counts.

    Raises InvalidProfile naming the line.
    """
    profiles = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
            profile = parse_profile(record)
            member_id = record.get("member_id")
            if type(member_id) is not str or not member_id:
                raise InvalidProfile("member_id must be a string")
        except (InvalidProfile, orjson.JSONDecodeError) as error:
            raise InvalidProfile(f"line {number}: {error}") from None
        profiles[member_id] = profile
    return profiles
