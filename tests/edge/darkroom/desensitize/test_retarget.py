"""Laws of retargeting: posture stays, proportions go."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.edge.darkroom.desensitize.retarget import Retargeter, rotation
from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.proxy import body
from mizaru.vocabulary import BLAZEPOSE33, COCO17, COCO17_FROM_BLAZEPOSE33, HeadOrientation
from mizaru.wire.codec import U_MAX, U_MIN

WH = (640, 360)
CANONICAL = {
    "trunk": body.TRUNK,
    "neck": body.NECK,
    "shoulders": body.SHOULDERS,
    "hips": body.HIPS,
    "upper_arm": body.UPPER_ARM,
    "forearm": body.FOREARM,
    "thigh": body.THIGH,
    "shank": body.SHANK,
}
POSTURES = {
    "standing": {},
    "sitting": {
        "legs": (((0.1, 0.1, -1), (0, 1, 0.1)), ((-0.1, 0.1, -1), (0, 1, 0.1))),
    },
    "lying": {"turn": -88.0},
    "waving": {"arms": (((0.3, 1, 0), (0.1, 1, 0)), ((-0.7, -0.7, 0), (-0.1, -1, 0)))},
    "bending": {"trunk": (0.8, -0.4, -0.3)},
}
SWAP = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])


def unit(vector):
    return np.array(vector, float) / np.linalg.norm(vector)


def skeleton(
    lengths=None,
    trunk=(0, -1, 0),
    arms=(((0.25, 1, 0), (0.15, 1, -0.2)), ((-0.25, 1, 0), (-0.15, 1, -0.2))),
    legs=(((0.08, 1, 0), (0.05, 1, 0.1)), ((-0.08, 1, 0), (-0.05, 1, 0.1))),
    turn=0.0,
):
    """(17, 3) metres around the middle of the hips, with anybody's proportions."""
    size = CANONICAL | (lengths or {})
    joints = np.zeros((17, 3))
    across = np.array([1.0, 0, 0])
    chest = unit(trunk) * size["trunk"]
    joints[11], joints[12] = across * size["hips"] / 2, -across * size["hips"] / 2
    joints[5], joints[6] = (chest + k * across * size["shoulders"] / 2 for k in (1, -1))
    for side in (0, 1):
        joints[7 + side] = joints[5 + side] + unit(arms[side][0]) * size["upper_arm"]
        joints[9 + side] = joints[7 + side] + unit(arms[side][1]) * size["forearm"]
        joints[13 + side] = joints[11 + side] + unit(legs[side][0]) * size["thigh"]
        joints[15 + side] = joints[13 + side] + unit(legs[side][1]) * size["shank"]
    joints[:5] = chest + unit(trunk) * size["neck"] + np.array(body.HEAD_POINTS) * body.STATURE
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return joints @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T


def seen_as(joints, scale, at, head=None, subject_id=1, world=True, rho=1.0):
    """A COCO person under weak perspective: ``scale`` pixels per metre, lowest joint at ``at``."""
    keypoints = np.full((17, 3), rho, np.float32)
    foot = joints[np.argmax(joints[:, 1])]
    keypoints[:, :2] = np.array(at) + scale * (joints - foot)[:, :2]
    lo, hi = keypoints[:, :2].min(0), keypoints[:, :2].max(0)
    box = (float(lo[0]), float(lo[1]), float(hi[0]), float(hi[1]))
    metres = joints.astype(np.float32) if world else None
    return Person(subject_id, box, COCO17, keypoints, metres, head, 0.9)


def retarget(person, wh=WH):
    return Retargeter().retarget(person, 1000, wh)


def pixels(pose):
    return pose.keypoints[:, :2] * np.array(WH)


FRONT = HeadOrientation(0, 0, 0)
STEP = 2.0**6.5  # a scale that is a step already, so that rounding it changes nothing


