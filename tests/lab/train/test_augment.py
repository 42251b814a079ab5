from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mizaru.cloud.recognize.features import (
    CONFIDENCE,
    JOINTS,
    PATH,
    PRESENT,
    RELATION,
    SCALE,
    TICKS,
)
from mizaru.cloud.recognize.finding import Observation
from mizaru.lab.sequence import Sequence
from mizaru.lab.train import augment
from mizaru.lab.train.recipe import AugmentSettings
from mizaru.lab.train.windows import windows_of
from mizaru.vocabulary import Pose

Make = Callable[..., Sequence]


@pytest.fixture
def windows(sequence: Make) -> np.ndarray:
    return windows_of(sequence()).x.astype(np.float32)


def test_the_mirror_shows_what_a_mirrored_camera_sees(sequence: Make) -> None:
    made = sequence()

    def flipped(observation: Observation) -> Observation:
        poses = []
        for pose in observation.poses:
            joints = pose.keypoints[augment._SWAPPED] * np.array((-1, 1, 1), np.float32)
            poses.append(Pose(pose.subject_id, joints + np.array((1, 0, 0), np.float32)))
        return replace(observation, poses=tuple(poses))

    seen = windows_of(sequence(observations=tuple(map(flipped, made.observations)))).x
    ours = augment.mirror(windows_of(made).x.astype(np.float32))
    assert np.allclose(ours, seen.astype(np.float32), atol=2e-3)
    assert np.array_equal(augment.mirror(augment.mirror(ours)), ours)


def test_lost_frames_look_as_if_they_had_been_lost(sequence: Make) -> None:
    made = sequence()
    rng = np.random.default_rng(0)
    kept = rng.random(len(made.observations)) < 0.6
    kept[-1] = True
    fewer = tuple(o for o, keep in zip(made.observations, kept, strict=True) if keep)
    seen = windows_of(sequence(observations=fewer))
    whole = windows_of(made)
    last = whole.rows["t_ms"] == made.observations[-1].key.t_ms
    lost = np.repeat(~kept[None, -TICKS:], last.sum(), axis=0)
    ours = augment.lose_frames(whole.x[last].astype(np.float32), lost)
    wanted = seen.x[seen.rows["t_ms"] == made.observations[-1].key.t_ms].astype(np.float32)
    # The body's size is learnt from all frames, so that lengths may differ by a little.
    assert np.array_equal(ours[:, PRESENT], wanted[:, PRESENT])
    assert np.array_equal(ours[:, CONFIDENCE], wanted[:, CONFIDENCE])
    assert np.allclose(ours, wanted, atol=0.02)


def test_a_cut_leaves_only_the_end(windows: np.ndarray) -> None:
    out = augment.cut(windows, np.full(len(windows), 20))
    assert not out[:, :, :20].any()
    assert np.array_equal(out[:, :, 20:], windows[:, :, 20:])


def test_a_misjudged_height_changes_all_lengths_alike(windows: np.ndarray) -> None:
    factor = np.full(len(windows), 1.25, np.float32)
    out = augment.misjudge(windows, factor)
    assert np.allclose(out[:, JOINTS] * 1.25, windows[:, JOINTS], atol=1e-5)
    assert np.allclose(out[:, PATH] * 1.25, windows[:, PATH], atol=1e-5)
    full = windows[:, PRESENT] > 0
    assert np.allclose((out - windows)[:, SCALE][full], np.log2(1.25), atol=1e-5)
    back = augment.misjudge(out, 1 / factor)
    assert np.allclose(back, windows, atol=1e-5)


def test_alone_means_nobody_else(windows: np.ndarray) -> None:
    out = augment.leave_alone(windows)
    newest = out[:, RELATION, -1]
    assert not newest[:, :-1].any()
    assert np.allclose(newest[:, -1], 1 / 8)
    assert np.array_equal(out[:, : RELATION.start], windows[:, : RELATION.start])


def test_time_runs_slower_and_keeps_the_newest(windows: np.ndarray) -> None:
    out = augment.stretch(windows, np.full(len(windows), 1.25, np.float32))
    assert np.array_equal(out[:, :, -1], windows[:, :, -1])
    assert np.array_equal(out[:, :, -6], windows[:, :, -5])
    faster = augment.stretch(windows, np.full(len(windows), 0.8, np.float32))
    assert not faster[:, :, 0].any()


def test_a_leaning_camera_keeps_distances(windows: np.ndarray) -> None:
    out = augment.roll(windows, np.full(len(windows), 0.3))
    assert np.allclose(
        np.hypot(out[:, 0], out[:, 1]), np.hypot(windows[:, 0], windows[:, 1]), atol=1e-5
    )


def test_the_newest_tick_is_always_seen_and_nothing_is_written_into_the_input(
    windows: np.ndarray,
) -> None:
    before = windows.copy()
    settings = AugmentSettings(half_rate=1.0, frames_lost=1.0, cut=1.0, joints_lost=1.0, alone=1.0)
    out = augment.augment(windows, settings, np.random.default_rng(0))
    assert np.array_equal(windows, before)
    assert (out[:, PRESENT, -1] == 1).all()
    assert np.isfinite(out).all()
    assert not out[:, PRESENT, -2].any()
    again = augment.augment(windows, settings, np.random.default_rng(0))
    assert np.array_equal(out, again)


def test_nothing_allowed_changes_nothing(windows: np.ndarray) -> None:
    nothing = AugmentSettings(
        mirror=0, joints_lost=0, frames_lost=0, half_rate=0, cut=0, alone=0, stretch=1, scale=1,
        roll=0, jitter=0,
    )  # fmt: skip
    out = augment.augment(windows, nothing, np.random.default_rng(0))
    assert np.array_equal(out, windows)
