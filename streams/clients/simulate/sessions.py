"""What a member does in one session: what they play first and why, what follows, and when they come back."""

import math
from random import Random
from typing import Final

from streams.clients.simulate import words
from streams.clients.simulate.catalogue import DAY_S, Catalogue
from streams.clients.simulate.emission import KILLED_SHARE, NO_END_SHARE, Arrival, Session, play
from streams.clients.simulate.population import Device, Engagement, Member, Slot, new_engagement, pair

_HOUR_S: Final = 3600
_PLAYS: Final = (1, 2, 3, 4, 5, 6, 7, 9)
_PLAYS_WEIGHTS: Final = (20, 21, 19, 14, 11, 8, 5, 2)
_ENOUGH: Final = 0.86  # how often a session ends where the show does
_MOVES: Final = 0.01  # of plays, after which the show goes with another of the member's devices and hours
_RETURNS: Final = 0.42  # how often nothing to go on with leads back to what was dropped
_JOURNEYS: Final = 0.015  # of sessions, after which everything is watched on what fits into a bag, for days
_KEPT_SHOWS: Final = 60
_LATER_TODAY: Final = 0.25

# What draws a member to a show, on the log-odds scale. Recency alone does not see the first five.
_SAME_SLOT: Final = 6.8  # the device and hour that go with it
_OTHER_DEVICE: Final = -5.0
_OTHER_PERSON: Final = -9.0  # children's shows at their parents' hours, and the other way round
_NEW_WEEKLY: Final = 3.0  # an episode came out in the last days
_PAIR_FIRST: Final = 2.5
_PAIR_SECOND: Final = 1.5
_BINGE: Final = 1.2
_HALFWAY: Final = 0.9
_LATEST: Final = 4.2
_RECENT: Final = 3.0  # times exp(-days / 2.5)
_FADE: Final = 0.08  # a day
_DISCOVER: Final = 4.1
_OVER: Final = 3.6  # what was watched last is over, or was dropped


def run(member: Member, catalogue: Catalogue, prefix: str) -> list[Arrival]:
    """The member's next session, at `member.next_at`; decides when the one after it comes."""
    rng = member.rng
    now = member.next_at
    slot = member.next_slot or member.slots[0]
    device = _device(member, slot, now)
    session = Session(member, device, prefix)
    session.of_session("session_start", now)
    now += rng.uniform(1, 6)
    if rng.random() < 0.93:
        session.of_session("row_viewed", now)
        now = _tidy(session, now)
    killed = rng.random() < KILLED_SHARE
    wanted = rng.choices(_PLAYS, _PLAYS_WEIGHTS)[0]
    current = _first(member, now, slot)
    autoplay = False
    source = ""
    for number in range(wanted + 1):
        if current is None:
            now = _browse(session, catalogue, now, slot)
            current = _discover(member, catalogue, now, slot)
            source = "search" if rng.random() < 0.3 else "browse"
            if current is None:
                break
        elif number == 0 or not autoplay:
            now += rng.uniform(3, 25)
            source = _source(rng, member, current) if number == 0 else "row" if rng.random() < 0.6 else "browse"
        episode = current.next_episode(now)
        if episode is None:
            break
        end = _watched_until(rng, current, wanted)
        # The second of a pair follows however late it is.
        last = number >= wanted - 1 and (current.partner is None or current.follows)
        now = play(session, current.show, episode, now, current.pos, end, autoplay, "autoplay" if autoplay else source,
                   True, killed and last)  # fmt: skip
        finished = end >= episode.credits_s
        _after(member, current, end, finished, now)
        if finished and current.show.kind == "film" and rng.random() < 0.08:
            session.of_show("rate", now + 4, current.show, rng.choice((-1, 1, 1, 2)))
        if last:
            break
        current, autoplay = _following(member, current, finished, now, slot)
        if current is None and rng.random() < _ENOUGH:
            break
        now += rng.uniform(4, 9) if autoplay else rng.uniform(10, 90)
    if current is not None and slot.late and rng.random() < member.sleeps:
        now = _sleep(session, current, now)
    if not killed and rng.random() > NO_END_SHARE:
        now += rng.uniform(1, 40)
        session.of_session("session_end", now)
    come_back(member, now, slot)
    return session.arrivals()


def _device(member: Member, slot: Slot, now: float) -> Device:
    """The device that goes with the hour; on a journey, the one that was taken along."""
    rng = member.rng
    if now < member.away_until:
        return member.travels_with or slot.device
    if member.travels_with is not None and rng.random() < _JOURNEYS:
        member.away_until = now + rng.uniform(2, 9) * DAY_S
    return slot.device


