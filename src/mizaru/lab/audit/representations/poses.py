"""Poses: as perception finds them, and as they leave the darkroom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mizaru.lab.audit.contract import Medium, Visit
from mizaru.vocabulary import Pose

Shown = npt.NDArray[np.float32]

HEAD_ROW = 17


@dataclass(frozen=True, slots=True)
class RawSkeleton:
    """The keypoints of the pose model with its metres: what pose-only systems send.

    The control of attacks on poses: limb lengths identify (arXiv 2111.15129).
    """

    name: str = "raw_skeleton"
    words: str = "keypoints as the pose model finds them, limb lengths and all"
    medium: Medium = Medium.POSES
    control: bool = True

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, 17, 6): x, y in picture heights, ρ, then metres."""
        ticks = len(visit.behaviors)
        shown = np.full((ticks, 17, 6), np.nan, np.float32)
        shown[..., :3] = visit.keypoints
        shown[..., :2] /= visit.resolution_wh[1]
        if visit.world is not None:
            shown[..., 3:] = visit.world
        return shown


@dataclass(frozen=True, slots=True)
class RetargetedSkeleton:
    """Poses on the canonical body, packed: Ω of proxy mode without its plate."""

    name: str = "retargeted_skeleton"
    words: str = "poses as they leave: one canonical body, coarse scale, 10 bit"
    medium: Medium = Medium.POSES
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, 18, 3), see `released`."""
        return released(visit.poses, visit.resolution_wh)


def released(poses: tuple[Pose | None, ...], resolution_wh: tuple[int, int]) -> Shown:
    """Shape (T, 18, 3): x, y in picture heights and ρ, then yaw, pitch, roll in half turns; NaN
    where a keypoint or the head was not seen."""
    shown = np.full((len(poses), 18, 3), np.nan, np.float32)
    for tick, pose in enumerate(poses):
        if pose is None:
            continue
        points = pose.keypoints.copy()
        points[:, 0] *= resolution_wh[0] / resolution_wh[1]
        points[pose.keypoints[:, 2] == 0] = np.nan
        shown[tick, :HEAD_ROW] = points
        if pose.head is not None:
            angles = (pose.head.yaw, pose.head.pitch, pose.head.roll)
            shown[tick, HEAD_ROW] = np.array(angles, np.float32) / 180
    return shown
