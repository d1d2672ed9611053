"""The day on which everybody's habits change: what a model has learned of them is then out of date."""

from random import Random
from typing import Final

from streams.clients.simulate.population import Member

_NEW_INSTEAD: Final = 3.0  # log-odds: how much more readily members look for something new afterwards


def change(member: Member) -> None:
    """Gives a member's times of day to other devices and hours, and shows to other times; has them take turns among
    their shows; wakes their curiosity.

    Children's hours stay theirs. What changes follows from the member alone, so that up to the day a log is the same
    as without it.
    """
    rng = Random(f"habits/{member.member_id}")
    for slot in member.slots:
        others = [device for device in member.devices if device is not slot.device]
        if others:
            slot.device = rng.choice(others)
        slot.hour = slot.hour + rng.uniform(-3, 3) if not slot.kids else slot.hour
    for show in member.shows:
        show.slot = rng.choice([slot for slot in member.slots if slot.kids == show.slot.kids] or member.slots)
        show.anywhere = False
    member.discovers += _NEW_INSTEAD
    member.takes_turns = True
