"""Windows, against a plain reference, and what they must not depend on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mizaru.cloud.recognize.features import (
    CHANNELS,
    CONFIDENCE,
    HOLD_TICKS,
    JOINTS,
    NEAR,
    PATH,
    PLACE,
    PRESENT,
    RELATION,
    SCALE,
    TICKS,
    Figure,
    Window,
)
from mizaru.cloud.recognize.sight import Sight
from mizaru.vocabulary import Pose

Studio = Any
Step = tuple[int, Figure, list[Figure]]


def people(rng: np.random.Generator, count: int) -> list[Figure]:
    figures = []
    for _ in range(count):
        keypoints = rng.random((17, 3)).astype(np.float32)
        keypoints[rng.random(17) < 0.25] = 0.0
        center = (float(rng.random()), float(rng.random()))
        figures.append(Figure.of(Pose(1, keypoints), 16 / 9, center, float(rng.uniform(0.05, 0.6))))
    return figures


def story(rng: np.random.Generator, length: int) -> list[Step]:
    """Ticks with gaps, sometimes the same tick twice."""
    steps, tick = [], 17_000_000
    for _ in range(length):
        tick += int(rng.choice([0, 1, 1, 1, 1, 2, 3, 6, 50]))
        me, *others = people(rng, int(rng.integers(1, 4)))
        steps.append((tick, me, others))
    return steps


def plain_features(steps: list[Step]) -> npt.NDArray[np.float64]:
    """The module's table, tick by tick and channel by channel."""
    out = np.zeros((CHANNELS, TICKS))
    now, newest, _ = steps[-1]
    for place in range(TICKS):
        tick = now - (TICKS - 1 - place)
        found = [step for step in steps if tick - HOLD_TICKS <= step[0] <= tick]
        if not found:
            continue
        at, me, others = found[-1]
        for joint in range(17):
            if me.rho[joint] > 0:
                for axis in (0, 1):
                    gap = float(me.points[joint, axis]) - me.center[axis]
                    out[JOINTS.start + 2 * joint + axis, place] = gap / me.size
        out[CONFIDENCE, place] = me.rho
        for axis in (0, 1):
            out[PATH.start + axis, place] = (me.center[axis] - newest.center[axis]) / newest.size
        out[PRESENT, place] = float(at == tick)
        out[PLACE, place] = me.center[1]
        out[SCALE, place] = math.log2(me.size)
        out[RELATION, place] = plain_relation(me, others)
    return out


def plain_relation(me: Figure, others: list[Figure]) -> list[float]:
    count = (1 + len(others)) / 8
    near = [o for o in others if math.dist(o.center, me.center) <= NEAR * me.size]
    if not near:
        return [0.0] * 10 + [count]
    other = min(near, key=lambda o: math.dist(o.center, me.center))

    def reach(a: Figure, b: Figure) -> list[float]:
        aims = [b.center] + [tuple(b.points[j]) for j in (0, 5, 6) if b.rho[j] > 0]
        return [
            min(NEAR * a.size, *(math.dist(a.points[w], aim) for aim in aims)) / me.size
            if a.rho[w] > 0
            else NEAR * a.size / me.size
            for w in (9, 10)
        ]

    top = [other.points[j] for j in (5, 6) if other.rho[j] > 0]
    low = [other.points[j] for j in (11, 12) if other.rho[j] > 0]
    lean = [0.0, 0.0]
    if top and low:
        x, y = np.mean(top, 0) - np.mean(low, 0)
        lean = [abs(x) / math.hypot(x, y), -y / math.hypot(x, y)]
    x, y = (other.center[axis] - me.center[axis] for axis in (0, 1))
    away = [x / me.size, y / me.size, math.log2(other.size / me.size)]
    return [1.0, *away, *reach(me, other), *reach(other, me), *lean, count]


@pytest.mark.parametrize("seed", range(8))
def test_a_window_is_what_the_plain_reference_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = story(rng, 45)
    window = Window()
    for number, (tick, me, others) in enumerate(steps, 1):
        window.observe(tick * 100, me, others)
        if number in (1, 2, 9, 33, 45):
            found = window.features()
            assert found.shape == (CHANNELS, TICKS)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, plain_features(steps[:number]), atol=2e-5)


def test_nothing_seen_is_nothing() -> None:
    assert not Window().features().any()


def test_distance_and_place_change_only_the_channels_that_say_so(studio: Studio) -> None:
    """Half as large and elsewhere in the picture: the same posture, path and relation."""
    actors = [
        studio.Actor(studio.walk(5.0), subject_id=1, x=-0.5),
        studio.Actor((studio.STANDING,), subject_id=2, x=0.6, yaw=40.0),
    ]
    near = studio.film(actors, seconds=4.0, noise=0.0)
    far = []
    for observation in near:
        poses = []
        for pose in observation.poses:
            keypoints = pose.keypoints.copy()
            keypoints[:, :2] = keypoints[:, :2] * 0.5 + (0.3, 0.1)
            poses.append(Pose(pose.subject_id, keypoints))
        far.append(replace(observation, poses=tuple(poses)))
    same = np.ones(CHANNELS, bool)
    same[[PLACE, SCALE]] = False
    for a, b in zip(windows(near), windows(far), strict=True):
        np.testing.assert_allclose(a[same], b[same], atol=1e-3)
        seen = a[CONFIDENCE].any(0)
        np.testing.assert_allclose(a[SCALE, seen] - b[SCALE, seen], 1.0, atol=1e-3)


def windows(observations: list[Any]) -> list[npt.NDArray[np.float32]]:
    sight = Sight()
    last = [sight.observe(observation) for observation in observations][-1]
    found = [one.window.features() for one in last if one.window is not None]
    assert len(found) == 2
    return found
