"""Laws over every skeleton source: up is up, the floor is at 0, bones are a person's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip, read_manifest
from mizaru.lab.data.skeletons import load_motions
from mizaru.lab.data.sources import SOURCES, motions, source_of
from mizaru.lab.motion import Motion
from mizaru.vocabulary import COCO17, Behavior

BONES = {
    # metres: least and most that the median of a grown person's bone may be
    ("left_hip", "left_knee"): (0.33, 0.55),
    ("right_hip", "right_knee"): (0.33, 0.55),
    ("left_knee", "left_ankle"): (0.28, 0.5),
    ("left_shoulder", "left_elbow"): (0.18, 0.36),
    ("left_elbow", "left_wrist"): (0.18, 0.34),
    ("left_shoulder", "right_shoulder"): (0.18, 0.45),
    ("left_shoulder", "left_hip"): (0.35, 0.6),
    ("left_ear", "right_ear"): (0.14, 0.16),
}
LEFT_ANKLE = COCO17.index("left_ankle")
HIPS = [COCO17.index("left_hip"), COCO17.index("right_hip")]
NOSE, LEFT_EAR, RIGHT_EAR = 0, 3, 4
ON_FOOT = (Behavior.WALK, Behavior.STAND)


def keep_the_laws(found: tuple[Motion, ...]) -> None:
    joints = np.concatenate([m.joints[:, 0] for m in found]).astype(np.float64)
    said = np.concatenate([m.behaviors[:, 0] for m in found])
    lost = np.isnan(joints)
    assert (lost.all(axis=(1, 2)) | ~lost.any(axis=(1, 2))).all(), "a frame is whole or NaN"
    assert np.isfinite(joints[~lost]).all()
    for (a, b), (least, most) in BONES.items():
        bone = joints[:, COCO17.index(a)] - joints[:, COCO17.index(b)]
        assert least < np.nanmedian(np.linalg.norm(bone, axis=1)) < most, (a, b)
    upright = np.isin(said, ON_FOOT) & ~lost.any(axis=(1, 2))
    if upright.any():
        above = joints[upright][:, NOSE, 2] - joints[upright][:, HIPS, 2].mean(axis=1)
        assert np.percentile(above, 2) > 0.2, "the head is above the hips of who walks"
        assert np.percentile(joints[upright][:, LEFT_ANKLE:, 2].min(axis=1), 50) < 0.2
        hips = np.median(joints[upright][:, HIPS, 2])
        assert 0.65 < hips < 1.15, "hips of who walks are a leg above the floor"
    for motion in found:
        assert motion.fps > 0
        assert motion.licence
        assert len(motion.people) == 1
        left, right = motion.people[0].split(":")
        assert left
        assert right
        assert all(isinstance(word, Behavior) for word in motion.behaviors.ravel())
        for event in motion.events:
            assert 0 <= event.start_s < event.end_s <= motion.seconds + 1e-6
    assert len({m.name for m in found}) == len(found)


@pytest.mark.parametrize("name", ["nw_ucla.npz", "utkinect.npz", "precog16.npz"])
def test_a_slanted_camera_is_levelled(kinect: Callable[..., Clip], name: str) -> None:
    found = motions(kinect(name))
    keep_the_laws(found)
    ankles = found[0].joints[:, 0, LEFT_ANKLE:, 2]
    assert abs(float(ankles.min()) - 0.09) < 0.04
    body = found[0].joints[:, 0, NOSE] - found[0].joints[:, 0, HIPS].mean(axis=1)
    lean = np.degrees(np.arccos(body[:, 2] / np.linalg.norm(body, axis=1)))
    assert np.median(lean) < 12.0, "the nose stands in front of a trunk that is upright"


def test_left_is_left(kinect: Callable[..., Clip], deepmimic: Callable[..., Clip]) -> None:
    """Who walks forward has the left ear to the left of the way, and the nose ahead."""
    for found in (motions(kinect()), motions(deepmimic())):
        joints = found[0].joints[:, 0].astype(np.float64)
        way = joints[-1, HIPS].mean(axis=0) - joints[0, HIPS].mean(axis=0)
        way[2] = 0.0
        way /= np.linalg.norm(way)
        nose = joints[0, NOSE] - joints[0, [LEFT_EAR, RIGHT_EAR]].mean(axis=0)
        assert nose @ way > 0.08
        left = np.cross([0.0, 0.0, 1.0], way)
        assert (joints[0, LEFT_EAR] - joints[0, RIGHT_EAR]) @ left > 0.13


def test_a_lost_frame_is_nan(kinect: Callable[..., Clip], archive: Callable[..., Path]) -> None:
    clip = kinect()
    with np.load(clip.file) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    content["xyz"][7, 3] = 0.0
    np.savez(clip.file, **content)
    joints = motions(clip)[0].joints
    assert np.isnan(joints[7]).all()
    assert np.isfinite(np.delete(joints, 7, axis=0)).all()


def test_blows_are_events_one_for_each(kinect: Callable[..., Clip]) -> None:
    marks = np.zeros(180, np.int16)
    marks[10:20], marks[20:30], marks[100:110] = 1, 2, 8
    found = motions(kinect(frame_label=marks, label=np.array(["aggressive"] * 3)))
    first, second = found[0].events
    assert (first.start_s, first.end_s) == pytest.approx((10 / 30, 20 / 30))
    assert (second.start_s, second.end_s) == pytest.approx((20 / 30, 30 / 30))
    assert len(found[1].events) == 1
    assert found[0].behaviors[15, 0] is Behavior.STRIKE
    assert found[0].known
    assert found[2].events == ()


def test_who_bends_down_is_upright_before(kinect: Callable[..., Clip]) -> None:
    clip = kinect(takes=1, label=np.array(["pickup"]))
    with np.load(clip.file) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    upper = slice(0, 12)
    content["xyz"][30:, upper, 1] -= 0.5  # the trunk comes down, and forward
    content["xyz"][30:, upper, 2] -= 0.4
    np.savez(clip.file, **content)
    said = motions(clip)[0].behaviors[:, 0]
    assert set(said[:20]) <= {Behavior.WALK, Behavior.STAND}
    assert set(said[35:]) == {Behavior.BEND}


def test_joints_of_nobody_known_are_refused(
    archive: Callable[..., Path], make_row: Callable[..., Clip]
) -> None:
    clip = make_row(archive([np.zeros((5, 2, 3))], joints=("snout", "tail")))
    with pytest.raises(DataError, match="no known rig: snout, tail"):
        load_motions(clip, "set")


def test_the_bones_beside_the_motions_hold_no_motion(deepmimic: Callable[..., Clip]) -> None:
    clip = deepmimic()
    bones = clip.file.with_name("humanoid3d.txt")
    bones.write_text('{"Skeleton": {}}')
    assert motions(Clip(bones, bones.name, "skeleton", "action", "humanoid3d")) == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("walk", {Behavior.WALK}),
        ("getup_faceup", {Behavior.STAND_UP}),
        ("jump", {Behavior.UNKNOWN}),
    ],
)
def test_words_of_deepmimic(deepmimic: Callable[..., Clip], name: str, said: set[Behavior]) -> None:
    assert set(motions(deepmimic(name))[0].behaviors[:, 0]) == said


def test_a_gait_goes_on_for_longer_than_a_recognizer_looks_back(
    deepmimic: Callable[..., Clip],
) -> None:
    (motion,) = motions(deepmimic("walk", frames=20, speed=1.2))
    assert motion.seconds >= 8.0
    x = motion.joints[:, 0, HIPS, 0].mean(axis=1)
    assert np.allclose(np.diff(x) * motion.fps, 1.2, atol=1e-3), "cycles follow without a jump"


SKELETONS = [source.name for source in SOURCES if source.motions is not None]


@pytest.mark.shared
@pytest.mark.parametrize("name", SKELETONS)
def test_every_real_source_keeps_the_laws(shared_data: Path, name: str) -> None:
    clips = [
        clip
        for clip in read_manifest(shared_data / "MANIFEST.csv")
        if clip.kind == "skeleton" and source_of(clip).name == name
    ]
    if not clips:
        pytest.skip(f"{name} is not in this manifest")
    found = [motion for clip in clips for motion in motions(clip)]
    assert found
    keep_the_laws(tuple(found))
    assert {m.split for m in found} <= {"train", "eval", "holdout"}
    assert any(m.known for m in found)


@pytest.mark.shared
def test_real_walkers_go_where_they_look(shared_data: Path) -> None:
    """In motion capture; a Kinect takes everybody for facing it."""
    for clip in read_manifest(shared_data / "MANIFEST.csv"):
        name = source_of(clip).name
        if clip.kind != "skeleton" or name not in ("cmu_mocap", "deepmimic", "bandai_namco1"):
            continue
        for motion in motions(clip):
            if set(motion.behaviors[:, 0]) != {Behavior.WALK} or "walk-" in motion.name:
                continue
            joints = motion.joints[:, 0].astype(np.float64)
            nose = joints[:, NOSE] - joints[:, [LEFT_EAR, RIGHT_EAR]].mean(axis=1)
            steps = np.diff(joints[:, HIPS].mean(axis=1), axis=0)
            ahead = (steps[:, :2] * nose[1:, :2]).sum()
            if np.linalg.norm(steps[:, :2].sum(axis=0)) > 1.0 and "back" not in motion.name:
                assert ahead > 0, motion.name
