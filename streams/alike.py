"""Why two titles are alike: what both have, the rarest first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

# What titles may share, by what the view's vectors were learned from: what matters to it most comes first.
_PLAIN: Final = ("people", "tags", "categories", "countries", "neighbours")
KINDS: Final[Mapping[str, Sequence[str]]] = {
    "category": ("predicted", "categories", "tags", "people", "countries"),
    "audience": ("strong", "categories", "tags", "countries", "people"),
    "graph": ("neighbours", "people", "tags", "categories", "countries"),
    "combined": (*_PLAIN, "predicted"),
}
MEANINGS: Final[Mapping[str, str]] = {
    "people": "people in both",
    "tags": "tags of both",
    "categories": "categories of both",
    "countries": "countries of both",
    "neighbours": "linked to both in the graph",
    "predicted": "categories that the model sees in both",
    "strong": "countries where both do better than elsewhere",
}
NAMED: Final = 6  # names in one reason


@dataclass(frozen=True)
class Lists:
    """One kind of fact: its names, and for each title the indexes of those that it has."""

    names: Sequence[str]
    of: Sequence[Sequence[int]]

    @cached_property
    def counts(self) -> Sequence[int]:
        """How many titles have each name."""
        counted = Counter(index for indexes in self.of for index in indexes)
        return [counted[index] for index in range(len(self.names))]

    def named(self, row: int) -> list[str]:
        """The names that a title has."""
        return [self.names[index] for index in self.of[row]]


@dataclass(frozen=True, slots=True)
class Reason:
    """What two titles share of one kind: names, rarest first; `titles` have the rarest of them."""

    kind: str
    names: Sequence[str]
    titles: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the titles of a space, by kind (keys of MEANINGS)."""

    kinds: Mapping[str, Lists] = field(default_factory=dict)

    def why(self, first: int, second: int, view: str) -> list[Reason]:
        """Why the titles of two rows are alike, what matters to the view first; empty where they share nothing."""
        reasons = []
        said: set[str] = set()
        for kind in KINDS.get(view, _PLAIN):
            lists = self.kinds.get(kind)
            if lists is None:
                continue
            both = set(lists.of[first]) & set(lists.of[second])
            rarest = sorted(both, key=lambda index: (lists.counts[index], lists.names[index]))
            news = [index for index in rarest if lists.names[index] not in said]
            if news:
                names = [lists.names[index] for index in news[:NAMED]]
                reasons.append(Reason(kind, names, lists.counts[news[0]]))
                said.update(names)
        return reasons


def lists(names_of: Iterable[Sequence[str]]) -> Lists:
    """Numbers the names in the order in which they come; a name that a title has twice counts once."""
    numbers: dict[str, int] = {}
    of = [[numbers.setdefault(name, len(numbers)) for name in dict.fromkeys(names)] for names in names_of]
    return Lists(list(numbers), of)


def encoded(facts: Facts) -> dict[str, Any]:
    """As JSON keeps it: `{kind: {"names": [...], "of": [[index, ...], ...]}}`."""
    return {kind: {"names": each.names, "of": each.of} for kind, each in facts.kinds.items()}


def decoded(stored: Mapping[str, Any]) -> Facts:
    """What `encoded` made. Raises KeyError or TypeError where it did not."""
    return Facts({kind: Lists(each["names"], each["of"]) for kind, each in stored.items() if kind in MEANINGS})
