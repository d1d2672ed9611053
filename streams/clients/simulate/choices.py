"""What a member plays, how far, and what it does to their liking: the planted habits are here."""

import math
from random import Random
from typing import Final

from streams.clients.simulate import words
from streams.clients.simulate.catalogue import DAY_S, Catalogue
from streams.clients.simulate.population import Engagement, Member, Slot, new_engagement, pair

_MOVES: Final = 0.01  # of plays, after which the show goes with another of the member's devices and hours
_RETURNS: Final = 0.42  # how often nothing to go on with leads back to what was dropped
_KEPT_SHOWS: Final = 60

# What draws a member to a show, on the log-odds scale. Recency sees the last three of those that draw.
_SAME_SLOT: Final = 6.8  # the device and hour that go with it
_OTHER_DEVICE: Final = -5.0
_OTHER_PERSON: Final = -9.0  # children's shows at their parents' hours, and the other way round
_NEW_WEEKLY: Final = 3.0  # an episode came out in the last days
_PAIR_FIRST: Final = 2.5
_PAIR_SECOND: Final = 1.5
_PAIR_SECOND_ALONE: Final = -4.0
_BINGE: Final = 1.2
_HALFWAY: Final = 0.9
_LATEST: Final = 4.2
_NOT_ITS_TURN: Final = -2.0
_RECENT: Final = 3.0  # times exp(-days / 2.5)
_FADE: Final = 0.08  # a day
# What draws them to something new.
_DISCOVER: Final = 4.1
_OVER: Final = 3.6  # what was watched last is over, or was dropped


def first(member: Member, now: float, slot: Slot) -> Engagement | None:
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
            pull += _NOT_ITS_TURN if member.takes_turns else _LATEST
        partner = show.partner
        if partner is not None and partner.alive:
            if show.follows:
                pull += _PAIR_SECOND if latest is partner else _PAIR_SECOND_ALONE
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


def following(
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


def source(rng: Random, member: Member, show: Engagement) -> str:
    """Where a member finds the show they go on with: further down the row it is searched for more often."""
    in_sight = 0.88 if show is member.latest else 0.62
    draw = rng.random()
    return "row" if draw < in_sight else "search" if draw < in_sight + (1 - in_sight) * 0.6 else "browse"


def watched_until(rng: Random, current: Engagement) -> float:
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


def after(member: Member, current: Engagement, end: float, finished: bool, now: float) -> None:
    """What a play that went to `end` seconds changes: the place, and whether the member will go on with the show."""
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


def discover(member: Member, catalogue: Catalogue, now: float, slot: Slot) -> Engagement | None:
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
