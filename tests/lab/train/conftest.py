"""Hand-made people, so that nothing here needs the sim, a network or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from mizaru.cloud.recognize.finding import Observation
from mizaru.lab.sequence import Label, Sequence
from mizaru.proxy import body
from mizaru.vocabulary import Behavior, Pose, SyncKey

ASPECT = 16 / 9


def _standing() -> np.ndarray:
    """(17, 2) joints of somebody who stands, metres, feet at the origin, y up."""
    hip = body.SHANK + body.THIGH
    shoulder = hip + body.TRUNK
    rows = [(0.02 * k, shoulder + body.NECK) for k in (0, 1, -1, 2, -2)]
    for half, y in (
        (body.SHOULDERS / 2, shoulder),
        (body.SHOULDERS / 2, shoulder - body.UPPER_ARM),
        (body.SHOULDERS / 2, shoulder - body.UPPER_ARM - body.FOREARM),
        (body.HIPS / 2, hip),
        (body.HIPS / 2, body.SHANK),
        (body.HIPS / 2, 0.0),
    ):
        rows += [(half, y), (-half, y)]
    return np.array(rows)


def pose(subject: int, x: float, tip: float, swing: float = 0.0) -> Pose:
    """Somebody at x (image heights) who has tipped over by an angle, radians."""
    joints = _standing()
    joints[9, 0] += swing
    turn = np.array([[np.cos(tip), -np.sin(tip)], [np.sin(tip), np.cos(tip)]])
    xy = joints @ turn.T * 0.3
    columns = np.stack([(x + xy[:, 0]) / ASPECT, 0.9 - xy[:, 1], np.full(17, 0.9)], axis=1)
    return Pose(subject, columns.astype(np.float32))


def film(seconds: float = 12.0, falls_at: float = 6.0, people: int = 2) -> tuple[Observation, ...]:
    """People who go to and fro; the first tips over."""
    out = []
    for n in range(round(seconds * 10)):
        t = n / 10
        poses = []
        for k in range(people):
            tip = np.pi / 2 * np.clip((t - falls_at) / 0.6, 0, 1) if k == 0 else 0.0
            x = 0.5 + 0.7 * k + (0.1 * np.sin(t + k) if tip == 0 else 0.1 * np.sin(falls_at))
            poses.append(pose(k + 1, x, float(tip), 0.2 * np.sin(3 * t + k)))
        out.append(Observation(SyncKey("camera-1", n, n * 100), tuple(poses), ASPECT))
    return tuple(out)


@pytest.fixture
def sequence() -> Callable[..., Sequence]:
    """A sequence of hand-made people with its labels."""

    def make(
        name: str = "film",
        *,
        observations: tuple[Observation, ...] | None = None,
        labels: Iterable[Label] | None = None,
        source: str = "sim",
        licence: str = "Apache-2.0",
        subject: str = "sim:1",
        split: str = "",
    ) -> Sequence:
        said = (
            (
                Label(Behavior.WALK, 0, 6000, 1),
                Label(Behavior.FALL, 6000, 7000, 1, impact_ms=6600),
                Label(Behavior.LIE, 7000, 12000, 1),
                Label(Behavior.WALK, 0, 12000, 2),
            )
            if labels is None
            else tuple(labels)
        )
        return Sequence(
            name=name,
            source=source,
            licence=licence,
            subject=subject,
            room="",
            camera="",
            split=split,
            fps=10.0,
            observations=film() if observations is None else observations,
            labels=said,
        )

    return make
