"""A bundle on trial beside the one that serves.

shadow  scores what is served by the other one; nobody sees its rows, impressions record them
split   serves a share of the members, always the same ones: those whose hash with the experiment's name is low enough.
        With a larger share under the same name, they stay and others join
"""

import hashlib
from dataclasses import dataclass

from streams.scoring.announcements import SPLIT
from streams.scoring.fallback import Watched


def in_share(member_id: str, experiment: str, share: float) -> bool:
    """Whether the member belongs to the share of an experiment; no experiment's share depends on another's."""
    digest = hashlib.blake2b(f"{experiment}|{member_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


@dataclass(frozen=True, slots=True)
class Candidate:
    """The bundle, and what it is tried on."""

    watched: Watched
    mode: str
    share: float
    experiment: str

    def serves(self, member_id: str) -> bool:
        """Whether this member's rows are made by it."""
        return (
            self.mode == SPLIT and self.watched.set_aside is None and in_share(member_id, self.experiment, self.share)
        )
