"""The One-Euro filter and the Kalman filter on motions one can work out."""

from __future__ import annotations

import numpy as np
import pytest

from mizaru.edge.darkroom.perceive.kalman import Kalman
from mizaru.edge.darkroom.perceive.smooth import OneEuro


def test_rest_is_calmed_and_a_fall_is_not_delayed() -> None:
    rng = np.random.default_rng(0)
    jitter = OneEuro(0.05, 80.0)
    raw = rng.normal(100, 0.3, (200, 1)).astype(np.float32)
    calm = np.array([jitter(value, 0.04, 300) for value in raw])
    assert calm[50:].std() < 0.5 * raw[50:].std()
    fall = OneEuro(0.05, 80.0)
    path = np.float32([[100 + 600 * t] for t in np.arange(0, 1, 0.04)])  # two bodies a second
    late = np.array([value - fall(value, 0.04, 300) for value in path])
    assert np.abs(late[8:]).max() < 0.04 * 600  # less than one frame


def test_the_first_value_and_a_standing_clock_pass_through() -> None:
    smooth = OneEuro(0.05, 80.0)
    for value in ([1.0, 2.0], [5.0, 6.0]):
        np.testing.assert_array_equal(smooth(np.float32(value), 0.0, 10), np.float32(value))


def test_the_filter_learns_a_constant_speed() -> None:
    motion = Kalman(0, 50, 100)
    for n in range(1, 60):
        motion.predict(0.04, lost=False)
        motion.update(4 * n, 50, 100)
    assert motion.speed == pytest.approx((100, 0), abs=3)
    motion.predict(0.04, lost=False)
    assert motion.place == pytest.approx((240, 50, 100), abs=2)
    assert motion.distance(240, 50, 100) < 1
    assert motion.distance(300, 50, 100) > 16


def test_who_is_lost_slows_down_and_may_be_anywhere_nearby() -> None:
    motion = Kalman(0, 50, 100)
    for n in range(1, 30):
        motion.predict(0.04, lost=False)
        motion.update(4 * n, 50, 100)
    surprise = motion.distance(180, 50, 100)
    for _ in range(45):
        motion.predict(0.04, lost=True)
    assert motion.speed[0] < 10
    assert 116 < motion.place[0] < 116 + 100 * 0.6
    assert motion.distance(180, 50, 100) < 0.1 * surprise
