"""The SSD head: anchors against their formula, fast suppression against slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.edge.darkroom.perceive.detector import (
    SIDE,
    Detection,
    Detector,
    anchors,
    circle_nms,
    decode,
    weighted_nms,
)
from mizaru.edge.darkroom.perceive.region import Region, box_iou, circle_iou


def test_anchors_are_those_of_the_formula() -> None:
    table = []
    for stride, count in ((8, 2), (16, 2), (32, 6)):
        cells = SIDE // stride
        for row in range(cells):
            for column in range(cells):
                table += [((column + 0.5) / cells, (row + 0.5) / cells)] * count
    assert len(table) == 2254
    np.testing.assert_allclose(anchors(), np.array(table), atol=1e-6)


def test_decoding_undoes_encoding() -> None:
    rng = np.random.default_rng(3)
    centres = anchors()
    raw = np.zeros((2254, 12), np.float32)
    logits = np.full(2254, -20, np.float32)
    k = 1234
    box = np.array([0.3, 0.2, 0.5, 0.6])
    points = rng.random((4, 2))
    middle = (box[:2] + box[2:]) / 2
    raw[k, :2], raw[k, 2:4] = (middle - centres[k]) * SIDE, (box[2:] - box[:2]) * SIDE
    raw[k, 4:] = ((points - centres[k]) * SIDE).ravel()
    logits[k] = math.log(0.8 / 0.2)
    scores, rows = decode(raw, logits, centres, threshold=0.35)
    np.testing.assert_allclose(scores, [0.8], rtol=1e-5)
    np.testing.assert_allclose(rows[0], [*box, *points.ravel()], atol=1e-5)


@pytest.mark.parametrize(("score", "found"), [(0.34, 0), (0.36, 1)])
def test_the_threshold_is_on_the_score(score: float, found: int) -> None:
    logits = np.full(2254, -20, np.float32)
    logits[7] = math.log(score / (1 - score))
    scores, _ = decode(np.zeros((2254, 12), np.float32), logits, anchors(), threshold=0.35)
    assert len(scores) == found


def naive_weighted_nms(scores: list[float], rows: list[list[float]], overlap: float):
    """BlazeFace's suppression as one would say it aloud."""
    left = sorted(range(len(scores)), key=lambda k: -scores[k])
    out = []
    while left:
        best = left[0]
        same = [
            k
            for k in left
            if k == best or box_iou(tuple(rows[best][:4]), tuple(rows[k][:4])) > overlap
        ]
        total = sum(scores[k] for k in same)
        mean = [sum(scores[k] * rows[k][c] for k in same) / total for c in range(len(rows[0]))]
        out.append((scores[best], mean))
        left = [k for k in left if k not in same]
    return out


@given(st.integers(0, 25), st.integers(0, 2**32 - 1))
def test_weighted_suppression_agrees_with_the_naive_loop(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner, size = rng.random((count, 2)), 0.1 + 0.3 * rng.random((count, 2))
    rows = np.concatenate([corner, corner + size, rng.random((count, 8))], axis=1)
    rows = rows.astype(np.float32)
    scores = rng.permutation(np.linspace(0.2, 0.9, count)).astype(np.float32)
    got_scores, got_rows = weighted_nms(scores, rows, overlap=0.3)
    want = naive_weighted_nms(scores.tolist(), rows.tolist(), 0.3)
    assert len(got_scores) == len(want)
    for score, row, (want_score, want_row) in zip(got_scores, got_rows, want, strict=True):
        assert score == pytest.approx(want_score)
        np.testing.assert_allclose(row, want_row, atol=1e-5)


def test_circle_suppression_keeps_the_best_of_each_body() -> None:
    def at(x: float, score: float) -> Detection:
        return Detection(score, (0, 0, 1, 1), Region(x, 100, 200))

    kept = circle_nms([at(100, 0.5), at(110, 0.9), at(300, 0.4)])
    assert [(d.region.x, d.score) for d in kept] == [(110, 0.9), (300, 0.4)]


def test_circle_overlap_agrees_with_counting_points() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-300, 300, (200_000, 2))
    for b in (Region(40, 30, 150), Region(0, 0, 60), Region(90, 0, 200), Region(200, 0, 50)):
        a = Region(0, 0, 200)
        inside_a = np.hypot(*(points - (a.x, a.y)).T) < a.radius
        inside_b = np.hypot(*(points - (b.x, b.y)).T) < b.radius
        counted = (inside_a & inside_b).sum() / (inside_a | inside_b).sum()
        assert circle_iou(a, b) == pytest.approx(counted, abs=0.02)
        assert circle_iou(a, b) == pytest.approx(circle_iou(b, a))


@pytest.mark.parametrize("resolution", [(640, 360), (360, 640), (1920, 1080)])
def test_a_detection_lands_where_it_was_in_the_frame(resolution: tuple[int, int]) -> None:
    """A model that reports the centre of the brightest pixels, in any size of frame."""

    class Spot:
        input_shape = (1, SIDE, SIDE, 3)

        def __call__(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
            y, x = np.argwhere(array[0, :, :, 0] > 0).mean(axis=0)
            raw, logits = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -20.0)
            origin = anchors()[0] * SIDE
            raw[0, 0, :4] = [x - origin[0], y - origin[1], 10, 10]
            raw[0, 0, 4:] = np.tile([x - origin[0], y - origin[1]], 4)
            raw[0, 0, 7] -= 20  # the tip of the body circle: 20 px above the hips
            logits[0, 0] = 5
            return raw, logits.astype(np.float32)

    width, height = resolution
    image = np.zeros((height, width, 3), np.uint8)
    cx, cy, r = width * 0.7, height * 0.4, max(width, height) // 40
    image[int(cy) - r : int(cy) + r, int(cx) - r : int(cx) + r] = 255
    part = Region(width / 2, height / 2, float(max(width, height)))
    (found,) = Detector(Spot()).detect(image, part, threshold=0.5)
    scale = part.size / SIDE
    assert found.region.x == pytest.approx(cx, abs=1.5 * scale)
    assert found.region.y == pytest.approx(cy, abs=1.5 * scale)
    assert found.region.radius == pytest.approx(20 * scale, rel=0.02)
    assert found.region.angle == pytest.approx(0, abs=0.01)
