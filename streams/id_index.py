"""Ids to row numbers, in arrays that can stay in a file: a million ids cost a process next to no memory of its own."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import islice, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

REMEMBERED: Final = 32_768  # ids whose rows are kept at hand: shows in use are few, whatever the catalogue has
_NONE: Final = -1


class IdIndex:
    """Row `i` has the i-th smallest hash; its id is what `text` has from `ends[i]` to `ends[i + 1]`.

    `hashes` uint64 (n,) ascending, `ends` int64 (n + 1,) from 0, `text` uint8 (bytes,): UTF-8. Two ids may share a
    hash: what is looked up is compared with the id itself.
    """

    def __init__(
        self, hashes: npt.NDArray[np.uint64], ends: npt.NDArray[np.int64], text: npt.NDArray[np.uint8]
    ) -> None:
        """Raises ValueError where the arrays do not fit each other."""
        types = tuple(array.dtype.name for array in (hashes, ends, text))
        if types != ("uint64", "int64", "uint8") or len(ends) != len(hashes) + 1 or int(ends[-1]) != len(text):
            raise ValueError(f"ids are {types}, {len(hashes)} hashes, {len(ends)} ends, {len(text)} bytes")
        # searchsorted would copy an array that lies askew, at each call.
        self.hashes = np.require(np.asarray(hashes), requirements="A")
        self.ends = np.asarray(ends)
        self.text = np.asarray(text)
        self._remembered: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.hashes)

    def ids(self) -> list[str]:
        """All ids, by row."""
        text, ends = self.text.tobytes(), self.ends.tolist()
        return [text[start:end].decode() for start, end in pairwise(ends)]

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Row numbers; -1 for an id that is not there."""
        wanted = ids if isinstance(ids, Sequence) else list(ids)
        known = self._remembered
        try:
            return np.array([known[each] for each in wanted], dtype=np.int64)
        except KeyError:
            found = {each: row if (row := known.get(each)) is not None else self._find(each) for each in set(wanted)}
        room = REMEMBERED - len(known)
        self._remembered = {**known, **found} if len(found) <= room else dict(islice(found.items(), REMEMBERED))
        return np.array([found[each] for each in wanted], dtype=np.int64)

    def _find(self, each: str) -> int:
        octets = _encoded(each)
        value = _hash(octets)
        row = int(np.searchsorted(self.hashes, np.uint64(value)))
        while row < len(self.hashes) and int(self.hashes[row]) == value:
            if self.text[self.ends[row] : self.ends[row + 1]].tobytes() == octets:
                return row
            row += 1
        return _NONE


def build(ids: Sequence[str]) -> tuple[IdIndex, npt.NDArray[np.int64]]:
    """An index of ids, and (n,) which of them has each row. Raises ValueError where an id stands twice."""
    encoded = [_encoded(each) for each in ids]
    if len(set(encoded)) != len(encoded):
        raise ValueError("an id stands twice")
    hashes = np.fromiter((_hash(octets) for octets in encoded), np.uint64, len(encoded))
    order = np.argsort(hashes, kind="stable").astype(np.int64)
    lengths = np.fromiter((len(encoded[at]) for at in order), np.int64, len(encoded))
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    text = np.frombuffer(b"".join(encoded[at] for at in order), np.uint8)
    return IdIndex(hashes[order], ends, text), order


def _encoded(each: str) -> bytes:
    return each.encode("utf-8", "replace")


def _hash(octets: bytes) -> int:
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "little")
