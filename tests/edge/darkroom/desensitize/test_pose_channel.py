"""Laws of the pose channel: off it does nothing, on it hides what it says it hides."""

from __future__ import annotations

import numpy as np
import pytest

from mizaru.edge.darkroom.desensitize.pose_channel import PoseChannel
from mizaru.edge.settings import PoseChannelSettings
from mizaru.proxy import body
from mizaru.vocabulary import HeadOrientation, Pose

ASPECT = 16 / 9
SCALE = 0.3  # heights of the picture a metre
BODY = SCALE * body.STATURE


def pose(subject_id=1, swing=0.0, at=(0.5, 0.5)):
    """Standing, facing the camera; the left wrist `swing` metres to the side."""
    metres = np.zeros((17, 2))
    for side, sign in ((0, 1), (1, -1)):
        metres[5 + side] = (sign * body.SHOULDERS / 2, -body.TRUNK)
        metres[11 + side] = (sign * body.HIPS / 2, 0)
        metres[7 + side] = metres[5 + side] + (0, body.UPPER_ARM)
        metres[9 + side] = metres[7 + side] + (0, body.FOREARM)
        metres[13 + side] = metres[11 + side] + (0, body.THIGH)
        metres[15 + side] = metres[13 + side] + (0, body.SHANK)
    metres[:5] = np.array(body.HEAD_POINTS)[:, :2] * body.STATURE - (0, body.TRUNK + body.NECK)
    metres[9, 0] += swing
    keypoints = np.ones((17, 3), np.float32)
    keypoints[:, :2] = np.array(at) + metres * SCALE / (ASPECT, 1.0)
    return Pose(subject_id, keypoints, HeadOrientation(0, 0, 0))


def channel(seed=0, **settings):
    return PoseChannel(PoseChannelSettings(**settings), np.random.default_rng(seed))


def run(channel, poses, grid_ms=100):
    return [channel.apply(one, k * grid_ms, ASPECT) for k, one in enumerate(poses)]


def offsets(shown, true):
    """(T, 17, 2) in heights of the body."""
    moved = np.stack(
        [a.keypoints[:, :2] - b.keypoints[:, :2] for a, b in zip(shown, true, strict=True)]
    )
    return moved * (ASPECT, 1.0) / BODY


def test_off_means_the_very_same_poses():
    poses = [pose(swing=0.1 * k) for k in range(5)]
    assert all(a is b for a, b in zip(run(channel(), poses), poses, strict=True))


def test_the_same_seed_gives_the_same_poses_and_another_seed_others():
    poses = [pose() for _ in range(5)]
    one, same, other = (run(channel(seed, jitter=0.02), poses) for seed in (1, 1, 2))
    assert all(np.array_equal(a.keypoints, b.keypoints) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0].keypoints, other[0].keypoints)


def test_jitter_has_the_sigma_it_is_given_and_a_share_of_it_never_averages_away():
    poses = [pose() for _ in range(400)]
    for sticky in (0.0, 0.5, 1.0):
        means, spreads = [], []
        for seed in range(12):
            moved = offsets(run(channel(seed, jitter=0.02, sticky=sticky), poses), poses)[:, 5:]
            means.append(moved.mean(axis=0))
            spreads.append(moved.std(axis=0))
        kept, fresh = np.mean(np.square(means)), np.mean(np.square(spreads))
        # h is drawn on steps of 19 %, so σ is known to 10 %.
        assert kept + fresh == pytest.approx(0.02**2, rel=0.35)
        assert kept / (kept + fresh) == pytest.approx(sticky, abs=0.08)


def test_the_head_stays_a_head():
    (shown,) = run(channel(jitter=0.05), [pose()])
    moved = offsets([shown], [pose()])[0, :5]
    assert np.allclose(moved, moved[0], atol=1e-4)


def test_positions_sit_on_one_grid_while_the_body_moves():
    poses = [pose(at=(0.5, 0.4 + 0.007 * k)) for k in range(20)]
    shown = run(channel(step=0.04), poses)
    y = np.unique(np.stack([one.keypoints[:, 1] for one in shown]))
    steps = np.diff(y)[np.diff(y) > 1e-5]
    # h is drawn on steps of 19 %.
    assert steps.min() == pytest.approx(0.04 * BODY, rel=0.1)
    assert np.allclose(steps / steps.min(), np.round(steps / steps.min()), atol=1e-3)
    assert np.abs(offsets(shown, poses)).max() <= 0.6 * 0.04


def test_a_held_pose_is_repeated():
    shown = run(channel(hold_ms=300), [pose(swing=0.1 * k) for k in range(9)])
    x = [float(one.keypoints[9, 0]) for one in shown]
    assert x == [x[0]] * 3 + [x[3]] * 3 + [x[6]] * 3
    assert x[0] != x[3] != x[6]


def test_smoothing_lags_by_its_time_constant():
    shown = run(channel(smooth_s=0.5), [pose()] + [pose(swing=0.4)] * 5)
    wrist = np.array([one.keypoints[9, 0] for one in shown])
    share = (wrist[5] - wrist[0]) / (pose(swing=0.4).keypoints[9, 0] - wrist[0])
    assert share == pytest.approx(1 - np.exp(-1), abs=1e-3)


def test_what_is_not_seen_stays_so_and_comes_back_where_it_is():
    poses = [pose() for _ in range(4)]
    poses[1].keypoints[9] = 0
    shown = run(channel(smooth_s=1.0, step=0.02, jitter=0.01), poses)
    assert (shown[1].keypoints[9] == 0).all()
    assert shown[2].keypoints[9, 2] == 1
    assert np.isfinite(shown[2].keypoints).all()


def test_nobody_can_leave_the_wires_range():
    poses = [pose(at=(1.2, 1.2)) for _ in range(20)]
    shown = np.stack([one.keypoints for one in run(channel(jitter=0.25), poses)])
    assert shown[..., :2].max() <= 1.25


def test_tracks_have_their_own_noise_and_a_forgotten_one_gets_new():
    one = channel(jitter=0.02, sticky=1.0)
    first, second = one.apply(pose(1), 0), one.apply(pose(2), 0)
    assert not np.array_equal(first.keypoints, second.keypoints)
    one.forget_all_but({2})
    assert np.array_equal(one.apply(pose(2), 100).keypoints, second.keypoints)
    assert not np.array_equal(one.apply(pose(1), 100).keypoints, first.keypoints)
