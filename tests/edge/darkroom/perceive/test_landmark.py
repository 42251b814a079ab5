"""What the landmark model says in its region is turned into the frame, world landmarks too."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mizaru.edge.darkroom.perceive.landmark import SIDE, Landmarker
from mizaru.edge.darkroom.perceive.region import ENLARGE, Region


class UprightBody:
    """Sees, in every region, the same upright body in the middle."""

    input_shape = (1, SIDE, SIDE, 3)

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.points = rng.uniform(60, 196, (39, 2)).astype(np.float32)
        self.points[33], self.points[34] = (128, 128), (128, 128 - SIDE / (2 * ENLARGE))
        self.world = np.zeros((39, 3), np.float32)
        self.world[:, :2] = (self.points - 128) / 100
        self.world[:, 2] = rng.normal(size=39)

    def __call__(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
        rows = np.zeros((39, 5), np.float32)
        rows[:, :2], rows[:, 3:] = self.points, (4.0, 2.0)
        heat = np.full((1, 64, 64, 39), -9, np.float32)  # nothing to refine by
        mask = np.zeros((1, SIDE, SIDE, 1), np.float32)
        flag = np.array([[0.9]], np.float32)
        return rows.reshape(1, -1), flag, mask, heat, self.world.reshape(1, -1)


@pytest.mark.parametrize("degrees", [0, 40, 90, 180, -120])
def test_landmarks_and_world_turn_with_the_region(degrees: float) -> None:
    model, turn = UprightBody(), math.radians(degrees)
    region = Region(150, 90, 128, turn)
    seen = Landmarker(model).look(np.zeros((180, 320, 3), np.uint8), region)
    for k in range(33):
        dx, dy = (model.points[k] - 128) / 2  # the region is half as large as its crop
        x = region.x + dx * math.cos(turn) - dy * math.sin(turn)
        y = region.y + dx * math.sin(turn) + dy * math.cos(turn)
        np.testing.assert_allclose(seen.points[k], (x, y), atol=1e-3)
        # Metres point where pixels point; depth is left as it is.
        np.testing.assert_allclose(
            seen.world[k, :2] * 50, seen.points[k] - (region.x, region.y), atol=1e-3
        )
    np.testing.assert_array_equal(seen.world[:, 2], model.world[:33, 2])
    assert seen.visibility == pytest.approx(np.full(33, 1 / (1 + math.exp(-2))))


def test_somebody_at_rest_keeps_his_region() -> None:
    region = Region(150, 90, 128, 0.7)
    seen = Landmarker(UprightBody()).look(np.zeros((180, 320, 3), np.uint8), region)
    assert seen.next_region is not None
    assert seen.next_region.x == pytest.approx(region.x, abs=0.01)
    assert seen.next_region.y == pytest.approx(region.y, abs=0.01)
    assert seen.next_region.size == pytest.approx(region.size, rel=1e-3)
    assert seen.next_region.angle == pytest.approx(region.angle, abs=1e-3)
