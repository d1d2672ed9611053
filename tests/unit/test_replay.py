"""The replay: a log in, decisions and viewings out, the same numbers that the worker would have computed."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from eventlog import DAY, HOUR, MINUTE, T0, event, watch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import replay as replaying
from models import splitting
from models.log import read_catalog
from models.population import of_plays
from models.replay import Replayed, replay
from streams import features
from streams.catalog import Catalog
from streams.cli import main
from streams.clients.netflix import read
from streams.codec import decode_state, encode_state
from streams.errors import CommandError, UsageError
from streams.facts import LAST_ACTIVITY
from streams.features import Gatherer
from streams.member import Applied, MemberState
from streams.population import Population, empty

Event = dict[str, Any]


def write(path: Path, events: Iterable[Event]) -> str:
    path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in events))
    return str(path)


def session(name: str, ts: int, *shows: str, device: str = "tv", member: str = "m", minutes: float = 5) -> list[Event]:
    """A session that watches shows one after the other."""
    who = {"session_id": name, "device": device, "member_id": member}
    events = [event("session_start", ts, **who)]
    for number, show in enumerate(shows):
        events += watch(show, ts + MINUTE + number * HOUR // 2, minutes, **who)
    return events


def shows_of(replayed: Replayed) -> list[tuple[str, list[str], str]]:
    """Session, candidates in recency order, first show; for each decision."""
    examples = replayed.examples
    offsets = examples.offsets
    return [
        (
            str(examples.session_id[d]),
            examples.shows[examples.show[offsets[d] : offsets[d + 1]]].tolist(),
            str(examples.shows[examples.first_show[d]]),
        )
        for d in range(len(examples))
    ]


def test_a_decision_is_a_session_with_a_candidate_and_a_play_that_counts(tmp_path: Path) -> None:
    log = [
        *session("first", T0, "A", "B"),  # nothing to continue yet
        *session("again", T0 + DAY, "A"),
        *session("glance", T0 + 2 * DAY, "A", minutes=0.5),  # nothing that counts
        *session("new", T0 + 3 * DAY, "C"),
    ]
    replayed = replay([write(tmp_path / "log.jsonl", log)])
    assert shows_of(replayed) == [("again", ["B", "A"], "A"), ("new", ["A", "B"], "C")]
    examples = replayed.examples
    assert examples.ts.tolist() == [T0 + DAY + MINUTE, T0 + 3 * DAY + MINUTE]
    assert examples.recency_rank.tolist() == [1, 2, 1, 2]
    assert examples.played.tolist() == [False, True, False, False]
    assert examples.continued.tolist() == [True, False]
    assert examples.history.tolist() == [2, 3]


def test_candidates_are_the_shows_of_the_last_days(tmp_path: Path) -> None:
    log = [*session("a", T0, "A"), *session("b", T0 + 20 * DAY, "B"), *session("c", T0 + 40 * DAY, "B")]
    path = write(tmp_path / "log.jsonl", log)
    assert shows_of(replay([path], candidate_days=30))[-1] == ("c", ["B"], "B")
    assert shows_of(replay([path], candidate_days=180))[-1] == ("c", ["B", "A"], "B")


def test_what_the_session_does_is_not_in_its_decision(tmp_path: Path) -> None:
    """The same past with another session behind it gives the same candidates and features."""
    past = [*session("a", T0, "A", "B", "C"), *session("b", T0 + DAY, "B")]
    one = replay([write(tmp_path / "1.jsonl", [*past, *session("c", T0 + 2 * DAY, "A", "D")])]).examples
    other = replay([write(tmp_path / "2.jsonl", [*past, *session("c", T0 + 2 * DAY, "D", "A")])]).examples
    for (x, c), (y, d) in [(one.matrices(empty()), other.matrices(empty()))]:
        assert np.array_equal(x, y)
        assert np.array_equal(c, d)
    assert one.played.tolist() != other.played.tolist()


def test_a_session_that_moves_to_another_device_before_it_plays_is_decided_there(tmp_path: Path) -> None:
    past = session("a", T0, "A", "B")
    glance = session("s", T0 + DAY, "B", minutes=0.5)
    moved = watch("A", T0 + DAY + 5 * MINUTE, 5, session_id="s", device="phone")
    examples = replay([write(tmp_path / "log.jsonl", [*past, *glance, *moved])]).examples
    assert examples.session_id.tolist() == ["s"]
    assert examples.device.tolist() == [1]
    assert examples.shows[examples.first_show].tolist() == ["A"]


def test_a_session_that_moves_on_after_its_first_play_is_decided_once(tmp_path: Path) -> None:
    log = [
        *session("a", T0, "A"),
        *session("s", T0 + DAY, "A"),
        *watch("B", T0 + DAY + HOUR, 5, session_id="s", device="phone"),
    ]
    assert replay([write(tmp_path / "log.jsonl", log)]).examples.session_id.tolist() == ["s"]


def test_viewings_join_what_a_session_watched_of_a_title(tmp_path: Path) -> None:
    log = [
        event("session_start", T0),
        *watch("A", T0, 4, duration_s=600.0),
        *watch("B", T0 + 10 * MINUTE, 0.5),
        *watch("A", T0 + 20 * MINUTE, 6, start_s=240.0, duration_s=600.0),
    ]
    plays = replay([write(tmp_path / "log.jsonl", log)]).plays
    assert plays.shows[plays.show].tolist() == ["A"]  # B was a glance
    assert plays.ts.tolist() == [T0]
    assert plays.watched_s.tolist() == [600.0]
    assert plays.stop_s.tolist() == [600.0]
    assert plays.duration_s.tolist() == [600.0]
    assert plays.completed.tolist() == [True]


def test_invalid_lines_are_counted_with_their_reason_and_cost_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    good = [orjson.dumps(each) for each in [*session("a", T0, "A"), *session("b", T0 + DAY, "A")]]
    bad = [b"{", b"[]", b"\xff\xfe", b'{"member_id": 5}', b'{"member_id": "m"}', b"null"]
    lines = [line for pair in zip(good, bad, strict=False) for line in pair] + good[len(bad) :]
    path.write_bytes(b"\n\n".join(lines))
    replayed = replay([str(path)])
    assert replayed.events == len(good)
    assert replayed.invalid == len(bad)
    assert replayed.reasons[0].startswith(f"{path}:3: not JSON")
    assert len(replayed.examples) == 1


def test_repeats_are_counted_and_change_nothing(tmp_path: Path) -> None:
    log = [*session("a", T0, "A"), *session("b", T0 + DAY, "A")]
    once = replay([write(tmp_path / "once.jsonl", log)])
    twice = replay([write(tmp_path / "twice.jsonl", [each for each in log for _ in range(2)])])
    assert (twice.events, twice.repeats) == (len(log), len(log))
    assert_same(once, twice)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"nothing\n"])
def test_a_log_without_a_valid_event_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="holds no valid event"):
        replay([str(path)])


def test_a_missing_log_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no event file"):
        replay([str(tmp_path / "none.jsonl")])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("simulated") / "log.jsonl"
    assert main(["simulate", "--members", "25", "--days", "20", "--seed", "3", "-o", str(path)]) == 0
    return str(path)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three weeks of an export's rows, by two profiles on three devices."""
    path = tmp_path_factory.mktemp("imported") / "log.jsonl"
    lines = ["Profile Name,Start Time,Duration,Attributes,Title,Device Type,Bookmark,Country"]
    devices = ("Zibo Smart TV", "iPhone 12", "Chrome PC (Cadmium)")
    for day in range(1, 22):
        for profile in ("Ana", "Bo"):
            for view in range(1 + day % 3):
                show = "ABCDEFG"[(day * 5 + view * 3 + len(profile)) % 7]
                title = f"{show}: Season 1: x (Episode {day})" if show < "F" else f"Film {show}"
                start = f"2021-03-{day:02} {18 + view}:{day:02}:00"
                lines.append(f"{profile},{start},00:{10 + day}:00,,{title},{devices[(day + view) % 3]},00:40:00,BR")
    export = path.with_name("export.csv")
    export.write_text("\n".join(lines))
    return write(path, read([export], "home").events())


