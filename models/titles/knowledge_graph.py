"""A knowledge graph in numbers: entities, relations, what is trained on, and what is held out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.titles.triples import Triple
from streams.errors import CommandError

Ids = npt.NDArray[np.int32]
UNKNOWN: Final = -1  # an entity or relation that no training triple has
_HELD_OUT: Final = 0.05  # of the triples, for each of valid and test
_SYMMETRIC: Final = 0.5  # of a relation's training triples are there in the other direction too: then it is symmetric


@dataclass(frozen=True)
class Graph:
    """Triples as int32 (n, 3): head, relation, tail. `valid` and `test` may hold UNKNOWN, `train` does not."""

    entities: list[str]
    relations: list[str]
    train: Ids
    valid: Ids
    test: Ids
    repeated: int = 0  # triples of valid that train has too, and of test that either has; they are left out

    def with_inverses(self, triples: Ids) -> Ids:
        """int32 (2n, 3): after the triples, each read from its tail, by relation + len(relations)."""
        inverse = np.stack([triples[:, 2], triples[:, 1] + len(self.relations), triples[:, 0]], axis=1)
        return np.concatenate([triples, inverse])

    def symmetric(self) -> npt.NDArray[np.bool_]:
        """Of each relation, whether more than half of its triples in `train` are there the other way round, too."""
        there = np.isin(self._numbers(self.train), self._numbers(self.train[:, ::-1]))
        relations = self.train[:, 1]
        count = np.bincount(relations, minlength=len(self.relations))
        return np.asarray(np.bincount(relations, there, len(self.relations)) > _SYMMETRIC * count)

    def train_both_ways(self) -> Ids:
        """`train`, then the triples of symmetric relations that it has one way only, the other way round.

        For training alone: which answers are known, and so left out of ranks, is what the files say.
        """
        turned = self.train[self.symmetric()[self.train[:, 1]]][:, ::-1]
        both = np.concatenate([self.train, turned])
        return both[np.sort(np.unique(self._numbers(both), return_index=True)[1])]

    def _numbers(self, triples: Ids) -> npt.NDArray[np.int64]:
        """A number for each triple, int64 (n,), the same for the same."""
        head, relation, tail = triples.astype(np.int64).T
        return np.asarray((head * len(self.relations) + relation) * len(self.entities) + tail, np.int64)


def build(train: Sequence[Triple], valid: Iterable[Triple], test: Iterable[Triple]) -> Graph:
    """Numbers the entities and relations of `train` in their order there. Raises CommandError where it is empty."""
    if not train:
        raise CommandError("no triple is left to train on; give more triples")
    entities = {name: i for i, name in enumerate(dict.fromkeys(name for t in train for name in (t.head, t.tail)))}
    relations = {name: i for i, name in enumerate(dict.fromkeys(t.relation for t in train))}
    seen: set[Triple] = set()
    repeated = 0

    def numbers(triples: Iterable[Triple]) -> Ids:
        nonlocal repeated
        rows = []
        for triple in triples:
            if triple in seen:
                repeated += 1
                continue
            seen.add(triple)
            head, relation, tail = triple
            rows.append((entities.get(head, UNKNOWN), relations.get(relation, UNKNOWN), entities.get(tail, UNKNOWN)))
        return np.array(rows, np.int32).reshape(-1, 3)

    numbered = numbers(train)
    repeated = 0  # the same line twice in one file is no leak
    return Graph(list(entities), list(relations), numbered, numbers(valid), numbers(test), repeated)


def split(
    triples: Sequence[Triple], seed: int, parts: tuple[bool, bool] = (True, True)
) -> tuple[list[Triple], list[Triple], list[Triple]]:
    """Train, valid and test; 5 % of the triples, drawn by `seed`, go to each of valid and test that `parts` asks for.

    A triple is held out only where its entities and its relation stay in training, so that all can be predicted.
    """
    triples = list(dict.fromkeys(triples))
    uses: dict[tuple[str, str], int] = {}
    for triple in triples:
        for key in _keys(triple):
            uses[key] = uses.get(key, 0) + 1
    size = round(_HELD_OUT * len(triples))
    wanted = [size if part else 0 for part in parts]
    held: list[list[Triple]] = [[], []]
    for i in np.random.default_rng(seed).permutation(len(triples)):
        which = next((p for p in (0, 1) if len(held[p]) < wanted[p]), None)
        if which is None:
            break
        keys = _keys(triples[i])
        if all(uses[key] > keys.count(key) for key in keys):
            for key in keys:
                uses[key] -= 1
            held[which].append(triples[i])
    out = {*held[0], *held[1]}
    return [t for t in triples if t not in out], held[0], held[1]


def _keys(triple: Triple) -> list[tuple[str, str]]:
    return [("entity", triple.head), ("relation", triple.relation), ("entity", triple.tail)]


class Answers:
    """All that is known to answer a query (source, relation), from triples (source, relation, answer) int32 (n, 3)."""

    def __init__(self, triples: Ids) -> None:
        known = triples[(triples != UNKNOWN).all(axis=1)]
        keys = _key(known[:, 0], known[:, 1])
        order = np.argsort(keys, kind="stable")
        self._keys, starts = np.unique(keys[order], return_index=True)
        self._starts = np.append(starts, len(keys)).astype(np.int64)
        self._answers: Ids = known[order, 2]

    def __len__(self) -> int:
        """How many queries have an answer."""
        return len(self._keys)

    def queries(self) -> tuple[Ids, Ids]:
        """Source and relation of each query that has an answer, int32 (queries,)."""
        return (self._keys >> 32).astype(np.int32), (self._keys & 0xFFFFFFFF).astype(np.int32)

    def of(self, sources: Ids, relations: Ids) -> tuple[npt.NDArray[np.int64], Ids]:
        """Row of the query and entity, for each known answer of each of the queries."""
        if not len(self._keys):
            return np.zeros(0, np.int64), np.zeros(0, np.int32)
        keys = _key(sources, relations)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        counts = np.where(self._keys[at] == keys, self._starts[at + 1] - self._starts[at], 0)
        rows = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self._answers[np.repeat(self._starts[at], counts) + within]


def _key(sources: Ids, relations: Ids) -> npt.NDArray[np.int64]:
    return sources.astype(np.int64) << 32 | relations.astype(np.int64)