@pytest.mark.parametrize("posture", POSTURES)
def test_the_canonical_body_comes_back_as_it_was(posture):
    joints = skeleton(**POSTURES[posture])
    head = HeadOrientation(0, 0, POSTURES[posture].get("turn", 0.0))
    person = seen_as(joints, STEP, (320, 300), head)
    out = pixels(retarget(person))
    assert np.abs(out[5:] - person.keypoints[5:, :2]).max() < 0.5
    if posture not in {"bending", "lying"}:
        assert np.abs(out[:5] - person.keypoints[:5, :2]).max() < 0.5


@pytest.mark.parametrize("posture", POSTURES)
def test_two_people_of_different_build_in_one_posture_look_the_same(posture):
    tall = {"thigh": 0.50, "shank": 0.49, "trunk": 0.53, "upper_arm": 0.36, "shoulders": 0.42}
    short = {"thigh": 0.36, "shank": 0.35, "trunk": 0.47, "forearm": 0.20, "hips": 0.22}
    a, b = (
        pixels(retarget(seen_as(skeleton(build, **POSTURES[posture]), 90.0, (320, 300), FRONT)))
        for build in (tall, short)
    )
    assert np.abs(a - b).max() < 0.08 * 90.0  # 8 cm: only where the body touches the floor
    assert np.abs((a - a.mean(0)) - (b - b.mean(0))).max() < 0.03 * 90.0


@given(
    factors=st.lists(st.floats(0.7, 1.4), min_size=8, max_size=8),
    posture=st.sampled_from(sorted(POSTURES)),
    scale=st.floats(40, 160),
)
def test_limb_ratios_of_what_leaves_are_the_canonical_ones(factors, posture, scale):
    build = {k: v * f for (k, v), f in zip(CANONICAL.items(), factors, strict=True)}
    flat = POSTURES[posture]
    joints = skeleton(build, **flat)
    out = pixels(retarget(seen_as(joints, scale, (320, 300), FRONT)))
    per_metre = []
    for a, b, length in body.BONES:
        bone = joints[b] - joints[a]
        seen = np.hypot(*bone[:2]) / np.linalg.norm(bone)
        if seen > 0.5:
            per_metre.append(np.hypot(*(out[b] - out[a])) / (length * seen))
    assert max(per_metre) / min(per_metre) < 1.02


def test_scale_leaves_in_coarse_steps_only():
    scales = set()
    for stature in np.linspace(0.9, 1.1, 21):
        out = pixels(retarget(seen_as(skeleton(), 80.0 * stature, (320, 300), FRONT)))
        scales.add(round(float(np.hypot(*(out[15] - out[13]))), 2))
    assert len(scales) <= 3


@pytest.mark.parametrize("posture", POSTURES)
@pytest.mark.parametrize("world", [True, False])
def test_a_mirrored_person_gives_a_mirrored_mannequin(posture, world):
    joints = skeleton({"thigh": 0.5}, **POSTURES[posture])
    joints += np.random.default_rng(0).normal(0, 0.02, joints.shape)
    mirrored = (joints * np.array([-1, 1, 1]))[SWAP]
    head, other = HeadOrientation(35, 10, 12), HeadOrientation(-35, 10, -12)
    a = pixels(retarget(seen_as(joints, 80.0, (300, 300), head, world=world)))
    b = pixels(retarget(seen_as(mirrored, 80.0, (640 - 300, 300), other, world=world)))
    b = b[SWAP] * np.array([-1, 1]) + np.array([640, 0])
    assert np.abs(a - b).max() < 0.01


def test_who_lies_lies_and_feet_stay_where_they_were():
    tall = {"thigh": 0.5, "shank": 0.5}
    person = seen_as(skeleton(tall), 80.0, (200, 330), FRONT)
    out = pixels(retarget(person))
    assert np.abs(out[15:] - person.keypoints[15:, :2]).max() < 3.0
    lying = pixels(retarget(seen_as(skeleton(tall, turn=-88.0), 80.0, (200, 330), FRONT)))
    extent = np.ptp(lying[5:], axis=0)
    assert extent[0] > 2.0 * extent[1]