def _first(member: Member, now: float, slot: Slot) -> Engagement | None:
    """The show that the member goes on with; None where they look for something new."""
    options: list[Engagement] = []
    weights: list[float] = []
    latest = member.latest
    for show in member.shows:
        if not show.alive:
            continue
        episode = show.next_episode(now)
        if episode is None:
            continue
        away = (now - show.last) / DAY_S
        pull = show.liking + _RECENT * math.exp(-away / 2.5) - _FADE * away
        if show.slot is slot or (show.anywhere and show.slot.kids == slot.kids):
            pull += _SAME_SLOT
        elif show.slot.kids != slot.kids:
            pull += _OTHER_PERSON
        elif show.slot.device is not slot.device:
            pull += _OTHER_DEVICE
        if show.show.weekly and now - episode.added_at / 1000 < 4 * DAY_S:
            pull += _NEW_WEEKLY
        if show.binge:
            pull += _BINGE
        if show.pos > 0:
            pull += _HALFWAY
        if show is latest:
            pull += _LATEST
        partner = show.partner
        if partner is not None and partner.alive:
            if show.follows:
                pull += _PAIR_SECOND if latest is partner else -4.0
            else:
                pull += _PAIR_FIRST
        options.append(show)
        weights.append(math.exp(pull))
    if not options:
        return _return_to(member, now, slot) if member.rng.random() < _RETURNS else None
    # Weekends and evenings are for looking around; a child asks for the same again.
    new = _DISCOVER + member.discovers + (0.4 if slot.late else 0.0) - (0.8 if slot.kids else 0.0)
    if latest is not None and not (latest.alive and latest.next_episode(now)):
        new += _OVER
    new = math.exp(new)
    if member.rng.random() * (sum(weights) + new) < new:
        return None
    return member.rng.choices(options, weights)[0]


def _following(
    member: Member, current: Engagement, finished: bool, now: float, slot: Slot
) -> tuple[Engagement | None, bool]:
    """What comes after a play in the same session, and whether the player starts it by itself."""
    rng = member.rng
    partner = current.partner
    if finished and partner is not None and partner.alive and not current.follows and partner.next_episode(now):
        if rng.random() < 0.85:
            return partner, False
    elif (
        current.alive
        and current.show.kind == "series"
        and current.next_episode(now)
        and rng.random() < (0.96 if current.binge else 0.9)
    ):
        return current, finished and rng.random() < 0.64
    draw = rng.random()
    if draw < (0.65 if current.show.kind == "film" else 0.22):
        others = [e for e in member.shows
                  if e is not current and e.alive and e.slot.kids == slot.kids and e.next_episode(now)]  # fmt: skip
        same = [e for e in others if e.slot is slot]
        if others:
            return max(same or others, key=lambda e: e.liking + e.last / (3 * DAY_S)), False
    return None, False


def _source(rng: Random, member: Member, show: Engagement) -> str:
    """Where a member finds the show they go on with: further down the row it is searched for more often."""
    in_sight = 0.88 if show is member.latest else 0.62
    draw = rng.random()
    return "row" if draw < in_sight else "search" if draw < in_sight + (1 - in_sight) * 0.6 else "browse"


def _watched_until(rng: Random, current: Engagement, wanted: int) -> float:
    """How far into the episode this play goes, in seconds."""
    episode = current.show.episodes[current.at]
    rest = episode.credits_s - current.pos
    draw = rng.random()
    if current.show.kind == "film":
        if current.left > 1:
            return current.pos + rest * rng.uniform(0.15, 0.7)
        if draw < 0.3:  # not worth going on
            return current.pos + rest * rng.uniform(0.03, 0.5)
    elif current.left == 1 and draw < 0.7:  # dropped within minutes
        return current.pos + min(rest * rng.uniform(0.1, 0.6), rng.uniform(100, 1200))
    elif draw < 0.22:
        return current.pos + rest * rng.uniform(0.1, 0.92)
    return episode.credits_s + rng.random() * (episode.runtime_s - episode.credits_s) * (rng.random() < 0.3)


def _after(member: Member, current: Engagement, end: float, finished: bool, now: float) -> None:
    rng = member.rng
    current.last = now
    current.left -= 1
    member.latest = current
    if not finished:
        current.pos = end
        current.alive = current.left > 0
        return
    current.pos = 0.0
    current.at += 1
    if rng.random() < _MOVES:
        current.slot = rng.choice([s for s in member.slots if s.kids == current.slot.kids])
    current.alive = current.left > 0 and current.show.kind == "series"
    if current.at >= len(current.show.episodes):
        if current.show.kids and current.show.kind == "series" and rng.random() < 0.5:
            current.at = 0  # children begin again
        else:
            current.alive = False


def _browse(session: Session, catalogue: Catalogue, now: float, slot: Slot) -> float:
    """Looking around, now and then with some seconds or minutes of what is not it."""
    rng = session.member.rng
    session.of_session("browse", now)
    now += rng.uniform(20, 240)
    if rng.random() < 0.34:
        genre = words.KIDS if slot.kids else rng.randrange(words.KIDS)
        show = catalogue.pick(rng, genre, rng.choice(("film", "series")))
        if show.show_id not in session.member.seen and show.episodes and show.episodes[0].added_at <= now * 1000:
            end = rng.uniform(8, 50) if rng.random() < 0.4 else rng.uniform(70, 900)
            now = play(session, show, show.episodes[0], now, 0.0, end, False, "browse", True, False) + 5
    return now


