"""What `cw lag` writes: ages as people say them, and what to do about each kind of trouble."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.monitor.lag import GroupLag, PartitionLag, Snapshot
from streams.monitor.rules import Status
from streams.monitor.screen import advice, age, to_json


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"), (0.0, "0 s"), (0.42, "0.4 s"), (9.96, "10.0 s"), (12.3, "12 s"), (59.7, "1 min"),
        (185, "3 min 5 s"), (600, "10 min"), (7800, "2 h 10 min"), (86_400, "1 d"), (3 * 86_400 + 4 * 3600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_an_age_is_told_in_at_most_two_units(seconds, text):
    """Enough to act on, short enough for a column."""
    assert age(seconds) == text


@given(st.floats(0, 1e9))
def test_every_age_has_a_number_and_a_unit(seconds):
    """However long a record waits."""
    words = age(seconds).split()
    assert len(words) in (2, 4)
    assert float(words[0]) >= 0
    assert words[1] in ("s", "min", "h", "d")


def group(status, members, name="cw-worker", reason="it is so"):
    partition = PartitionLag("playback.events", 0, 5, 9, 4, 2.5, status, reason)
    return GroupLag(name, "Stable", members, 4, 2.5, status, reason, (partition,))


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (group(Status.OK, 1), None),
        (group(Status.STOP, 0), "start one with 'cw worker'"),
        (group(Status.STOP, 0, "other"), "start its consumers"),
        (group(Status.STOP, 2), "Restart the members"),
        (group(Status.STALL, 1), "/readyz"),
        (group(Status.REWIND, 1), "what resets its offsets"),
        (group(Status.WARN, 1), "start another worker"),
    ],
)
def test_each_trouble_comes_with_what_to_do(seen, says):
    """A healthy group is left alone; every other one gets one line."""
    line = advice(seen)
    assert (line is None) if says is None else (says in line and line.startswith(f"{seen.group}:"))


def test_json_names_the_status_and_keeps_every_figure():
    """One document a look, for scripts."""
    assert to_json(Snapshot(7.0, (group(Status.STALL, 1),))) == (
        '{"at":7.0,"groups":[{"group":"cw-worker","state":"Stable","members":1,"lag":4,"lag_s":2.5,"status":"STALL",'
        '"reason":"it is so","partitions":[{"topic":"playback.events","partition":0,"committed":5,"end":9,"lag":4,'
        '"lag_s":2.5,"status":"STALL","reason":"it is so"}]}]}'
    )