def test_any_number_of_processes_gives_the_same_examples(simulated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "PART_BYTES", 200_000)
    monkeypatch.setattr(splitting, "STRETCH_BYTES", 100_000)
    catalog = read_catalog([simulated])
    told: list[tuple[str, int, int]] = []
    several = replay([simulated], catalog, processes=2, progress=lambda *word: told.append(word))
    assert_same(replay([simulated], catalog, processes=1), several)
    assert {what for what, _, _ in told} == {"Reading", "Folding"}
    assert told[-1][1] == told[-1][2] > 5


def test_where_a_log_is_cut_changes_nothing_of_what_is_found_in_it(
    simulated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stretches of any size: within a line, at its end, longer than the file; invalid lines keep their numbers."""
    lines = Path(simulated).read_bytes().splitlines()[:400]
    for number in (0, 7, 8, 200, 399):  # line 101 is blank
        lines[number] = b'{"member_id": "m", "type": "nonsense"}' if number % 2 else b"{"
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join([*lines[:100], b"", *lines[100:]]))
    whole = replay([str(path), str(path)], processes=1)
    assert [reason.split(": ")[0] for reason in whole.reasons] == [f"{path}:{n}" for n in (1, 8, 9, 202, 401)] * 2
    ten_lines = len(b"\n".join(lines[:10]))
    for size in (1_000, ten_lines, ten_lines + 1, 50_000):
        monkeypatch.setattr(splitting, "STRETCH_BYTES", size)
        cut = replay([str(path), str(path)], processes=1)
        assert_same(whole, cut)
        assert (cut.events, cut.repeats, cut.reasons) == (whole.events, whole.repeats, whole.reasons)


NAMES = st.text(st.sampled_from('ab"\\/é\t member_id:{},'), min_size=1, max_size=12)


@given(member=NAMES, other=NAMES, spaced=st.booleans(), last=st.booleans(), twice=st.booleans())
@settings(max_examples=300)
def test_a_valid_event_goes_to_the_part_of_its_member_whatever_is_in_it(
    member: str, other: str, spaced: bool, last: bool, twice: bool
) -> None:
    """Names full of quotes, backslashes and the name of the field itself, in the fields around it and inside of it."""
    fields = {"title_id": other, "member_id": member, "extra": {"member_id": other} if twice else other}
    if last:
        fields["member_id"] = fields.pop("member_id")
    line = json.dumps(fields).encode() if spaced else orjson.dumps(fields)
    assert splitting.member_of(line) == member.encode()


@pytest.mark.parametrize("which", ["simulated", "imported"])
def test_offline_features_equal_those_of_the_online_fold_value_by_value(
    which: str, request: pytest.FixtureRequest
) -> None:
    """The worker's way: all members at once in log order, each state stored and read back around every event."""
    source = request.getfixturevalue(which)
    catalog = read_catalog([source])
    replayed = replay([source], catalog, candidate_days=30)
    examples = replayed.examples
    population = of_plays(replayed.plays, catalog)
    X, C = examples.matrices(population)
    offsets = examples.offsets
    online = dict(online_features(source, catalog, population))
    values = compared = 0
    for d in range(len(examples)):
        key = (str(examples.members[examples.member[d]]), str(examples.session_id[d]))
        if key not in online:
            continue  # opened by another event than session_start, which the worker's row already holds
        shows, x, c = online[key]
        rows = slice(offsets[d], offsets[d + 1])
        assert examples.shows[examples.show[rows]].tolist() == shows
        assert np.array_equal(X[rows], x, equal_nan=True)
        assert np.array_equal(C[d], c, equal_nan=True)
        values += x.size + c.size
        compared += 1
    assert compared > 0.9 * len(examples) > 10
    assert values > 10_000


def online_features(
    source: str, catalog: Catalog, population: Population
) -> Iterable[tuple[tuple[str, str], tuple[list[str], Any, Any]]]:
    stored: dict[str, bytes] = {}
    gatherer = Gatherer(30, catalog)
    for line in Path(source).read_bytes().splitlines():
        each = orjson.loads(line)
        member = each["member_id"]
        state = decode_state(stored[member]) if member in stored else MemberState()
        opened = state.apply(each) is Applied.OPENED
        stored[member] = encode_state(state)
        if opened and each["type"] == "session_start":
            device = state.devices[each.get("device_id") or each["device"]]
            candidates = gatherer.add(state, device, int(state.facts[LAST_ACTIVITY]))
            batch = gatherer.batch(population)
            shows = [candidate.show.show_id for candidate in candidates]
            x, c = features.candidate_matrix(batch), features.context_matrix(batch)[0]
            yield (member, each["session_id"]), (shows, x, c)


def assert_same(one: Replayed, other: Replayed) -> None:
    for a, b in ((one.examples, other.examples), (one.plays, other.plays)):
        assert len(a) == len(b) > 0
        for name in a.__slots__:
            left, right = getattr(a, name), getattr(b, name)
            assert np.array_equal(left, right, equal_nan=left.dtype.kind == "f"), name
