"""A motion becomes exactly what would have crossed the wall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mizaru.lab.motion import Event, Motion
from mizaru.lab.seeing import DEFAULT, NONE, Eye, Flaws, look, mirror, thin
from mizaru.lab.sequence import Sequence
from mizaru.proxy import body
from mizaru.vocabulary import Behavior
from mizaru.wire.codec import COORDINATE_STEPS, U_MAX, U_MIN, pack_pose, unpack_pose
from mizaru.wire.messages import GRID_MS, MAX_POSES_PER_SEGMENT, SEGMENT_MS

_FPS = 25.0
_HIP = body.THIGH + body.SHANK + 0.06
_EYE = Eye.at((0.0, -4.0, 1.5), (0.0, 0.0, 0.9), fov_deg=65.0)


def _figure(*, tilt: float = 0.0, stride: float = 0.0) -> np.ndarray:
    """Joints (17, 3) of the canonical body that looks against y, its feet at the origin; it
    falls to its right by `tilt`, radians, about its feet."""
    joints = np.zeros((17, 3))
    chest = _HIP + body.TRUNK
    head = np.array(body.HEAD_POINTS) * body.STATURE
    joints[:5] = np.column_stack([head[:, 0], head[:, 2], chest + body.NECK - head[:, 1]])
    for left, right, half, height in (
        (5, 6, body.SHOULDERS / 2, chest),
        (7, 8, body.SHOULDERS / 2 + 0.03, chest - body.UPPER_ARM),
        (9, 10, body.SHOULDERS / 2 + 0.03, chest - body.UPPER_ARM - body.FOREARM),
        (11, 12, body.HIPS / 2, _HIP),
        (13, 14, body.HIPS / 2, _HIP - body.THIGH),
        (15, 16, body.HIPS / 2, 0.06),
    ):
        joints[left], joints[right] = (half, 0.0, height), (-half, 0.0, height)
    joints[[13, 15], 1] -= (stride / 2, stride)
    joints[[14, 16], 1] += (stride / 2, stride)
    turn = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    return np.asarray(joints @ turn.T)


def _motion(joints: np.ndarray, behaviors: list[list[Behavior]], *events: Event) -> Motion:
    people = joints.shape[1]
    return Motion(
        name="by hand",
        source="test",
        licence="Apache-2.0",
        fps=_FPS,
        joints=joints.astype(np.float32),
        behaviors=np.array(behaviors, dtype=object).reshape(len(joints), people),
        events=events,
        people=tuple(f"test:{k}" for k in range(people)),
    )


def _standing(seconds: float = 4.0, people: int = 1) -> Motion:
    frames = round(seconds * _FPS)
    row = np.arange(people) * 1.2 - 0.6 * (people - 1)
    joints = np.stack([_figure() + np.array((x, 0.0, 0.0)) for x in row])
    return _motion(np.tile(joints, (frames, 1, 1, 1)), [[Behavior.STAND] * people] * frames)


def _falling() -> Motion:
    """Walks for 3 s, falls from 3 to 4 s, lies until 8 s."""
    frames = []
    words = []
    for frame in range(round(8 * _FPS)):
        now = frame / _FPS
        tilt = float(np.clip(now - 3.0, 0.0, 1.0)) ** 2 * np.pi / 2
        stride = 0.25 * np.sin(6.0 * now) if now < 3 else 0.0
        shift = (min(now, 3.0) * 0.8 - 2.0, 0.0, 0.0)
        frames.append(_figure(tilt=tilt, stride=stride) + shift)
        words.append([Behavior.WALK if now < 3 else Behavior.FALL if now < 4 else Behavior.LIE])
    fall = Event(Behavior.FALL, 0, 3.0, 4.2, impact_s=4.0)
    return _motion(np.array(frames)[:, None], words, fall)


def _quarrel() -> Motion:
    """Two people face to face; the first strikes the second from 2 to 2.6 s."""
    still = _standing(5.0, 2)
    words = still.behaviors.copy()
    words[50:65, 0] = Behavior.STRIKE
    return replace(still, behaviors=words, events=(Event(Behavior.STRIKE, 0, 2.0, 2.6, other=1),))


def _ids(sequence: Sequence) -> set[int]:
    return {pose.subject_id for each in sequence.observations for pose in each.poses}


def _numbers(sequence: Sequence) -> list[tuple[int, int, bytes]]:
    return [
        (each.key.t_ms, pose.subject_id, pose.keypoints.tobytes())
        for each in sequence.observations
        for pose in each.poses
    ]


_CROWD = Flaws(swaps=3.0, doubles=0.3, breaks_falling=5.0, lingers=1.0, phantoms=1.0, misses=0.5)


def test_a_pinhole_does_what_its_formula_says() -> None:
    eye = Eye.at((1.0, -3.0, 2.0), (0.5, 1.0, 0.5), fov_deg=80.0, aspect=16 / 9, roll_deg=5.0)
    points = np.random.default_rng(1).uniform(-1, 1, (40, 3))
    fast = eye.project(eye.look(points))
    width, height = eye.resolution_wh
    for point, (x, y) in zip(points, fast, strict=True):
        right, down, away = (float(axis @ (point - eye.place)) for axis in eye.axes)
        focal_px = (width / 2) / np.tan(np.radians(40.0))
        assert x == pytest.approx(width / 2 + focal_px * right / away, abs=0.6)
        assert y == pytest.approx(height / 2 + focal_px * down / away, abs=0.6)
    middle = eye.project(eye.look(np.array([0.5, 1.0, 0.5])))
    assert middle == pytest.approx((width / 2, height / 2), abs=0.6)


def test_some_cameras_hang_beside_people_and_see_them_in_part() -> None:
    motion = _standing(1.0)
    rng = np.random.default_rng(0)
    cut = large = 0
    for _ in range(300):
        eye = Eye.draw(rng, motion)
        pixels = eye.project(eye.look(motion.joints[0, 0])) / eye.resolution_wh
        inside = ((pixels >= 0) & (pixels <= 1)).all(axis=1)
        cut += bool(inside[[11, 12]].all() and not inside[[15, 16]].any())
        large += bool(np.ptp(pixels[:, 1]) > 0.8)
    assert 0.1 < cut / 300 < 0.5
    assert 0.1 < large / 300 < 0.5


def test_what_is_behind_the_camera_is_not_in_its_picture() -> None:
    assert np.isnan(_EYE.project(_EYE.look(np.array([0.0, -6.0, 1.0])))).all()


def test_without_flaws_the_canonical_body_is_where_it_is() -> None:
    sequence = look(_standing(), rng=np.random.default_rng(0), eye=_EYE, flaws=NONE, fps=20.0)
    width, height = _EYE.resolution_wh
    truth = _EYE.project(_EYE.look(_figure())) / (width, height)
    step = (U_MAX - U_MIN) / COORDINATE_STEPS
    assert len(sequence.observations) == 40
    for each in sequence.observations:
        (pose,) = each.poses
        assert (pose.keypoints[:, 2] == 1).all()
        # The mannequin's scale has steps of 19 %: feet are where they are, the rest is not far.
        assert pose.keypoints[15:, :2] == pytest.approx(truth[15:], abs=3 * step)
        assert pose.keypoints[5:, :2] == pytest.approx(truth[5:], abs=0.06)
        assert pose.head is not None
        assert (pose.head.yaw, pose.head.roll) == (0.0, 0.0)


def test_without_flaws_a_body_of_the_scale_of_a_step_is_exact() -> None:
    away = _EYE.focal * _EYE.height_px / 2.0**7  # 128 pixels per metre is a whole step
    eye = replace(_EYE, place=np.array([0.0, -away, 0.9]), axes=Eye.at((0, -1, 0), (0, 0, 0)).axes)
    sequence = look(_standing(), rng=np.random.default_rng(0), eye=eye, flaws=NONE, fps=20.0)
    width, height = eye.resolution_wh
    truth = eye.project(eye.look(_figure())) / (width, height)
    step = (U_MAX - U_MIN) / COORDINATE_STEPS
    for each in sequence.observations:
        assert each.poses[0].keypoints[5:, :2] == pytest.approx(truth[5:], abs=2 * step)


@pytest.mark.parametrize("flaws", [DEFAULT, _CROWD, NONE])
@pytest.mark.parametrize("motion", [_falling(), _quarrel()], ids=["fall", "quarrel"])
def test_what_comes_out_is_what_the_wire_allows(motion: Motion, flaws: Flaws) -> None:
    for seed in range(2):
        sequence = look(motion, rng=np.random.default_rng(seed), flaws=flaws)
        ticks = [each.key.t_ms for each in sequence.observations]
        assert ticks == sorted(set(ticks))
        assert all(tick % GRID_MS == 0 for tick in ticks)
        used: dict[int, int] = {}
        for each in sequence.observations:
            window = each.key.t_ms // SEGMENT_MS
            used[window] = used.get(window, 0) + len(each.poses)
            for pose in each.poses:
                again = unpack_pose(pack_pose(pose))
                assert np.array_equal(again.keypoints, pose.keypoints)
                assert again.head == pose.head
            assert len({pose.subject_id for pose in each.poses}) == len(each.poses)
        assert max(used.values()) <= MAX_POSES_PER_SEGMENT


@pytest.mark.parametrize("flaws", [DEFAULT, _CROWD])
@pytest.mark.parametrize("motion", [_falling(), _quarrel()], ids=["fall", "quarrel"])
def test_labels_are_of_subjects_that_exist_and_one_at_a_time(motion: Motion, flaws: Flaws) -> None:
    for seed in range(2):
        sequence = look(motion, rng=np.random.default_rng(seed), eye=_EYE, flaws=flaws)
        ids = _ids(sequence)
        said = [label.subject_id for label in sequence.labels]
        said += [label.other_id for label in sequence.labels if label.other_id is not None]
        assert ids.issuperset(said)
        for subject_id in ids:
            runs = [
                (label.start_ms, label.end_ms)
                for label in sequence.labels
                if label.subject_id == subject_id and label.behavior is not Behavior.FALL
            ]
            for (_, end), (start, _) in zip(sorted(runs), sorted(runs)[1:], strict=False):
                assert start >= end - GRID_MS  # a blow's own times are finer than the grid


def test_the_same_seed_sees_the_same_and_another_does_not() -> None:
    def once(seed: int) -> Sequence:
        return look(_falling(), rng=np.random.default_rng(seed))

    assert _numbers(once(1)) == _numbers(once(1))
    assert once(1).labels == once(1).labels
    assert _numbers(once(1)) != _numbers(once(2))


def test_a_fall_is_told_with_its_impact_under_every_id_of_it() -> None:
    flaws = replace(NONE, breaks_falling=3.0, moves=1.5)
    sequence = look(_falling(), rng=np.random.default_rng(3), eye=_EYE, flaws=flaws, fps=25.0)
    falls = [label for label in sequence.labels if label.behavior is Behavior.FALL]
    assert len(falls) == len(_ids(sequence)) > 1
    assert {(fall.start_ms, fall.impact_ms) for fall in falls} == {(3000, 4000)}


def test_whoever_lies_is_lower_than_whoever_walks() -> None:
    sequence = look(_falling(), rng=np.random.default_rng(0), eye=_EYE, flaws=NONE, fps=25.0)
    heights = {
        each.key.t_ms: float(np.ptp(pose.keypoints[5:, 1]))
        for each in sequence.observations
        for pose in each.poses
    }
    assert heights[7000] < 0.5 * heights[2000]
    words = [label.behavior for label in sequence.labels]
    assert words == [Behavior.WALK, Behavior.FALL, Behavior.LIE]


def test_a_blow_says_to_whom() -> None:
    sequence = look(_quarrel(), rng=np.random.default_rng(0), eye=_EYE, flaws=NONE, fps=25.0)
    (blow,) = (label for label in sequence.labels if label.behavior is Behavior.STRIKE)
    assert (blow.start_ms, blow.end_ms) == (2000, 2600)
    assert {blow.subject_id, blow.other_id} == _ids(sequence)


def test_where_little_is_known_only_events_are_told() -> None:
    motion = _falling()
    words = np.full_like(motion.behaviors, Behavior.UNKNOWN)
    motion = replace(motion, behaviors=words, known=False)
    sequence = look(motion, rng=np.random.default_rng(0), eye=_EYE, flaws=NONE)
    assert {label.behavior for label in sequence.labels} == {Behavior.FALL}


def test_in_an_empty_room_there_are_only_phantoms() -> None:
    motion = _standing()
    empty = replace(motion, joints=np.full_like(motion.joints, np.nan))
    nobody = replace(DEFAULT, phantoms=0.0)
    sequence = look(empty, rng=np.random.default_rng(0), flaws=nobody)
    assert sequence.observations
    assert not any(each.poses for each in sequence.observations)
    assert not sequence.labels
    haunted = look(empty, rng=np.random.default_rng(0), flaws=replace(DEFAULT, phantoms=1.0))
    assert any(each.poses for each in haunted.observations)
    assert not haunted.labels


def test_more_than_four_people_come_every_second_tick() -> None:
    eye = Eye.at((0.0, -8.0, 2.0), (0.0, 0.0, 0.9), fov_deg=80.0)
    sequence = look(_standing(4.0, 6), rng=np.random.default_rng(0), eye=eye, flaws=NONE, fps=30.0)
    full = [each for each in sequence.observations if len(each.poses) == 6]
    assert len(full) > 10
    assert all(each.key.t_ms % (2 * GRID_MS) == 0 for each in full)


def test_whoever_is_nearer_comes_last() -> None:
    motion = _standing(4.0, 2)
    joints = motion.joints.copy()
    joints[:, 0] += (0.6, 2.0, 0.0)  # behind the other
    motion = replace(motion, joints=joints)
    sequence = look(motion, rng=np.random.default_rng(0), eye=_EYE, flaws=NONE, fps=20.0)
    feet = [
        [float(pose.keypoints[15:, 1].mean()) for pose in each.poses]
        for each in sequence.observations
        if len(each.poses) == 2
    ]
    assert len(feet) > 20
    assert all(far < near for far, near in feet)


def test_flaws_move_joints_and_lying_people_more() -> None:
    def trembling(flaws: Flaws, start: int, end: int) -> float:
        tracks = []
        for seed in range(3):
            sequence = look(
                _falling(), rng=np.random.default_rng(seed), eye=_EYE, flaws=flaws, fps=20.0
            )
            rows = [
                each.poses[0].keypoints[5:, :2]
                for each in sequence.observations
                if each.poses and start <= each.key.t_ms < end
            ]
            tracks.append(np.abs(np.diff(rows, axis=0)).mean())
        return float(np.mean(tracks))

    only_jitter = replace(NONE, still=1.0, jitter_m=0.03, lying_gain=2.0)
    assert trembling(only_jitter, 5000, 8000) > 5 * trembling(NONE, 5000, 8000)
    everywhere = trembling(replace(only_jitter, lying_gain=0.0), 5000, 8000)
    assert trembling(only_jitter, 5000, 8000) > 1.4 * everywhere


def test_flaws_refuse_negative_rates() -> None:
    with pytest.raises(ValueError, match="misses must not be negative"):
        Flaws(misses=-1.0)


def test_a_mirror_twice_is_nothing_and_once_moves_the_left_hand() -> None:
    sequence = look(_quarrel(), rng=np.random.default_rng(0), eye=_EYE)
    once = mirror(sequence)
    again = mirror(once)
    assert once.labels == sequence.labels
    for a, b, c in zip(sequence.observations, once.observations, again.observations, strict=True):
        for before, flipped, back in zip(a.poses, b.poses, c.poses, strict=True):
            assert back.keypoints == pytest.approx(before.keypoints, abs=1e-6)
            assert back.head == before.head
            if before.keypoints[9, 2] > 0:
                assert flipped.keypoints[10, 0] == pytest.approx(1 - before.keypoints[9, 0])


def test_thinning_drops_whole_observations_only() -> None:
    sequence = look(_falling(), rng=np.random.default_rng(0), eye=_EYE)
    thinned = thin(sequence, np.random.default_rng(1), lost=0.5, slow=1.0)
    assert set(thinned.observations) < set(sequence.observations)
    assert all(each.key.t_ms % (2 * GRID_MS) == 0 for each in thinned.observations)
    assert thinned.labels == sequence.labels