def _discover(member: Member, catalogue: Catalogue, now: float, slot: Slot) -> Engagement | None:
    """Something new, by taste and popularity; now and then something that was dropped long ago."""
    rng = member.rng
    if rng.random() < 0.06 and (dropped := _return_to(member, now, slot)):
        return dropped
    # Whoever has nothing to go on with at this hour looks for a series; others may as well see a film.
    settled = any(e.alive and e.slot is slot and e.show.kind == "series" for e in member.shows)
    film = 0.3 if slot.kids else 0.9 if settled else 0.6
    for _ in range(12):
        genre = words.KIDS if slot.kids else member.genre()
        show = catalogue.pick(rng, genre, "film" if rng.random() < film else "series")
        if show.show_id in member.seen or member.country not in show.countries:
            continue
        begun = new_engagement(rng, show, slot)
        if show.weekly:
            out = sum(e.added_at <= now * 1000 for e in show.episodes)
            begun.at = max(out - rng.randint(1, 4), 0)
            begun.left = rng.randint(6, 40)
        if begun.next_episode(now) is None:
            continue
        pair(member, begun)
        member.seen.add(show.show_id)
        member.shows.append(begun)
        if len(member.shows) > _KEPT_SHOWS:
            member.shows.remove(min(member.shows, key=lambda e: (e.alive, e.last)))
        return begun
    return None


def _return_to(member: Member, now: float, slot: Slot) -> Engagement | None:
    """A show that was dropped gets another chance."""
    dropped = [e for e in member.shows
               if not e.alive and e.left <= 0 and e.slot.kids == slot.kids and e.next_episode(now)]  # fmt: skip
    if not dropped:
        return None
    again = member.rng.choice(dropped)
    again.alive, again.left, again.slot = True, member.rng.randint(2, 12), slot
    return again


def _tidy(session: Session, now: float) -> float:
    """What members do in the row: throw shows out, put them off, take it back; and keep a list."""
    member = session.member
    draw = member.rng.random()
    if draw > 0.03:
        return now
    now += member.rng.uniform(2, 10)
    if draw < 0.015:
        dropped = [e for e in member.shows if not e.alive and e.last > now - 20 * DAY_S]
        if dropped:
            member.dismissed = max(dropped, key=lambda e: e.last)
            session.of_show("dismiss", now, member.dismissed.show)
    elif draw < 0.018:
        if member.dismissed is not None:
            session.of_show("undismiss", now, member.dismissed.show)
            member.dismissed = None
    elif member.shows:
        show = member.rng.choice(member.shows).show
        if draw < 0.021:
            session.of_show("snooze", now, show, member.rng.choice((12, 24, 72, 168)))
        elif draw < 0.024 and member.listed is not None:
            session.of_show("remove_from_list", now, member.listed)
            member.listed = None
        else:
            session.of_show("add_to_list", now, show)
            member.listed = show
    return now


def _sleep(session: Session, current: Engagement, now: float) -> float:
    """Nobody is awake: the player goes on by itself. The member's own place stays where they fell asleep."""
    at = current.at
    for index in range(at, at + session.member.rng.randint(2, 5)):
        if current.show.kind != "series" or index >= len(current.show.episodes):
            break
        episode = current.show.episodes[index]
        if episode.added_at > now * 1000:
            break
        now = play(session, current.show, episode, now + 7, 0.0, episode.credits_s, True, "autoplay", False, False)
        current.last = now
    return now


def come_back(member: Member, now: float, slot: Slot) -> None:
    """Sets when the next session starts, and in which of the member's habitual times."""
    rng = member.rng
    local = now + member.local_offset(now)
    draw = rng.random()
    if draw < member.again + _LATER_TODAY:
        # Again within hours, mostly in the same habit; or at another time of the day, in the habit nearest to it.
        again = draw < member.again
        gap = (0.52 + rng.expovariate(1 / 2.6)) * _HOUR_S if again else rng.uniform(5, 15) * _HOUR_S
        hour = (local + gap) / _HOUR_S % 24
        nearest = min(member.slots, key=lambda s: min(abs(s.hour - hour), 24 - abs(s.hour - hour)))
        stays = again and rng.random() < 0.9 and (hour < 20.5 or not slot.kids)
        chosen = slot if stays else nearest
        if not 1.0 < hour < 6.0 and (not chosen.kids or 6.0 < hour < 20.5):
            member.next_at = now + gap
            member.next_slot = chosen
            return
    days = 0 if rng.random() < 0.5 else 1
    if days and rng.random() < 0.72:
        days += int(rng.expovariate(1 / member.idle_days) + 0.5)
    day = int(local // DAY_S) + days
    while True:
        weekend = (day + 3) % 7 >= 5  # day 0 was a Thursday
        open_slots = [s for s in member.slots
                      if s.days == "any" or (s.days == "weekend") == weekend]  # fmt: skip
        if open_slots:
            chosen = rng.choices(open_slots, [s.weight for s in open_slots])[0]
            at = day * DAY_S + (chosen.hour + rng.gauss(0, chosen.spread)) * _HOUR_S
            if at > local + 0.52 * _HOUR_S:
                member.next_at = now + at - local
                member.next_slot = chosen
                return
        day += 1
