"""Laws of Ψ and of the anonymous frame."""

import dataclasses

import numpy as np
import pytest

from mizaru.proxy import PALETTE, UNKNOWN_RGB, Part, body, compose, draw, primitives, slots
from mizaru.vocabulary import COCO17, HeadOrientation, Pose

WIDE = 16 / 9
FRONT = HeadOrientation(0, 0, 0)


def standing(subject_id=1, at=(0.5, 0.5), scale=0.3, head=FRONT):
    """Facing the camera, arms hanging, `at` the middle of the hips."""
    metres, down = np.zeros((17, 2)), np.array((0.0, 1.0))
    for side, sign in ((0, 1), (1, -1)):
        shoulder = np.array((sign * body.SHOULDERS / 2, -body.TRUNK))
        hip = np.array((sign * body.HIPS / 2, 0.0))
        metres[5 + side], metres[11 + side] = shoulder, hip
        metres[7 + side] = shoulder + down * (body.UPPER_ARM)
        metres[9 + side] = shoulder + down * (body.UPPER_ARM + body.FOREARM)
        metres[13 + side] = hip + down * (body.THIGH)
        metres[15 + side] = hip + down * (body.THIGH + body.SHANK)
    metres[:5] = np.array(body.HEAD_POINTS)[:, :2] * body.STATURE
    metres[:5] += (0, -body.TRUNK - body.NECK)
    keypoints = np.ones((17, 3), np.float32)
    keypoints[:, :2] = np.array(at) + metres * scale / (WIDE, 1.0)
    return Pose(subject_id, keypoints, head)


def with_confidence(pose, rho):
    keypoints = pose.keypoints.copy()
    keypoints[:, 2] = rho
    return dataclasses.replace(pose, keypoints=keypoints)


def test_the_canonical_body_adds_up_to_its_stature():
    legs_and_trunk = body.THIGH + body.SHANK + body.TRUNK
    assert legs_and_trunk + body.NECK == pytest.approx(0.89 * body.STATURE, rel=0.01)


def test_a_whole_body_has_every_part():
    assert {primitive.part for primitive in primitives(standing(), WIDE)} == set(Part)


def test_nobody_is_drawn_where_nothing_was_seen():
    pose = with_confidence(standing(), 0.0)
    plate = np.full((90, 160, 3), 77, np.uint8)
    assert primitives(pose, WIDE) == ()
    assert np.array_equal(draw(plate, [pose]), plate)


@pytest.mark.parametrize("joint", range(17))
def test_any_joint_may_be_missing(joint):
    pose = standing()
    pose.keypoints[joint, 2] = 0.0
    parts = primitives(pose, WIDE)
    assert parts
    assert len(parts) <= len(primitives(standing(), WIDE))
    assert all(np.isfinite([*p.radii, *np.ravel(p.points)]).all() for p in parts)


@pytest.mark.parametrize("joint", COCO17.keypoints)
def test_one_joint_alone_draws_no_limb(joint):
    rho = np.zeros(17)
    rho[COCO17.index(joint)] = 1.0
    assert primitives(with_confidence(standing(), rho), WIDE) == ()


def test_widths_follow_the_scale_of_the_pose_alone():
    near, far = (primitives(standing(scale=scale), WIDE) for scale in (0.4, 0.2))
    for a, b in zip(near, far, strict=True):
        assert a.part == b.part
        assert np.array(a.radii) == pytest.approx(2 * np.array(b.radii), rel=0.02)


def test_who_turns_away_has_no_visor():
    away = primitives(standing(head=HeadOrientation(180, 0, 0)), WIDE)
    assert Part.VISOR not in {primitive.part for primitive in away}


def test_the_nearest_is_drawn_last_and_hides_the_others():
    plate = np.full((180, 320, 3), 250, np.uint8)
    a, b = standing(1), standing(2)
    chest = slice(72, 82), slice(156, 164)
    assert np.array_equal(draw(plate, [a, b])[chest], draw(plate, [b])[chest])
    assert not np.array_equal(draw(plate, [a, b]), draw(plate, [b, a]))


def test_drawing_leaves_the_plate_alone_and_touches_only_the_mannequin():
    plate = np.random.default_rng(0).integers(0, 255, (180, 320, 3), dtype=np.uint8)
    kept = plate.copy()
    frame = draw(plate, [standing(at=(0.25, 0.5), scale=0.2)])
    assert np.array_equal(plate, kept)
    assert np.array_equal(frame[:, 160:], plate[:, 160:])
    assert not np.array_equal(frame, plate)


def test_a_mannequin_far_outside_draws_nothing():
    plate = np.zeros((90, 160, 3), np.uint8)
    assert np.array_equal(draw(plate, [standing(at=(40.0, -40.0))]), plate)


def test_an_anonymous_frame_without_a_plate_stands_on_the_unknown_fill():
    frame = compose(None, [standing(scale=0.2)], (320, 180))
    assert frame.shape == (180, 320, 3)
    assert tuple(frame[0, 0]) == UNKNOWN_RGB
    plate = np.full((45, 80, 3), 9, np.uint8)
    assert tuple(compose(plate, [], (320, 180))[-1, -1]) == (9, 9, 9)


def test_colours_come_from_the_ephemeral_ids_and_differ_while_they_last():
    ids = [90, 18, 26, 34, 3, 11, 7, 100]
    assert sorted(slots(ids, len(PALETTE))) == list(range(8))
    assert slots(list(reversed(ids)), 8) == tuple(reversed(slots(ids, 8)))
    assert len(slots([*ids, 1, 2], 8)) == 10


@pytest.mark.parametrize(
    "background", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
)
def test_a_background_must_be_a_picture(background):
    with pytest.raises(ValueError, match="must be"):
        draw(background, [])
