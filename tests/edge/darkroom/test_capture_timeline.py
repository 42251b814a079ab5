"""Times never step back, stay near our clock, and keep the camera's distances."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.edge.darkroom.capture.timeline import (
    REANCHOR_S,
    CameraTimeline,
    FileTimeline,
    SteadyClock,
)

seconds = st.floats(-1e6, 1e6)


@given(st.lists(seconds))
def test_a_files_time_is_strictly_increasing_whatever_it_says(positions: list[float]) -> None:
    timeline = FileTimeline(10**9)
    times = [timeline.at(position) for position in positions]
    assert all(a < b for a, b in pairwise(times))


def test_a_good_files_time_is_its_own() -> None:
    timeline = FileTimeline(5000)
    assert [timeline.at(p) for p in (0.0, 0.04, 1.5)] == [5000, 5040, 6500]


@given(st.lists(st.tuples(seconds | st.just(float("nan")), st.integers(1, 3000))))
def test_a_cameras_time_is_increasing_and_near_ours(steps: list[tuple[float, int]]) -> None:
    timeline, now_ms, times = CameraTimeline(), 10**9, []
    for position, passed_ms in steps:
        now_ms += passed_ms
        times.append(timeline.at(position, now_ms))
        assert now_ms - REANCHOR_S * 1000 - 1 <= times[-1] <= now_ms + 1
    assert all(a < b for a, b in pairwise(times))


def test_jitter_of_the_network_does_not_reach_the_times() -> None:
    timeline = CameraTimeline()
    delays = [0, 30, 5, 60, 10, 0, 25]
    times = [timeline.at(i * 0.04, 10**6 + i * 40 + d) for i, d in enumerate(delays)]
    assert [b - a for a, b in pairwise(times)] == [40] * 6


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_a_jump_of_the_cameras_clock_is_followed_at_once(jump_s: float) -> None:
    timeline = CameraTimeline()
    timeline.at(5000.0, 10**6)
    assert timeline.at(5000.04 + jump_s, 10**6 + 40) == 10**6 + 40


def test_a_late_start_is_corrected() -> None:
    """The first frame was delayed by 500 ms: once others arrive sooner, time moves back."""
    timeline = CameraTimeline()
    timeline.at(0.0, 10**6 + 500)
    timeline.at(0.04, 10**6 + 501)
    assert timeline.at(1.0, 10**6 + 1000) == 10**6 + 1000


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(-(10**7), 10**7))))
def test_the_steady_clock_never_steps_back(steps: list[tuple[int, int]]) -> None:
    wall = [10**12]
    clock = SteadyClock(10**12, lambda: wall[0])
    monotonic_ns, before = 0, 0
    for passed_ns, jump_ms in steps:
        monotonic_ns += passed_ns
        wall[0] += passed_ns // 1_000_000 + jump_ms
        now = clock.at(monotonic_ns)
        assert now >= before
        assert now >= wall[0] - REANCHOR_S * 1000
        before = now


def test_a_board_that_learns_the_time_is_followed() -> None:
    clock = SteadyClock(0, lambda: 1_700_000_000_000)
    assert clock.at(5_000_000_000) == 1_700_000_000_000
    assert clock.at(5_040_000_000) == 1_700_000_000_040
