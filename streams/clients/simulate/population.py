"""Made-up households: who watches, on which devices, at which hours, and what each is in the middle of.

Everything about a household follows from the seed and its number, so that any part of a population can be made again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from streams.clients.simulate import words
from streams.clients.simulate.catalogue import DAY_S, Catalogue, Episode, Show

_PLACES: Final = (
    ("US", "America/New_York", "en", 18), ("US", "America/Chicago", "en", 8), ("US", "America/Los_Angeles", "en", 9),
    ("GB", "Europe/London", "en", 9), ("DE", "Europe/Berlin", "de", 8), ("FR", "Europe/Paris", "fr", 8),
    ("ES", "Europe/Madrid", "es", 6), ("BR", "America/Sao_Paulo", "pt", 10), ("MX", "America/Mexico_City", "es", 7),
    ("IN", "Asia/Kolkata", "hi", 6), ("JP", "Asia/Tokyo", "ja", 4), ("KR", "Asia/Seoul", "ko", 3),
    ("AU", "Australia/Sydney", "en", 2), ("NL", "Europe/Amsterdam", "nl", 2),
)  # fmt: skip
_PLACE_WEIGHTS: Final = list(accumulate(place[3] for place in _PLACES))
_PROFILES_A_HOUSEHOLD: Final = list(accumulate((30, 27, 20, 15, 8)))
# Habitual times: (name, hour, spread in hours, days, devices by weight). `any` is every day.
_SLOTS: Final = {
    "evening": (20.3, 1.1, "any", {"tv": 76, "web": 12, "phone": 7, "tablet": 3, "console": 20}),
    "night": (22.7, 0.8, "any", {"tv": 54, "phone": 20, "web": 23, "tablet": 3}),
    "commute": (7.7, 0.6, "weekday", {"phone": 88, "tablet": 12}),
    "lunch": (12.6, 0.7, "any", {"phone": 50, "web": 50}),
    "desk": (16.0, 1.8, "any", {"web": 75, "phone": 20, "tablet": 5}),
    "weekend": (15.0, 1.8, "weekend", {"tv": 62, "web": 24, "phone": 10, "tablet": 4}),
    "kids": (16.8, 1.0, "any", {"tv": 62, "tablet": 20, "phone": 18}),
    "kids-morning": (8.6, 0.8, "weekend", {"tv": 72, "tablet": 20, "phone": 8}),
}
_MAIN_SLOTS: Final = ("evening", "night", "desk", "evening", "night", "lunch")
_SIDE_SLOTS: Final = ("commute", "lunch", "desk", "weekend", "night", "evening")


@dataclass(slots=True)
class Device:
    """A thing that plays. `skew_ms` is how far its clock is off."""

    device_id: str
    kind: str
    skew_ms: int


@dataclass(slots=True, eq=False)
class Slot:
    """A time of day at which a member watches on one device. Hours are local; `weight` is how often."""

    hour: float
    spread: float
    days: str  # any, weekday, weekend
    device: Device
    kids: bool
    weight: float
    late: bool


@dataclass(slots=True, eq=False)
class Engagement:
    """A show that a member has begun, and how they go about it."""

    show: Show
    slot: Slot  # the device and hour that go with it
    at: int  # index of the episode that comes next
    pos: float  # seconds into it
    left: int  # plays until the member loses interest
    binge: bool
    anywhere: bool  # watched at any hour and on any device
    liking: float
    last: float = 0.0  # seconds since the epoch
    alive: bool = True
    partner: "Engagement | None" = None  # the show that follows this one in the same sitting
    follows: bool = False  # it is the second of a pair

    def next_episode(self, now: float) -> Episode | None:
        """What comes next, if it is out."""
        if self.at < len(self.show.episodes):
            episode = self.show.episodes[self.at]
            if episode.added_at <= now * 1000:
                return episode
        return None


@dataclass(slots=True, eq=False)
class Member:
    """A profile of a household. Times are seconds since the epoch."""

    member_id: str
    token: str  # short and plain, for session ids
    country: str
    tz: str
    zone: ZoneInfo
    language: str
    kids: bool
    signed_up_at: int  # ms
    devices: list[Device]
    slots: list[Slot]
    taste: list[float]  # running weights over genres
    discovers: float  # how readily they start something new
    again: float  # how often another session follows within hours
    idle_days: float  # how long the pauses between days of watching are
    sleeps: float  # how often a late session ends with nobody awake
    pairs_up: bool  # tends to watch shows in pairs
    rng: Random
    shows: list[Engagement]
    seen: set[str]
    sessions: int = 0
    next_at: float = 0.0
    next_slot: Slot | None = None
    latest: Engagement | None = None  # the show played last
    dismissed: Engagement | None = None  # the show thrown out last
    listed: Show | None = None  # the show put on the list last
    travels_with: Device | None = None
    away_until: float = 0.0
    takes_turns: bool = False  # what was watched last waits for the others

    def genre(self) -> int:
        """A genre by the member's taste, as an index into words.GENRES."""
        return self.rng.choices(range(len(self.taste)), cum_weights=self.taste)[0]

    def local_offset(self, now: float) -> float:
        """Seconds to add to UTC for the member's local time."""
        day = int(now // DAY_S)
        offset = _OFFSETS.get((self.tz, day))
        if offset is None:
            delta = datetime.fromtimestamp(day * DAY_S + DAY_S // 2, UTC).astimezone(self.zone).utcoffset()
            offset = _OFFSETS[self.tz, day] = delta.total_seconds() if delta else 0.0
        return offset

    def profile(self) -> dict[str, Any]:
        """The record of member.profiles."""
        return {
            "member_id": self.member_id,
            "signed_up_at": self.signed_up_at,
            "country": self.country,
            "languages": [self.language] if self.language == "en" else [self.language, "en"],
            "kids": self.kids,
        }


_OFFSETS: dict[tuple[str, int], float] = {}


def make(members: int, seed: int, catalogue: Catalogue, start: float) -> Iterator[Member]:
    """The first `members` profiles of a seed's population, household by household, as they are at `start`."""
    made = number = 0
    while made < members:
        for member in _household(number, seed, catalogue, start)[: members - made]:
            yield member
            made += 1
        number += 1


def new_engagement(rng: Random, show: Show, slot: Slot) -> Engagement:
    """How a member will go about a show that they begin now: to the end, for a few episodes, or once."""
    draw = rng.random()
    if show.kind == "film":
        left = 1 if draw < 0.64 else 2 if draw < 0.88 else 3
    elif draw < 0.48:
        left = 1
    elif draw < 0.54:
        left = rng.randint(2, 4)
    else:
        left = 6 + int(rng.expovariate(1 / 40))
    return Engagement(show, slot, 0, 0.0, left, binge=rng.random() < 0.3, anywhere=rng.random() < 0.12,
                      liking=rng.gauss(0, 0.35))  # fmt: skip


def pair(member: Member, begun: Engagement) -> None:
    """Some members watch two shows as a pair: after the first comes the second."""
    if not member.pairs_up or begun.show.kind != "series" or begun.left < 4 or begun.show.weekly:
        return
    for other in member.shows:
        alone = other is not begun and other.alive and other.partner is None and other.slot is begun.slot
        if alone and other.show.kind == "series" and other.left > 4 and not other.show.weekly:
            first, second = (other, begun) if member.rng.random() < 0.5 else (begun, other)
            first.partner, second.partner, second.follows = second, first, True
            first.binge = second.binge = False
            return


def _household(number: int, seed: int, catalogue: Catalogue, start: float) -> list[Member]:
    rng = Random(f"household/{seed}/{number}")
    household = f"h{number:04d}"
    country, tz, language, _ = rng.choices(_PLACES, cum_weights=_PLACE_WEIGHTS)[0]
    size = rng.choices((1, 2, 3, 4, 5), cum_weights=_PROFILES_A_HOUSEHOLD)[0]
    names = rng.sample(words.PROFILE_NAMES, size)
    shared = [_device(rng, household, "tv", "tv")] if rng.random() < 0.95 else []
    if rng.random() < 0.1:
        shared.append(_device(rng, household, "console", "console"))
    members = []
    for index, name in enumerate(names):
        kids = index > 0 and rng.random() < 0.22
        # Some grown-ups' profiles are also where the children watch.
        mixed = not kids and size < 4 and rng.random() < 0.16
        owner = f"{household}-{name.lower()}"
        own = [_device(rng, owner, kind, kind) for kind in _own_devices(rng, kids, bool(shared))]
        devices = (shared + own)[:4]
        taste = [rng.gammavariate(0.45, 1.0) + 0.02 for _ in words.GENRES]
        taste[words.KIDS] = 0.0
        member = Member(
            member_id=f"{household}/{name}",
            token=f"{number:x}.{index}",
            country=country,
            tz=tz,
            zone=ZoneInfo(tz),
            language=language,
            kids=kids,
            signed_up_at=int((start - rng.uniform(2, 1800) * DAY_S) * 1000),
            devices=devices,
            slots=_slots(rng, devices, kids, mixed),
            taste=list(accumulate(taste)),
            discovers=rng.gauss(0, 0.6),
            again=rng.betavariate(5, 8),
            idle_days=rng.lognormvariate(1.15, 0.8),
            sleeps=0.45 if not kids and rng.random() < 0.12 else 0.0,
            pairs_up=rng.random() < 0.2,
            rng=rng if size == 1 else Random(f"member/{seed}/{number}/{index}"),
            shows=[],
            seen=set(),
            travels_with=next((device for device in own if device.kind != "web"), None),
        )
        _begin(member, catalogue, start)
        members.append(member)
    return members


def _own_devices(rng: Random, kids: bool, has_tv: bool) -> list[str]:
    if kids:
        own = [kind for kind, share in (("tablet", 0.5), ("phone", 0.4)) if rng.random() < share]
    else:
        own = [kind for kind, share in (("phone", 0.8), ("web", 0.6), ("tablet", 0.12)) if rng.random() < share]
    return own or ([] if has_tv else ["phone"])


def _device(rng: Random, owner: str, name: str, kind: str) -> Device:
    draw, skew = rng.random(), 0
    if draw < 0.015:  # a clock that is some minutes off
        skew = int(rng.uniform(-240_000, 240_000))
    elif draw < 0.017:  # a clock that is hours off
        skew = int(rng.choice((-1, 1)) * rng.uniform(1, 12) * 3_600_000)
    return Device(f"{owner}-{name}", kind, skew)


def _slots(rng: Random, devices: list[Device], kids: bool, mixed: bool) -> list[Slot]:
    names = ["kids", "kids-morning"] if kids else [rng.choice(_MAIN_SLOTS)]
    for _ in range(rng.choices((0, 1, 2, 3), (40, 36, 18, 6))[0] if not kids else 0):
        name = rng.choice(_SIDE_SLOTS)
        if name not in names:
            names.append(name)
    if mixed:
        names.append("kids")
    slots: list[Slot] = []
    for place, name in enumerate(names):
        hour, spread, days, mix = _SLOTS[name]
        taken = {slot.device.device_id for slot in slots}
        weights = [mix.get(device.kind, 0.5) * (0.3 if device.device_id in taken else 1.0) for device in devices]
        device = rng.choices(devices, weights)[0]
        weight = 1.0 if place == 0 else rng.uniform(0.05, 0.3)
        slots.append(Slot(hour + rng.gauss(0, 0.4), spread, days, device, name.startswith("kids"), weight,
                          late=name in ("night", "evening")))  # fmt: skip
    return slots


def _begin(member: Member, catalogue: Catalogue, start: float) -> None:
    """Puts the member in the middle of some shows, as anybody is when a log begins."""
    rng = member.rng
    for _ in range(rng.randint(4, 8)):
        slot = rng.choice(member.slots)
        genre = words.KIDS if slot.kids else member.genre()
        show = catalogue.pick(rng, genre, "series")
        if show.show_id in member.seen or member.country not in show.countries:
            continue
        out = [i for i, episode in enumerate(show.episodes) if episode.added_at < start * 1000]
        if not out:
            continue
        begun = new_engagement(rng, show, slot)
        begun.at = max(out) if show.weekly else rng.randrange(len(out))
        begun.left = 4 + int(rng.expovariate(1 / 35))
        begun.last = start - rng.expovariate(1 / (4 * DAY_S))
        member.seen.add(show.show_id)
        pair(member, begun)
        member.shows.append(begun)
    member.latest = max(member.shows, key=lambda e: e.last, default=None)
