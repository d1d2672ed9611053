"""Ids to rows: what a dict would say, whatever the ids, from arrays alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import id_index
from streams.id_index import IdIndex, build

ids = st.lists(st.text(max_size=12), unique=True, max_size=40).map(
    lambda texts: [text for text in texts if text.encode("utf-8", "replace").decode() == text]
)


@settings(max_examples=80, deadline=None)
@given(ids, st.lists(st.text(max_size=12), max_size=20), st.integers(1, 5))
def test_an_index_finds_what_a_dict_would(known, others, remembered):
    """Also where fewer ids are remembered than are asked for, and when it is asked again."""
    index, order = build(known)
    expected = {known[at]: row for row, at in enumerate(order)}
    assert [index.ids()[row] for row in range(len(known))] == [known[at] for at in order]
    before, id_index.REMEMBERED = id_index.REMEMBERED, remembered
    try:
        for wanted in ([*known, *others], others, known, []):
            assert index.rows(wanted).tolist() == [expected.get(each, -1) for each in wanted]
    finally:
        id_index.REMEMBERED = before


def test_ids_that_share_a_hash_are_told_apart():
    index = IdIndex(
        np.array([5, 7, 7, 7], np.uint64),
        np.array([0, 1, 3, 4, 6]),
        np.frombuffer(b"abbcdd", np.uint8),
    )
    index_hash = id_index._hash
    try:
        id_index._hash = lambda octets: 5 if octets == b"a" else 7
        assert index.rows(["dd", "c", "bb", "a", "x"]).tolist() == [3, 2, 1, 0, -1]
    finally:
        id_index._hash = index_hash


def test_an_id_that_stands_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        build(["a", "b", "a"])


def test_arrays_that_do_not_fit_are_refused():
    """A file that somebody made otherwise must not be read beyond its end."""
    with pytest.raises(ValueError, match="3 bytes"):
        IdIndex(np.array([1], np.uint64), np.array([0, 2]), np.frombuffer(b"abc", np.uint8))
