"""The quick canvas against the plain rasteriser that defines the anonymous frame."""

import numpy as np
import pytest

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW, canvas
from mizaru.proxy import UNKNOWN_RGB, body, draw
from mizaru.vocabulary import HeadOrientation, Pose

WIDE = 16 / 9


def person(rng, subject_id=1, scale=0.3):
    """A posture with limbs anywhere, on the canonical body: `scale` heights a metre."""
    metres = np.zeros((17, 2))

    def bone(length, spread=0.9):
        angle = rng.normal(0, spread)
        return length * np.array((np.sin(angle), np.cos(angle)))

    lean = bone(body.TRUNK, 0.5)
    for side, sign in ((0, 1), (1, -1)):
        shoulder, hip = 5 + side, 11 + side
        metres[shoulder] = -lean + (sign * body.SHOULDERS / 2, 0)
        metres[hip] = (sign * body.HIPS / 2, 0)
        metres[shoulder + 2] = metres[shoulder] + bone(body.UPPER_ARM)
        metres[shoulder + 4] = metres[shoulder + 2] + bone(body.FOREARM)
        metres[hip + 2] = metres[hip] + bone(body.THIGH)
        metres[hip + 4] = metres[hip + 2] + bone(body.SHANK)
    metres[:5] = np.array(body.HEAD_POINTS)[:, :2] * body.STATURE - lean - (0, body.NECK)
    keypoints = np.ones((17, 3), np.float32)
    keypoints[:, :2] = rng.uniform(0.2, 0.8, 2) + metres * scale / (WIDE, 1.0)
    keypoints[:, 2] = rng.choice((1 / 3, 2 / 3, 1.0), 17)
    head = HeadOrientation(rng.uniform(-90, 90), rng.uniform(-30, 30), rng.uniform(-40, 40))
    return Pose(subject_id, keypoints, head)


def plate_of(rng, shape=(90, 160, 3)):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def test_nobody_means_the_plate_alone():
    rng = np.random.default_rng(0)
    plate = np.full((90, 160, 3), (10, 200, 90), np.uint8)
    shown = canvas(plate, [], WIDE)
    assert shown.shape == (*CANVAS_HW, 3)
    assert shown.dtype == np.uint8
    assert (shown == (10, 200, 90)).all()
    assert (canvas(None, [], WIDE) == UNKNOWN_RGB).all()
    unseen = person(rng)
    unseen.keypoints[:, 2] = 0.0
    assert np.array_equal(canvas(plate, [unseen], WIDE), shown)


@pytest.mark.parametrize("scale", [0.08, 0.15, 0.3, 0.6, 2.0])
def test_it_agrees_with_the_plain_rasteriser(scale):
    """Where a mannequin is, within 20 of 256 levels on average, as shading is flat; elsewhere the
    rim of a shape may spill into a pixel that the rasteriser leaves alone, by a twelfth."""
    rng = np.random.default_rng(1)
    over_people = []
    for _ in range(20):
        poses = [person(rng, subject_id, scale) for subject_id in (3, 8)]
        plate = plate_of(rng, (*CANVAS_HW, 3))
        plain = draw(plate, poses, WIDE).astype(float)
        error = np.abs(canvas(plate, poses, WIDE) - plain).mean(axis=2)
        touched = np.abs(plain - plate).max(axis=2) > 0
        over_people.append(error[touched].mean() if touched.any() else 0.0)
        assert error[~touched].max(initial=0.0) <= 256 / 12
    assert np.mean(over_people) <= 20.0


def test_the_nearest_is_drawn_last():
    rng = np.random.default_rng(2)
    near, far = person(rng, 1), person(rng, 2)
    far.keypoints[:] = near.keypoints
    keypoints = near.keypoints.copy()
    keypoints[:, 2] = 1.0
    near, far = Pose(1, keypoints), Pose(2, keypoints)
    alone = canvas(None, [near], WIDE).astype(int)
    assert np.abs(canvas(None, [far, near], WIDE) - alone).mean() < 1.0


@pytest.mark.parametrize("where", [-0.25, 0.0, 1.0, 1.25])
def test_whoever_leaves_the_picture_is_cut(where):
    pose = person(np.random.default_rng(3), scale=1.0)
    pose.keypoints[:, :2] += where - pose.keypoints[11, :2]
    shown = canvas(plate_of(np.random.default_rng(4)), [pose], WIDE)
    assert shown.shape == (*CANVAS_HW, 3)


def test_the_plate_is_left_as_it_is():
    rng = np.random.default_rng(5)
    plate = plate_of(rng)
    before = plate.copy()
    canvas(plate, [person(rng)], WIDE)
    assert np.array_equal(plate, before)
