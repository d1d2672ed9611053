"""The log of a simulated population: the same by seed, valid, in order of arrival, and disorderly as clients are."""

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.catalog import parse_title
from streams.cli import main
from streams.clients.simulate.emission import LATE_SHARE, REPEAT_SHARE, Arrival
from streams.clients.simulate.log import FILE_UNTIL_MS, Log
from streams.events import DEVICES, TYPES, validate

NAMES = ("log.jsonl", "log.titles.jsonl", "log.profiles.jsonl")


def written(folder: Path, *arguments: str) -> list[bytes]:
    folder.mkdir()
    assert main(["simulate", *arguments, "-o", str(folder / NAMES[0])]) == 0
    return [(folder / name).read_bytes() for name in NAMES]


def test_the_same_members_days_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    arguments = ("--members", "12", "--days", "6", "--seed", "5")
    first = written(tmp_path / "a", *arguments)
    assert first == written(tmp_path / "b", *arguments)
    assert all(first)


def test_another_seed_gives_other_people_and_other_titles(tmp_path: Path) -> None:
    first = written(tmp_path / "a", "--members", "12", "--days", "6", "--seed", "5")
    second = written(tmp_path / "b", "--members", "12", "--days", "6", "--seed", "6")
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_the_log_is_the_same_in_steps_of_any_size() -> None:
    """Live clients advance in small steps; they go on as the history would have."""
    whole, stepped = (Log(10, 8, 3, FILE_UNTIL_MS) for _ in range(2))
    expected = whole.advance(FILE_UNTIL_MS)
    got = [arrival for to in range(stepped.start_ms, FILE_UNTIL_MS, 777_777) for arrival in stepped.advance(to)]
    assert [*got, *stepped.advance(FILE_UNTIL_MS)] == expected


def test_what_comes_after_the_history_does_not_change_it() -> None:
    """A longer-lived population has the same past: time goes on, nothing is made anew."""
    history = Log(10, 8, 3, FILE_UNTIL_MS)
    past = history.advance(FILE_UNTIL_MS)
    future = history.advance(FILE_UNTIL_MS + 2 * 86_400_000)
    assert past
    assert future[0][0] >= FILE_UNTIL_MS
    assert {event["member_id"] for _, event in future} <= {member.member_id for member in history.members}


def test_every_event_is_valid(arrivals: list[Arrival]) -> None:
    for _, event in arrivals:
        validate(event)


def test_every_type_and_every_common_device_occurs(arrivals: list[Arrival]) -> None:
    assert {event["type"] for _, event in arrivals} == TYPES
    assert {event["device"] for _, event in arrivals} == set(DEVICES) - {"other"}


def test_events_are_in_order_of_arrival_and_few_are_out_of_order_within_their_session(arrivals: list[Arrival]) -> None:
    times = [at for at, _ in arrivals]
    assert times == sorted(times)
    newest: dict[str, int] = {}
    late = 0
    for _, event in arrivals:
        session = event["session_id"]
        late += event["ts"] < newest.get(session, 0)
        newest[session] = max(event["ts"], newest.get(session, 0))
    assert 0.5 * LATE_SHARE < late / len(arrivals) < 3 * (LATE_SHARE + REPEAT_SHARE)


def test_a_repeat_is_the_same_event_again(arrivals: list[Arrival]) -> None:
    first: dict[str, object] = {}
    repeats = 0
    for _, event in arrivals:
        if event["event_id"] in first:
            assert first[event["event_id"]] == event
            repeats += 1
        first[event["event_id"]] = event
    assert 0.5 * REPEAT_SHARE < repeats / len(arrivals) < 1.5 * REPEAT_SHARE


def test_clocks_are_right_but_for_a_few_devices(arrivals: list[Arrival]) -> None:
    ahead = Counter(event["device_id"] for at, event in arrivals if event["ts"] > at)
    devices = {event["device_id"] for _, event in arrivals}
    assert 0 < len(ahead) < 0.05 * len(devices)


def test_some_sessions_have_no_end(arrivals: list[Arrival]) -> None:
    started = {event["session_id"] for _, event in arrivals if event["type"] == "session_start"}
    ended = {event["session_id"] for _, event in arrivals if event["type"] == "session_end"}
    assert 0.15 < 1 - len(ended) / len(started) < 0.4


def test_members_are_profiles_of_households_with_up_to_four_devices(log: Log) -> None:
    households = Counter(member.member_id.rsplit("/", 1)[0] for member in log.members)
    assert len(log.members) == len({member.member_id for member in log.members}) == 120
    assert set(households.values()) == {1, 2, 3, 4, 5}
    for member in log.members:
        assert 1 <= len(member.devices) <= 4
        assert ZoneInfo(member.tz)
        assert member.signed_up_at < log.start_ms


def test_what_is_played_exists_in_the_members_country_and_is_out(log: Log, arrivals: list[Arrival]) -> None:
    titles = {record["title_id"]: parse_title(record) for record in log.catalogue.records()}
    for at, event in arrivals:
        if event["type"] == "play" and event["ts"] <= at:  # a clock that is ahead sees titles before they are out
            title = titles[event["title_id"]]
            assert title.show_id == event["show_id"]
            assert (title.season, title.episode) == (event["season"], event["episode"])
            assert title.available(None, at)
            assert event["position_s"] <= title.runtime_s


def test_titles_have_legible_names_of_their_own_and_credits_before_the_end(log: Log) -> None:
    shows = log.catalogue.shows
    assert len({show.name for show in shows}) == len(shows) == 800
    for show in shows:
        assert show.episodes
        assert show.name.replace(" ", "").replace("-", "").isalpha()
        assert show.summary.endswith(".")
        for episode in show.episodes:
            assert 0 < episode.credits_s < episode.runtime_s


def test_until_habits_change_the_log_is_the_same_and_then_it_is_not() -> None:
    """On day 4 of 8: sessions that began before are what they are without it."""
    changing = Log(20, 8, 3, FILE_UNTIL_MS, habits_change_at=4)
    usual, changed = Log(20, 8, 3, FILE_UNTIL_MS).advance(FILE_UNTIL_MS), changing.advance(FILE_UNTIL_MS)
    until = int(changing.change_s * 1000)

    def before(arrivals: list[Arrival]) -> list[Arrival]:
        return [arrival for arrival in arrivals if arrival[0] < until]

    assert before(usual) == before(changed) != []
    assert usual != changed


def test_after_habits_change_shows_go_with_other_devices() -> None:
    """Of the shows played on both sides of the day, most are on another device than before; without it, few are."""

    def moved(habits_change_at: float | None) -> float:
        log = Log(40, 40, 3, FILE_UNTIL_MS, habits_change_at)
        day = FILE_UNTIL_MS - 20 * 86_400_000
        devices: dict[tuple[str, str], tuple[Counter[str], Counter[str]]] = {}
        for at, event in log.advance(FILE_UNTIL_MS):
            if event["type"] == "play":
                sides = devices.setdefault((event["member_id"], event["show_id"]), (Counter(), Counter()))
                sides[at >= day][event.get("device_id") or event["device"]] += 1
        both = [sides for sides in devices.values() if all(sides)]
        assert len(both) > 40
        return sum(one.most_common(1)[0][0] != other.most_common(1)[0][0] for one, other in both) / len(both)

    assert moved(None) < 0.25
    assert moved(20) > 0.5
