"""A key's partition must be the one that every Java client computes, or a member's events part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import murmur2

from streams import topics


@pytest.mark.parametrize(
    ("key", "signed_hash"),
    [  # the values of the Java client's own test of its murmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_is_in_the_partition_that_the_java_client_gives(key: bytes, signed_hash: int) -> None:
    for partitions in (1, 4, 7, 10_000):
        assert topics.partition_of(key, partitions) == (signed_hash & 0x7FFFFFFF) % partitions


@given(st.binary(max_size=70))
def test_any_key_hashes_as_in_another_implementation(key: bytes) -> None:
    assert topics.partition_of(key, 2**31) == murmur2(key) & 0x7FFFFFFF


def test_every_topic_but_a_compacted_one_has_a_retention_by_arrival() -> None:
    """Imported history is years old; retention by event time would delete it as it arrives."""
    for name, settings in topics.SETTINGS.items():
        assert settings["message.timestamp.type"] == "LogAppendTime", name
    assert topics.SETTINGS[topics.EVENTS]["retention.ms"] == "-1"
    assert topics.SETTINGS[topics.ROWS]["cleanup.policy"] == "compact"
    assert topics.SETTINGS[topics.MODELS]["cleanup.policy"] == "compact"
