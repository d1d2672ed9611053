"""Event time in live mode: faster than the clock, never ahead of it."""

from hypothesis import given
from hypothesis import strategies as st

from streams.clients.simulate.live import RUN_UP_S, Clock, history_end

NOW = 1_793_491_200_000
speeds = st.floats(1, 100_000)
waits = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=20)


def test_a_history_without_a_live_part_ends_now() -> None:
    assert history_end(NOW, None) == NOW


def test_at_speed_one_the_history_ends_now_and_time_is_the_clock() -> None:
    times = iter([NOW, NOW + 5_000])
    assert history_end(NOW, 1.0) == NOW
    assert Clock(NOW, lambda: next(times)).read() == NOW + 5_000


def test_at_speed_six_hundred_a_second_brings_ten_minutes_at_first_and_a_third_of_that_after_half_an_hour() -> None:
    times = iter([NOW, NOW + 1_000, NOW + 1_800_000, NOW + 1_801_000])
    clock = Clock(history_end(NOW, 600.0), lambda: next(times))
    start = NOW - 599 * RUN_UP_S * 1000
    assert abs(clock.read() - start - 600_000) < 1_000
    before = clock.read()
    assert abs(clock.read() - before - 221_000) < 1_000


@given(speeds, waits)
def test_time_never_goes_back_and_never_passes_the_present(speed: float, steps: list[int]) -> None:
    now = NOW
    clock = Clock(history_end(NOW, speed), lambda: now)
    last = clock.read()
    assert last <= now
    for step in steps:
        now += step
        read = clock.read()
        assert last <= read <= now
        last = read
