"""Head orientation: a head turned by known angles gives the angles back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mizaru.edge.darkroom.perceive.head import angles, head_orientation
from mizaru.vocabulary import BLAZEPOSE33

# A face that looks into the camera: x right, y down, z away; its left is the image's right.
FACE = {
    "nose": (0.0, 0.03, -0.1),
    "left_eye_outer": (0.045, -0.035, -0.075),
    "right_eye_outer": (-0.045, -0.035, -0.075),
    "left_ear": (0.075, 0.0, 0.0),
    "right_ear": (-0.075, 0.0, 0.0),
    "mouth_left": (0.025, 0.035, -0.075),
    "mouth_right": (-0.025, 0.035, -0.075),
}


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """R_z(roll) · R_y(yaw) · R_x(pitch), written out for the camera's axes."""
    y, p, r = map(math.radians, (yaw, pitch, roll))
    about_x = np.array([[1, 0, 0], [0, math.cos(p), math.sin(p)], [0, -math.sin(p), math.cos(p)]])
    about_y = np.array([[math.cos(y), 0, -math.sin(y)], [0, 1, 0], [math.sin(y), 0, math.cos(y)]])
    about_z = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    world = np.zeros((33, 3), np.float32)
    for name, place in FACE.items():
        world[BLAZEPOSE33.index(name)] = rotation(yaw, pitch, roll) @ place
    return world


@pytest.mark.parametrize("yaw", [-170, -90, -40, 0, 30, 90, 150])
@pytest.mark.parametrize("roll", [-60, 0, 25, 120])
def test_yaw_and_roll_come_back(yaw: float, roll: float) -> None:
    head = head_orientation(turned(yaw, 0, roll), np.ones(33, np.float32))
    assert head is not None
    assert head.yaw == pytest.approx(yaw, abs=1)
    assert head.roll == pytest.approx(roll, abs=1)
    assert head.pitch == pytest.approx(0, abs=1)


@pytest.mark.parametrize("pitch", [-50, -20, 0, 20, 50])
def test_pitch_comes_back(pitch: float) -> None:
    head = head_orientation(turned(0, pitch, 0), np.ones(33, np.float32))
    assert head is not None
    assert head.pitch == pytest.approx(pitch, abs=1)
    assert head.yaw == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "x", "y"),
    [(90, 0, 0, 1, 0), (-90, 0, 0, -1, 0), (0, 90, 0, 0, -1), (0, -90, 0, 0, 1)],
)
def test_signs_are_those_of_the_vocabulary(
    yaw: float, pitch: float, roll: float, x: float, y: float
) -> None:
    """Yaw to the image's right, pitch up; the gaze of a head at rest is (0, 0, -1)."""
    gaze = rotation(yaw, pitch, roll) @ (0, 0, -1)
    np.testing.assert_allclose(gaze, (x, y, 0), atol=1e-9)


def test_the_gaze_is_kept_exactly_for_every_turn() -> None:
    """Whatever the split into angles, putting them together gives the gaze back."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        face = rng.normal(size=3)
        face /= np.linalg.norm(face)
        up = np.cross(face, rng.normal(size=3))
        up /= np.linalg.norm(up)
        head = angles(face, up)
        again = rotation(head.yaw, head.pitch, head.roll) @ (0, 0, -1)
        np.testing.assert_allclose(again, face, atol=1e-6)


def test_an_unseen_face_has_no_orientation() -> None:
    assert head_orientation(turned(0, 0, 0), np.full(33, 0.1, np.float32)) is None
    assert head_orientation(np.zeros((33, 3), np.float32), np.ones(33, np.float32)) is None