def test_blazepose_and_coco_agree():
    joints = skeleton()
    person = seen_as(joints, STEP, (320, 300), FRONT)
    keypoints = np.zeros((33, 3), np.float32)
    world = np.zeros((33, 3), np.float32)
    rows = list(COCO17_FROM_BLAZEPOSE33)
    keypoints[rows], world[rows] = person.keypoints, joints
    blaze = Person(1, person.box_xyxy, BLAZEPOSE33, keypoints, world, FRONT, 0.9)
    assert np.array_equal(retarget(blaze).keypoints, retarget(person).keypoints)


@given(
    joint=st.integers(0, 16),
    column=st.integers(0, 2),
    value=st.sampled_from([math.nan, math.inf, -math.inf, 1e30, -1.0]),
    world=st.booleans(),
)
def test_a_broken_joint_fails_closed(joint, column, value, world):
    person = seen_as(skeleton(), 80.0, (320, 300), FRONT, world=world)
    person.keypoints[joint, column] = value
    pose = retarget(person)
    if pose is not None:
        assert np.isfinite(pose.keypoints).all()
        shown = pose.keypoints[pose.keypoints[:, 2] > 0]
        assert (shown[:, :2] >= U_MIN - 1e-6).all()
        assert (shown[:, :2] <= U_MAX + 1e-6).all()
        assert (pose.keypoints[:, 2] <= 1).all()
        if joint > 6 and not math.isfinite(value):
            assert pose.keypoints[joint, 2] == 0 or (value == math.inf and column == 2)


def test_a_limb_of_no_length_is_not_drawn():
    joints = skeleton()
    joints[9] = joints[7]
    pose = retarget(seen_as(joints, 80.0, (320, 300), FRONT))
    assert pose.keypoints[9, 2] == 0
    assert pose.keypoints[7, 2] == 1


def test_nothing_seen_is_nothing_sent():
    assert retarget(seen_as(skeleton(), 80.0, (320, 300), FRONT, rho=0.0)) is None
    assert retarget(seen_as(np.zeros((17, 3)), 80.0, (320, 300), FRONT)) is None


def test_a_limb_that_leaves_the_picture_is_cut_along_the_bone():
    pose = retarget(seen_as(skeleton(), 160.0, (320, 560), FRONT))
    hip, knee = pose.keypoints[11], pose.keypoints[13]
    assert knee[1] <= U_MAX
    assert knee[2] == 1
    assert pose.keypoints[15, 2] == 0
    assert abs(hip[0] - knee[0]) < 0.05


def test_a_fall_of_six_tenths_of_a_second_is_not_smoothed_away():
    retargeter, upright = Retargeter(), []
    for k in range(16):
        turn = -90.0 * min(1.0, max(0.0, (k - 5) / 6))
        person = seen_as(skeleton(turn=turn), 80.0, (320, 300), FRONT)
        out = pixels(retargeter.retarget(person, 1000 + 100 * k, WH))
        trunk = out[5:7].mean(0) - out[11:13].mean(0)
        upright.append(math.degrees(math.atan2(-trunk[1], abs(trunk[0]))))
    half = next(k for k, angle in enumerate(upright) if angle < 45) - 8
    assert half <= 1, "more than a tenth of a second late"
    assert upright[-1] < 5


def test_head_points_follow_the_convention_of_head_orientation():
    nose = np.array([0, 0, -1.0])
    assert (rotation(HeadOrientation(30, 0, 0)) @ nose)[0] > 0.4
    assert (rotation(HeadOrientation(0, 30, 0)) @ nose)[1] < -0.4
    crown = np.array([0, -1.0, 0])
    assert (rotation(HeadOrientation(0, 0, 30)) @ crown)[0] > 0.4
