"""One pose in plain numbers: joints, lean, height above the feet, and its scale.

Lengths are in image heights (x = u · aspect, y = v), so that angles are true; only
`mizaru.cloud.recognize.subject` knows how many of them one body height is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from mizaru.proxy import body as canonical
from mizaru.vocabulary import Pose

Point = tuple[float, float]

TORSO: Final = canonical.TRUNK / canonical.STATURE
THIGH: Final = canonical.THIGH / canonical.STATURE
SHANK: Final = canonical.SHANK / canonical.STATURE
"""Lengths of the canonical body that every pose was retargeted to, body heights."""

_HEAD: Final = (0, 1, 2, 3, 4)
_SHOULDERS, _WRISTS, _HIPS, _KNEES, _ANKLES = (5, 6), (9, 10), (11, 12), (13, 14), (15, 16)


@dataclass(frozen=True, slots=True)
class Body:
    """One pose. Points are (x, y), y downwards, in image heights; None: not seen.

    Attributes:
        t_ms: camera clock.
        head, shoulders, hips, knees, ankles: middle of what is seen of each.
        wrists: left and right.
        stride: from the left ankle to the right; None unless both are seen.
        left, right: x of the outermost joints.
        top, bottom: y of the highest and of the lowest joint.
        center: middle of the torso, or the best that is seen of it.
        ground: where the body touches the floor.
        size: body height as its longest limbs show it, image heights; 0.0: cannot tell.
        tilt: lean of the torso from upright, degrees [0, 180]; None: cannot tell.
        torso: length of the torso as seen, image heights; 0.0: cannot tell.
        legs: how far the ankles are below the hips, image heights; None: cannot tell.
        thighs: how far the knees are below the hips, image heights; None: cannot tell.
        margin: from the middle of the torso to the nearer side of the picture, fraction of its
            width; negative outside.
        quality: mean confidence ρ of shoulders, hips, knees and ankles, [0, 1].
        clarity: mean confidence ρ of all that is seen, (0, 1].
    """

    t_ms: int
    head: Point | None
    shoulders: Point | None
    hips: Point | None
    knees: Point | None
    ankles: Point | None
    wrists: tuple[Point | None, Point | None]
    stride: Point | None
    left: float
    right: float
    top: float
    bottom: float
    center: Point
    ground: Point
    size: float
    tilt: float | None
    torso: float
    legs: float | None
    thighs: float | None
    margin: float
    quality: float
    clarity: float

    @property
    def upper(self) -> float | None:
        """y of the middle of head and shoulders, or of the one that is seen."""
        if self.shoulders and self.head:
            return (self.shoulders[1] + self.head[1]) / 2.0
        point = self.shoulders or self.head
        return point[1] if point else None


def measure(pose: Pose, aspect: float, t_ms: int) -> Body | None:
    """Read a pose; None if no joint of it is seen.

    Args:
        pose: keypoints of shape (17, 3), `COCO17`.
        aspect: image width / height.
        t_ms: camera clock.
    """
    joints: list[Point | None] = [
        (u * aspect, v) if confidence > 0.0 else None
        for u, v, confidence in pose.keypoints.tolist()
    ]
    seen = [joint for joint in joints if joint]
    if not seen:
        return None
    head = _mean([joints[i] for i in _HEAD])
    shoulders, hips = _pair(joints, _SHOULDERS), _pair(joints, _HIPS)
    knees, ankles = _pair(joints, _KNEES), _pair(joints, _ANKLES)
    xs, ys = [x for x, _ in seen], [y for _, y in seen]
    top, bottom = min(ys), max(ys)

    limbs = []
    for side in (0, 1):
        hip, knee, ankle = joints[_HIPS[side]], joints[_KNEES[side]], joints[_ANKLES[side]]
        if hip and knee:
            limbs.append(math.dist(hip, knee) / THIGH)
        if knee and ankle:
            limbs.append(math.dist(knee, ankle) / SHANK)
    torso, tilt = 0.0, None
    if shoulders and hips:
        torso = math.dist(shoulders, hips)
        limbs.append(torso / TORSO)
        upper = _middle(shoulders, head) if head else shoulders
        if torso > 0.0:
            tilt = math.degrees(math.atan2(abs(upper[0] - hips[0]), hips[1] - upper[1]))
    limbs.sort()

    center = _middle(shoulders, hips) if shoulders and hips else hips or shoulders or seen[0]
    u = center[0] / aspect
    anchor = ankles if ankles and hips and ankles[1] > hips[1] else hips
    x = anchor[0] if anchor else sum(xs) / len(xs)
    rho = pose.keypoints[:, 2].tolist()
    core = rho[5:7] + rho[11:17]
    return Body(
        t_ms=t_ms,
        head=head,
        shoulders=shoulders,
        hips=hips,
        knees=knees,
        ankles=ankles,
        wrists=(joints[_WRISTS[0]], joints[_WRISTS[1]]),
        stride=_from_to(joints[_ANKLES[0]], joints[_ANKLES[1]]),
        left=min(xs),
        right=max(xs),
        top=top,
        bottom=bottom,
        center=center,
        ground=(x, bottom),
        # The second longest: one limb that the perception drew too long does not count.
        size=limbs[-2] if len(limbs) > 1 else limbs[0] if limbs else 0.0,
        tilt=tilt,
        torso=torso,
        legs=ankles[1] - hips[1] if ankles and hips else None,
        thighs=knees[1] - hips[1] if knees and hips else None,
        margin=min(u, 1.0 - u),
        quality=sum(core) / len(core),
        clarity=sum(rho) / len(seen),
    )


def _middle(a: Point, b: Point) -> Point:
    return (a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0


def _from_to(a: Point | None, b: Point | None) -> Point | None:
    return (b[0] - a[0], b[1] - a[1]) if a and b else None


def _pair(joints: list[Point | None], pair: tuple[int, int]) -> Point | None:
    left, right = joints[pair[0]], joints[pair[1]]
    return _middle(left, right) if left and right else left or right


def _mean(points: list[Point | None]) -> Point | None:
    seen = [point for point in points if point]
    if not seen:
        return None
    return sum(x for x, _ in seen) / len(seen), sum(y for _, y in seen) / len(seen)
