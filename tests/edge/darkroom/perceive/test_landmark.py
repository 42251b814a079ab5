"""What the landmark model says in its region is turned into the frame, world landmarks too."""

from __future__ import annotations

import math
import threading
import time

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
    seen = Landmarker([model]).look(np.zeros((180, 320, 3), np.uint8), region)
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
    seen = Landmarker([UprightBody()]).look(np.zeros((180, 320, 3), np.uint8), region)
    assert seen.next_region is not None
    assert seen.next_region.x == pytest.approx(region.x, abs=0.01)
    assert seen.next_region.y == pytest.approx(region.y, abs=0.01)
    assert seen.next_region.size == pytest.approx(region.size, rel=1e-3)
    assert seen.next_region.angle == pytest.approx(region.angle, abs=1e-3)


class BrightBody(UprightBody):
    """Its presence is the brightness of what it is shown; notices a second thread inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = threading.Lock()

    def __call__(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
        assert self.inside.acquire(blocking=False), "one model, two threads"
        try:
            time.sleep(0.002)
            out = list(super().__call__(array))
            out[1] = np.array([[array.mean()]], np.float32)
            return tuple(out)
        finally:
            self.inside.release()


@pytest.mark.parametrize("models", [1, 2, 3])
@pytest.mark.parametrize("people", [0, 1, 2, 3, 5])
def test_many_looks_are_the_same_looks_in_order(models: int, people: int) -> None:
    image = np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8)
    regions = [Region(40 + 60 * k, 90, 40 + 20 * k, 0.1 * k) for k in range(people)]
    landmarker = Landmarker([BrightBody() for _ in range(models)])
    together = landmarker.look_all(image, regions)
    assert [seen.presence for seen in together] == [
        landmarker.look(image, region).presence for region in regions
    ]


def test_a_model_that_fails_fails_the_look_and_nothing_is_left_running() -> None:
    class Broken(BrightBody):
        def __call__(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
            raise RuntimeError("broken")

    slow, region = BrightBody(), Region(150, 90, 128, 0.0)
    landmarker = Landmarker([Broken(), slow])
    for _ in range(3):
        with pytest.raises(RuntimeError, match="broken"):
            landmarker.look_all(np.zeros((180, 320, 3), np.uint8), [region, region])
        assert not slow.inside.locked()
