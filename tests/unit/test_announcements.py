"""The records of cw.models: what reads back, what is refused, and what rolling back goes back to."""

import pytest

from streams.scoring import announcements
from streams.scoring.announcements import HISTORY, SPLIT, Announcement, Source, before, encode, following, parse
from streams.scoring.bundle import BundleRefused


def source(version: str) -> Source:
    return Source(version, f"file:///bundles/{version}", "0" * 64)


def served(*versions: str) -> Announcement:
    """What is announced after these were published one after the other, at 1, 2, 3..."""
    live = None
    for at, version in enumerate(versions, 1):
        live = following(source(version), at, live)
    assert live is not None
    return live


def rolled_back(live: Announcement, at: int) -> Announcement:
    former = before(live)
    assert former is not None
    return following(former, at, live, taken_back=True)


def test_announcements_read_back_as_they_were_written() -> None:
    live = rolled_back(served("a", "b", "c"), 9)
    assert parse(encode(live)) == live
    candidate = Announcement(source("x"), 5, mode=SPLIT, share=0.25, experiment="x")
    assert parse(encode(candidate), candidate=True) == candidate


def test_an_announcement_of_a_release_without_history_is_read() -> None:
    record = b'{"version": "a", "uri": "file:///bundles/a", "manifest_sha256": "' + b"0" * 64 + b'"}'
    assert parse(record) == Announcement(source("a"))


def test_history_says_what_served_from_when_until_when() -> None:
    live = served("a", "b", "c")
    assert live.source.version == "c"
    assert [(former.source.version, former.since, former.until) for former in live.history] == [
        ("b", 2, 3),
        ("a", 1, 2),
    ]


def test_going_back_twice_goes_back_two() -> None:
    once = rolled_back(served("a", "b", "c"), 4)
    assert once.source.version == "b"
    twice = rolled_back(once, 5)
    assert twice.source.version == "a"
    assert before(twice) is None
    assert [(former.source.version, former.taken_back) for former in twice.history] == [("b", True), ("c", True)]


def test_what_was_taken_back_and_published_again_can_be_gone_back_to() -> None:
    live = following(source("d"), 6, following(source("c"), 5, rolled_back(served("a", "b", "c"), 4)))
    assert before(live) == source("c")


def test_publishing_what_serves_adds_nothing_to_its_history() -> None:
    live = following(source("b"), 9, served("a", "b"))
    assert (live.at, [former.source.version for former in live.history]) == (9, ["a"])


def test_history_is_bounded() -> None:
    assert len(served(*(f"v{number}" for number in range(50))).history) == HISTORY


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "guess"},
        {"share": 1.5},
        {"share": "some"},
        {"mode": None},
        {"version": "../up"},
        {"uri": "ftp://x"},
        {"manifest_sha256": "0"},
    ],
)
def test_a_candidate_that_makes_no_sense_is_refused(change: dict) -> None:
    import orjson

    good = orjson.loads(encode(Announcement(source("x"), 5, mode=SPLIT, share=0.25, experiment="x")))
    with pytest.raises(BundleRefused) as refused:
        parse(orjson.dumps(good | change), candidate=True)
    assert refused.value.reason == "announcement"


def test_what_was_announced_is_applied_before_what_is_said_of_it() -> None:
    names = ["verdict/b", "candidate", "ranking"]
    assert sorted(names, key=announcements.rank) == ["ranking", "candidate", "verdict/b"]
