"""The same sequence as another camera would have sent it: mirrored, or with gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from mizaru.cloud.recognize.finding import Observation
from mizaru.lab.sequence import Sequence
from mizaru.vocabulary import HeadOrientation, Pose
from mizaru.wire.messages import GRID_MS

_SWAPPED: Final = np.array((0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15))


def mirror(sequence: Sequence) -> Sequence:
    """Left for right; ids and labels stay."""
    return replace(
        sequence,
        observations=tuple(
            Observation(each.key, tuple(map(_mirror, each.poses)), each.aspect)
            for each in sequence.observations
        ),
    )


def _mirror(pose: Pose) -> Pose:
    keypoints = pose.keypoints[_SWAPPED].copy()
    keypoints[:, 0] = np.where(keypoints[:, 2] > 0, 1.0 - keypoints[:, 0], 0.0)
    head = pose.head
    if head is not None:
        head = HeadOrientation(-head.yaw, head.pitch, -head.roll)
    return Pose(pose.subject_id, keypoints, head)


def thin(
    sequence: Sequence, rng: np.random.Generator, *, lost: float = 0.1, slow: float = 0.3
) -> Sequence:
    """Some observations get lost on the way.

    Args:
        lost: largest share of observations that is lost; how many is drawn.
        slow: chance that only every second tick is sent, as with more than four people.
    """
    share = lost * rng.random()
    every = 2 * GRID_MS if rng.random() < slow else GRID_MS
    kept = tuple(
        each
        for each in sequence.observations
        if each.key.t_ms % every == 0 and rng.random() >= share
    )
    return replace(sequence, observations=kept)
