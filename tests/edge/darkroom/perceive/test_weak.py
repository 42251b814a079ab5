"""Hints: weak evidence lands where it is, and never makes anybody a subject."""

from __future__ import annotations

import numpy as np
import pytest

from mizaru.edge.darkroom.perceive.weak import WeakEvidence, find_faces, find_silhouettes


class FaceAt:
    """A face detector that fires in one cell, with a box of 16 px around its centre."""

    input_shape = (1, 192, 192, 3)

    def __init__(self, column: int, row: int) -> None:
        self._cell = row * 48 + column
        self.calls = 0

    def __call__(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
        self.calls += 1
        raw, logits = np.zeros((1, 2304, 16), np.float32), np.full((1, 2304, 1), -9, np.float32)
        raw[0, self._cell, 2:4], logits[0, self._cell] = 16, 3
        return raw, logits


class BrightIsSomebody:
    """A segmentation that takes what is bright for people."""

    input_shape = (1, 144, 256, 3)

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, array: np.ndarray) -> tuple[np.ndarray, ...]:
        self.calls += 1
        return (array[..., :1],)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (1920, 1080), (192, 192)])
def test_a_face_lands_where_it_was_in_the_frame(width: int, height: int) -> None:
    (box,) = find_faces(FaceAt(24, 30), np.zeros((height, width, 3), np.uint8))
    scale = max(width, height) / 192
    x = width / 2 + (24.5 * 4 - 96) * scale
    y = height / 2 + (30.5 * 4 - 96) * scale
    np.testing.assert_allclose(
        box, (x - 8 * scale, y - 8 * scale, x + 8 * scale, y + 8 * scale), atol=1e-3
    )


def test_a_silhouette_is_boxed_and_a_speck_is_not() -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    image[100:300, 200:300] = 255
    image[20:24, 20:24] = 255
    (box,) = find_silhouettes(BrightIsSomebody(), image)
    np.testing.assert_allclose(box, (200, 100, 300, 300), atol=3)


def test_hints_stay_until_the_next_look_and_cost_little() -> None:
    faces, silhouettes = FaceAt(10, 10), BrightIsSomebody()
    weak = WeakEvidence(faces, silhouettes)
    image = np.zeros((36, 64, 3), np.uint8)
    seen = [bool(weak.look(image, lambda: None)) for _ in range(50)]
    assert faces.calls == silhouettes.calls == 2
    assert seen.index(True) < 25
    assert all(seen[seen.index(True) :])
