"""The habits that are planted: they are in the events, and somebody who knows them beats recency."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean

import pytest

from streams.clients.simulate.emission import Arrival
from streams.clients.simulate.log import Log
from streams.clients.simulate.population import Member

DAY = 86_400_000


@dataclass
class Play:
    """One play that lasted a minute or longer, as its events tell it."""

    session: str
    show: str
    title: str
    device: str
    start: int
    position: float
    autoplay: bool
    film: bool
    end: int = 0
    touched: bool = False  # a pause or a seek: somebody is there
    finished: bool = False


@dataclass
class Seen:
    """What is known of a member's show before a decision."""

    last: int = 0
    devices: Counter[str] = field(default_factory=Counter)
    over: bool = False  # a film that was seen to its end


def local_hour(member: Member, play: Play) -> float:
    return (play.start / 1000 + member.local_offset(play.start / 1000)) / 3600 % 24


@pytest.fixture(scope="module")
def plays(arrivals: list[Arrival]) -> dict[str, list[Play]]:
    by_member: dict[str, list[Play]] = defaultdict(list)
    for _, event in arrivals:
        done = by_member[event["member_id"]]
        if event["type"] == "play":
            done.append(Play(event["session_id"], event["show_id"], event["title_id"], event["device_id"], event["ts"],
                             event["position_s"], event["autoplay"], event["season"] is None))  # fmt: skip
        elif "title_id" in event and done and done[-1].title == event["title_id"]:
            done[-1].end = max(done[-1].end, event["ts"])
            done[-1].touched |= event["type"] in ("pause", "seek")
            done[-1].finished |= event["type"] == "complete"
    return {member: [p for p in all_plays if p.end - p.start >= 60_000] for member, all_plays in by_member.items()}


def test_who_knows_devices_and_finished_films_beats_recency(plays: dict[str, list[Play]]) -> None:
    """A rule without any learning: the most recent show that was watched on this device and is not a finished film."""
    recency: list[bool] = []
    rule: list[bool] = []
    for member_plays in plays.values():
        seen: dict[str, Seen] = defaultdict(Seen)
        session = ""
        for play in member_plays:
            if play.session != session and play.show in seen and len(seen) > 1:
                order = sorted(seen, key=lambda show: -seen[show].last)
                here = [show for show in order if seen[show].devices[play.device] and not seen[show].over]
                recency.append(order[0] == play.show)
                rule.append((here or order)[0] == play.show)
            session = play.session
            show = seen[play.show]
            show.last, show.over = play.end, play.film and play.finished
            show.devices[play.device] += 1
    assert len(recency) > 3000
    assert mean(rule) > mean(recency) + 0.02
    differ = [(a, b) for a, b in zip(rule, recency, strict=True) if a != b]
    assert mean(a for a, _ in differ) > 0.6


def test_shows_have_their_hour(log: Log, plays: dict[str, list[Play]]) -> None:
    """Members who watch at several times of day: sittings of one show are closer in hour than those of two shows."""
    same: list[float] = []
    other: list[float] = []
    zones = {member.member_id: member for member in log.members}
    for member_id, member_plays in plays.items():
        member = zones[member_id]
        if len(member.slots) == 1:
            continue
        firsts: dict[str, Play] = {}
        for play in member_plays:
            firsts.setdefault(play.session, play)
        for a, b in zip(list(firsts.values()), list(firsts.values())[3:], strict=False):
            apart = abs(local_hour(member, a) - local_hour(member, b))
            (same if a.show == b.show else other).append(min(apart, 24 - apart))
    assert mean(same) < 0.85 * mean(other)


def test_after_the_first_of_a_pair_comes_the_second(log: Log, plays: dict[str, list[Play]]) -> None:
    """Within a session the second follows the first far more often than the first follows the second."""
    forth, back = [], []
    for member in log.members:
        pairs = {show.show.show_id: show.partner.show.show_id for show in member.shows
                 if show.partner is not None and not show.follows}  # fmt: skip
        turned = {second: first for first, second in pairs.items()}
        for one, after in pairwise(plays.get(member.member_id, [])):
            if one.finished and after.session == one.session:
                if one.show in pairs:
                    forth.append(after.show == pairs[one.show])
                elif one.show in turned:
                    back.append(after.show == turned[one.show])
    assert sum(forth) > 40
    assert mean(forth) > 3 * mean(back)


def test_weekly_shows_are_watched_when_the_episode_is_out(log: Log, plays: dict[str, list[Play]]) -> None:
    weekly = [show for show in log.catalogue.shows if show.weekly]
    out = {episode.title_id: episode.added_at for show in weekly for episode in show.episodes}
    days = [(play.start - out[play.title]) / DAY
            for member_plays in plays.values() for play in member_plays if play.title in out]  # fmt: skip
    assert len(days) > 50
    assert sum(0 <= day <= 8 for day in days) > 0.35 * len(days)


def test_childrens_shows_share_profiles_with_their_parents_and_keep_to_their_own_devices_and_hours(
    log: Log, plays: dict[str, list[Play]]
) -> None:
    for_kids = {show.show_id for show in log.catalogue.shows if show.kids}
    mixed = 0
    for member in log.members:
        hours = defaultdict(list)
        for play in plays.get(member.member_id, []):
            hours[play.show in for_kids].append(local_hour(member, play))
        if min(len(hours[True]), len(hours[False])) >= 15:
            mixed += 1
            assert sum(6 <= hour < 20.5 for hour in hours[True]) > 0.75 * len(hours[True])
    assert mixed >= 3


def test_sleepers_come_back_to_where_they_fell_asleep(plays: dict[str, list[Play]]) -> None:
    """Autoplay ran on untouched; the next time, the member plays an episode that ran while nobody watched."""
    nights = returned = 0
    for member_plays in plays.values():
        sessions: dict[str, list[Play]] = defaultdict(list)
        for play in member_plays:
            sessions[play.session].append(play)
        ordered = list(sessions.values())
        for session, after in pairwise(ordered):
            tail: list[str] = []
            for play in reversed(session):
                if not play.autoplay or play.touched or play.position > 0:
                    break
                tail.append(play.title)
            if len(tail) >= 2 and after[0].show == session[-1].show:
                nights += 1
                returned += after[0].title in tail
    assert nights > 20
    assert returned > 5


def test_some_shows_are_devoured_and_some_are_dropped_at_once(plays: dict[str, list[Play]]) -> None:
    counts = Counter((member, play.show) for member, member_plays in plays.items() for play in member_plays)
    assert sum(count == 1 for count in counts.values()) > 0.35 * len(counts)
    assert sum(count >= 15 for count in counts.values()) > 0.04 * len(counts)
