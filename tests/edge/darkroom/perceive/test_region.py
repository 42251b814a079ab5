"""The rotated region: there and back again, and upright when seen through it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.edge.darkroom.perceive.landmark import SIDE, refine, warp
from mizaru.edge.darkroom.perceive.region import ENLARGE, Region, apply

regions = st.builds(
    Region,
    st.floats(-500, 2500),
    st.floats(-500, 2500),
    st.floats(10, 3000),
    st.floats(-math.pi, math.pi),
)


@given(regions, st.integers(0, 2**32 - 1))
def test_points_go_to_the_image_and_back(region: Region, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-50, SIDE + 50, (33, 2)).astype(np.float32)
    matrix = region.to_image(SIDE)
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    there = apply(matrix, points)
    np.testing.assert_allclose(apply(inverse, there), points, atol=0.1)


@given(regions)
def test_the_axis_of_a_region_gives_the_region(region: Region) -> None:
    tip = apply(region.to_image(SIDE), np.array([[SIDE / 2, SIDE / 2 - SIDE / (2 * ENLARGE)]]))
    again = Region.from_axis(np.array([region.x, region.y]), tip[0])
    assert again is not None
    assert again.size == pytest.approx(region.size, rel=1e-2)
    assert math.cos(again.angle - region.angle) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("angle", [0, 30, 90, 180, -90, -135])
def test_a_body_is_upright_in_its_region(angle: float) -> None:
    """A bright head on a dark frame is at the top of the crop, whichever way it lies."""
    turn = math.radians(angle)
    image = np.zeros((400, 400, 3), np.uint8)
    x, y = 200 + 80 * math.sin(turn), 200 - 80 * math.cos(turn)
    image[int(y) - 4 : int(y) + 4, int(x) - 4 : int(x) + 4] = 255
    region = Region.from_axis(np.array([200.0, 200.0]), np.array([x, y]))
    assert region is not None
    row, column = np.argwhere(warp(image, region)[:, :, 0] > 127).mean(axis=0)
    assert column == pytest.approx(SIDE / 2, abs=2)
    assert row == pytest.approx(SIDE / 2 - SIDE / (2 * ENLARGE), abs=2)


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf])
def test_a_region_without_a_size_is_refused(size: float) -> None:
    with pytest.raises(ValueError, match="positive size"):
        Region(0, 0, size)


def test_a_body_of_no_extent_has_no_region() -> None:
    point = np.array([5.0, 5.0])
    assert Region.from_axis(point, point) is None
    assert Region.from_axis(point, np.array([np.nan, 1.0])) is None


def naive_refine(points: np.ndarray, heat: np.ndarray) -> np.ndarray:
    rows, columns, count = heat.shape
    out = points.astype(np.float64).copy()
    for k in range(count):
        cx, cy = (math.floor(v * columns / SIDE) for v in points[k])
        if not (0 <= cx < columns and 0 <= cy < rows):
            continue
        total = sum_x = sum_y = best = 0.0
        for y in range(max(0, cy - 3), min(rows, cy + 4)):
            for x in range(max(0, cx - 3), min(columns, cx + 4)):
                weight = 1 / (1 + math.exp(-heat[y, x, k]))
                total, best = total + weight, max(best, weight)
                sum_x, sum_y = sum_x + weight * x, sum_y + weight * y
        if best >= 0.5:
            out[k] = sum_x / total * SIDE / columns, sum_y / total * SIDE / rows
    return out


@given(st.integers(0, 2**32 - 1))
def test_refinement_agrees_with_the_naive_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-40, SIDE + 40, (39, 2)).astype(np.float32)
    heat = rng.normal(-2, 2, (64, 64, 39)).astype(np.float32)
    np.testing.assert_allclose(refine(points, heat), naive_refine(points, heat), atol=1e-3)
