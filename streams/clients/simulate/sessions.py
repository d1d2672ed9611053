"""What a member does in one session, from the first event to the last, and when they come back."""

from typing import Final

from streams.clients.simulate import choices, words
from streams.clients.simulate.catalogue import DAY_S, Catalogue
from streams.clients.simulate.emission import KILLED_SHARE, NO_END_SHARE, Arrival, Session, play
from streams.clients.simulate.population import Device, Engagement, Member, Slot

_HOUR_S: Final = 3600
_PLAYS: Final = (1, 2, 3, 4, 5, 6, 7, 9)
_PLAYS_WEIGHTS: Final = (20, 21, 19, 14, 11, 8, 5, 2)
_ENOUGH: Final = 0.86  # how often a session ends where the show does
_JOURNEYS: Final = 0.015  # of sessions, after which everything is watched on what fits into a bag, for days
_LATER_TODAY: Final = 0.25


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
    current = choices.first(member, now, slot)
    autoplay = False
    source = ""
    for number in range(wanted + 1):
        if current is None:
            now = _browse(session, catalogue, now, slot)
            current = choices.discover(member, catalogue, now, slot)
            source = "search" if rng.random() < 0.3 else "browse"
            if current is None:
                break
        elif number == 0 or not autoplay:
            now += rng.uniform(3, 25)
            source = choices.source(rng, member, current) if number == 0 else "row" if rng.random() < 0.6 else "browse"
        episode = current.next_episode(now)
        if episode is None:
            break
        end = choices.watched_until(rng, current)
        # The second of a pair follows however late it is.
        last = number >= wanted - 1 and (current.partner is None or current.follows)
        now = play(session, current.show, episode, now, current.pos, end, autoplay, "autoplay" if autoplay else source,
                   True, killed and last)  # fmt: skip
        finished = end >= episode.credits_s
        choices.after(member, current, end, finished, now)
        if finished and current.show.kind == "film" and rng.random() < 0.08:
            session.of_show("rate", now + 4, current.show, rng.choice((-1, 1, 1, 2)))
        if last:
            break
        current, autoplay = choices.following(member, current, finished, now, slot)
        if current is None and rng.random() < _ENOUGH:
            break
        now += rng.uniform(4, 9) if autoplay else rng.uniform(10, 90)
    if current is not None and current.pos == 0 and slot.late and not killed and rng.random() < member.sleeps:
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
