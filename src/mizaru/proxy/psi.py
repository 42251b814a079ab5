"""Ψ: a pose becomes a mannequin of geometric primitives (architecture §2, A_t^i = Ψ(P, h, b)).

Nothing here knows the person: lengths in the pose are canonical already, widths come from
`mizaru.proxy.body`, colours from the order of ephemeral ids. ``web/src/proxy/psi.ts`` is the
same file in TypeScript; ``golden.json`` beside it holds both to the same numbers. Keep the two
in step, line by line.

Coordinates: u as a fraction of the image's width, v and every radius as fractions of its
height. Inside, lengths are fractions of the height (x = u · aspect), so that circles stay round.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mizaru.proxy import body
from mizaru.vocabulary import HeadOrientation, Pose

Point = tuple[float, float]


class Part(enum.StrEnum):
    """What a primitive stands for; a renderer may colour by it."""

    SHADOW = "shadow"
    FOOT = "foot"
    SHANK = "shank"
    THIGH = "thigh"
    TORSO = "torso"
    PELVIS = "pelvis"
    NECK = "neck"
    UPPER_ARM = "upper_arm"
    FOREARM = "forearm"
    HAND = "hand"
    HEAD = "head"
    VISOR = "visor"


class Shape(enum.StrEnum):
    """``capsule``: the hull of two circles. ``polygon``: a convex polygon, rounded. ``ellipse``."""

    CAPSULE = "capsule"
    POLYGON = "polygon"
    ELLIPSE = "ellipse"


@dataclass(frozen=True, slots=True)
class Primitive:
    """One geometric primitive of a mannequin.

    Attributes:
        shape: how to read the rest.
        part: what it stands for.
        points: (u, v): two ends of a capsule; corners of a polygon; middle of an ellipse.
        radii: fractions of the height: at both ends of a capsule; the rounding of a polygon;
            half axes of an ellipse.
        angle: of an ellipse's first axis, radians, clockwise from the image's right.
        opacity: [0, 1]; falls with the confidence of the keypoints behind it.
    """

    shape: Shape
    part: Part
    points: tuple[Point, ...]
    radii: tuple[float, ...]
    angle: float = 0.0
    opacity: float = 1.0


# Radii as fractions of the stature.
_R: Final = {
    "ankle": 0.019,
    "knee": 0.029,
    "hip": 0.043,
    "wrist": 0.015,
    "elbow": 0.021,
    "shoulder": 0.027,
    "neck": 0.026,
    "toe": 0.021,
    "hand": 0.021,
    "chest": 0.030,
    "pelvis": 0.036,
}
_NOSE, _L_EAR, _R_EAR = 0, 3, 4
_L_SHOULDER, _R_SHOULDER, _L_HIP, _R_HIP = 5, 6, 11, 12
_FULL_CONFIDENCE: Final = 2.0 / 3.0
_FACE_FRONT: Final = -0.1


def primitives(pose: Pose, aspect: float) -> tuple[Primitive, ...]:
    """Ψ. The mannequin of one pose, the farthest primitive first: draw in order.

    Parts whose keypoints were not seen (ρ = 0) are left out; a pose without any gives ().

    Args:
        pose: retargeted to the canonical body.
        aspect: image width / height.
    """
    figure = _Figure(pose, aspect)
    if figure.scale <= 0:
        return ()
    arms = [p for side in figure.far_first("arm") for p in figure.arm(side)]
    legs = [p for side in figure.far_first("leg") for p in figure.leg(side)]
    trunk = figure.trunk()
    head = figure.head()
    if figure.faces_camera:
        return (*figure.shadow(), *legs, *trunk, *head, *arms)
    return (*figure.shadow(), *arms, *legs, *trunk, *head)


def slots(subject_ids: Sequence[int], count: int) -> tuple[int, ...]:
    """A colour slot in [0, count) for each subject, from its ephemeral id alone.

    A subject keeps its slot while the same subjects are there; two subjects share one only
    when there are more of them than slots.
    """
    taken: set[int] = set()
    slot_of: dict[int, int] = {}
    for subject_id in sorted(subject_ids):
        slot = subject_id % count
        while slot in taken and len(taken) < count:
            slot = (slot + 1) % count
        taken.add(slot)
        slot_of[subject_id] = slot
    return tuple(slot_of[subject_id] for subject_id in subject_ids)


class _Figure:
    """The keypoints of one pose in units of the height, and what follows from them."""

    def __init__(self, pose: Pose, aspect: float) -> None:
        rows = [[float(value) for value in row] for row in pose.keypoints]
        self.aspect = aspect
        self.xy: list[Point] = [(u * aspect, v) for u, v, _ in rows]
        self.rho = [max(0.0, min(1.0, r)) for _, _, r in rows]
        self.orientation = pose.head
        self.scale = self._scale()
        self.unit = self.scale * body.STATURE
        self.faces_camera = self._faces_camera()
        self.facing = self._facing()

    def seen(self, *joints: int) -> bool:
        return all(self.rho[j] > 0 for j in joints)

    def opacity(self, *joints: int) -> float:
        return min(1.0, 0.4 + 0.6 * min(self.rho[j] for j in joints) / _FULL_CONFIDENCE)

    def middle(self, a: int, b: int) -> Point | None:
        """Between two keypoints; either one alone where the other was not seen."""
        if self.seen(a, b):
            return _lerp(self.xy[a], self.xy[b], 0.5)
        if self.seen(a):
            return self.xy[a]
        return self.xy[b] if self.seen(b) else None

    def _scale(self) -> float:
        """Height fractions per canonical metre, from the least foreshortened bones.

        A projected bone is never longer than s times its canonical length, so the largest
        ratio is the best estimate; the mean of the two largest tames quantisation.
        """
        ratios = [
            math.dist(self.xy[a], self.xy[b]) / length
            for a, b, length in body.BONES
            if self.seen(a, b) and length > 0.2
        ]
        shoulders = self.middle(_L_SHOULDER, _R_SHOULDER)
        hips = self.middle(_L_HIP, _R_HIP)
        ears = self.middle(_L_EAR, _R_EAR)
        if self.seen(5, 6, 11, 12) and shoulders and hips:
            ratios.append(math.dist(shoulders, hips) / body.TRUNK)
        if self.seen(3, 4, 5, 6) and ears and shoulders:
            ratios.append(math.dist(ears, shoulders) / body.NECK)
        if not ratios and self.seen(_L_EAR, _R_EAR):
            ratios.append(math.dist(self.xy[_L_EAR], self.xy[_R_EAR]) / (0.082 * body.STATURE))
        ratios.sort(reverse=True)
        return sum(ratios[:2]) / len(ratios[:2]) if ratios else 0.0

    def _faces_camera(self) -> bool:
        """Front or back: the person's left is at the image's right when the face is towards us."""
        for left, right in ((_L_SHOULDER, _R_SHOULDER), (_L_HIP, _R_HIP)):
            if self.seen(left, right):
                across = self.xy[left][0] - self.xy[right][0]
                if abs(across) > 0.03 * self.unit:
                    return across > 0
        return self.orientation is None or abs(self.orientation.yaw) <= 100

    def _facing(self) -> Point:
        """Where the toes point in the image, length ≤ 1."""
        if self.orientation is not None:
            yaw = math.radians(self.orientation.yaw)
            return math.sin(yaw), 0.35 * math.cos(yaw)
        ears = self.middle(_L_EAR, _R_EAR)
        if ears is None or not self.seen(_NOSE) or self.unit <= 0:
            return 0.0, 0.35 if self.faces_camera else -0.35
        x = (self.xy[_NOSE][0] - ears[0]) / (0.058 * self.unit)
        return max(-1.0, min(1.0, x)), 0.35 if self.faces_camera else -0.35

    def far_first(self, limb: str) -> tuple[int, int]:
        """Sides (0 left, 1 right), the less visible one first: it is the farther."""
        rows = (7, 9) if limb == "arm" else (13, 15)
        left, right = (sum(self.rho[row + side] for row in rows) for side in (0, 1))
        return (0, 1) if left < right else (1, 0)

    def capsule(
        self, part: Part, a: Point, b: Point, ra: float, rb: float, opacity: float
    ) -> Primitive:
        ends = (self.out(a), self.out(b))
        radii = (ra * self.unit, rb * self.unit)
        return Primitive(Shape.CAPSULE, part, ends, radii, 0.0, opacity)

    def out(self, point: Point) -> Point:
        return point[0] / self.aspect, point[1]

    def arm(self, side: int) -> list[Primitive]:
        shoulder, elbow, wrist = 5 + side, 7 + side, 9 + side
        parts = []
        if self.seen(shoulder, elbow):
            ends = self.xy[shoulder], self.xy[elbow]
            parts.append(
                self.capsule(
                    Part.UPPER_ARM, *ends, _R["shoulder"], _R["elbow"], self.opacity(elbow)
                )
            )
        if self.seen(elbow, wrist):
            a, b = self.xy[elbow], self.xy[wrist]
            opacity = self.opacity(elbow, wrist)
            palm = _lerp(a, b, 1.0 + 0.55 * body.HAND / body.FOREARM)
            parts.append(self.capsule(Part.HAND, b, palm, _R["wrist"], _R["hand"], opacity))
            parts.append(self.capsule(Part.FOREARM, a, b, _R["elbow"], _R["wrist"], opacity))
        return parts

    def leg(self, side: int) -> list[Primitive]:
        hip, knee, ankle = 11 + side, 13 + side, 15 + side
        parts = []
        if self.seen(knee, ankle):
            a, b = self.xy[knee], self.xy[ankle]
            opacity = self.opacity(knee, ankle)
            parts.append(self.foot(side, a, b, opacity))
            parts.append(self.capsule(Part.SHANK, a, b, _R["knee"], _R["ankle"], opacity))
        if self.seen(hip, knee):
            ends = self.xy[hip], self.xy[knee]
            parts.append(self.capsule(Part.THIGH, *ends, _R["hip"], _R["knee"], self.opacity(knee)))
        return parts

    def foot(self, side: int, knee: Point, ankle: Point, opacity: float) -> Primitive:
        """Heel to toe: along the facing, held at a right angle to the shin of who lies."""
        length = body.SHANK * self.scale
        shin = ((ankle[0] - knee[0]) / length, (ankle[1] - knee[1]) / length)
        upright = max(0.0, min(1.0, shin[1]))
        splay = (0.22 if side == 0 else -0.22) * (self.facing[1] / 0.35)
        flat = (self.facing[0] + splay, self.facing[1] + 0.22)
        up = (-0.35 * abs(shin[1]) + 0.35 * shin[0], -0.75 + 0.35 * shin[1])
        dx = upright * flat[0] + (1 - upright) * up[0]
        dy = upright * flat[1] + (1 - upright) * up[1]
        drop = 0.008 * self.unit
        heel = (ankle[0] + shin[0] * drop, ankle[1] + shin[1] * drop)
        reach = 0.66 * body.FOOT * self.scale
        toe = (heel[0] + dx * reach, heel[1] + dy * reach)
        return self.capsule(Part.FOOT, heel, toe, _R["ankle"], _R["toe"], opacity)

    def trunk(self) -> list[Primitive]:
        """Neck, pelvis and chest; the corners of each polygon lie as left, right, right, left."""
        if not self.seen(_L_SHOULDER, _R_SHOULDER):
            return []
        left, right = self.xy[_L_SHOULDER], self.xy[_R_SHOULDER]
        middle = _lerp(left, right, 0.5)
        opacity = self.opacity(_L_SHOULDER, _R_SHOULDER)
        parts = []
        collar = middle
        ears = self.head_middle()
        if ears is not None:
            ends = (_lerp(middle, ears, -0.15), _lerp(middle, ears, 0.75))
            parts.append(self.capsule(Part.NECK, *ends, _R["neck"] * 1.3, _R["neck"], opacity))
            collar = _lerp(middle, ears, 0.20)
        top = (_lerp(collar, left, 0.30), _lerp(collar, right, 0.30))
        if not self.seen(_L_HIP, _R_HIP):
            corners = (*top, _lerp(middle, right, 0.92), _lerp(middle, left, 0.92))
            return [*parts, self.polygon(Part.TORSO, corners, "chest", opacity)]
        l_hip, r_hip = self.xy[_L_HIP], self.xy[_R_HIP]
        opacity = min(opacity, self.opacity(_L_HIP, _R_HIP))
        hips = _lerp(l_hip, r_hip, 0.5)
        waist = _lerp(middle, hips, 0.64)
        l_waist = _lerp(waist, _lerp(left, l_hip, 0.64), 0.80)
        r_waist = _lerp(waist, _lerp(right, r_hip, 0.64), 0.80)
        l_arm = _lerp(waist, _lerp(left, l_hip, 0.05), 0.97)
        r_arm = _lerp(waist, _lerp(right, r_hip, 0.05), 0.97)
        chest = (*top, r_arm, r_waist, l_waist, l_arm)
        pelvis = (l_waist, r_waist, r_hip, l_hip)
        parts.append(self.polygon(Part.PELVIS, pelvis, "pelvis", opacity))
        parts.append(self.polygon(Part.TORSO, chest, "chest", opacity))
        return parts

    def polygon(
        self, part: Part, corners: Sequence[Point], radius: str, opacity: float
    ) -> Primitive:
        points = tuple(self.out(corner) for corner in corners)
        return Primitive(Shape.POLYGON, part, points, (_R[radius] * self.unit,), 0.0, opacity)

    def head_middle(self) -> Point | None:
        """Middle of the ears, or the nose where no ear was seen."""
        ears = self.middle(_L_EAR, _R_EAR)
        return self.xy[_NOSE] if ears is None and self.seen(_NOSE) else ears

    def head(self) -> list[Primitive]:
        ears = self.head_middle()
        if ears is None:
            return []
        shoulders = self.middle(_L_SHOULDER, _R_SHOULDER)
        opacity = self.opacity(max((0, 3, 4), key=lambda j: self.rho[j]))
        up = (0.0, -1.0)
        if self.orientation is not None:
            roll = math.radians(self.orientation.roll)
            up = (math.sin(roll), -math.cos(roll))
        elif shoulders is not None:
            span = math.dist(ears, shoulders)
            if span > 0.3 * body.NECK * self.scale:
                up = ((ears[0] - shoulders[0]) / span, (ears[1] - shoulders[1]) / span)
        lift = 0.008 * self.unit
        middle = (ears[0] + up[0] * lift, ears[1] + up[1] * lift)
        radii = (body.HEAD_BREADTH * self.scale, body.HEAD_HEIGHT * self.scale)
        angle = math.atan2(up[0], -up[1])
        head = Primitive(Shape.ELLIPSE, Part.HEAD, (self.out(middle),), radii, angle, opacity)
        visor = self.visor(middle, angle, opacity)
        return [head] if visor is None else [head, visor]

    def visor(self, middle: Point, angle: float, opacity: float) -> Primitive | None:
        """A band across the face, so that one sees where the mannequin looks."""
        orientation = self.orientation or self._guess(middle)
        if orientation is None:
            return None
        yaw, pitch = math.radians(orientation.yaw), math.radians(orientation.pitch)
        rx, ry = 0.92 * body.HEAD_BREADTH * self.scale, 0.92 * body.HEAD_HEIGHT * self.scale
        rim = []
        for k in range(_RIM):
            turn = 2 * math.pi * k / _RIM
            azimuth, elevation = 0.80 * math.cos(turn), 0.10 + 0.24 * math.sin(turn)
            x = math.sin(azimuth) * math.cos(elevation)
            y = -math.sin(elevation)
            z = -math.cos(azimuth) * math.cos(elevation)
            y, z = (
                y * math.cos(pitch) + z * math.sin(pitch),
                z * math.cos(pitch) - y * math.sin(pitch),
            )
            x, z = (
                x * math.cos(yaw) - z * math.sin(yaw),
                z * math.cos(yaw) + x * math.sin(yaw),
            )
            rim.append((x, y, z))
        if min(z for _, _, z in rim) > _FACE_FRONT:
            return None
        corners = []
        for x, y, z in rim:
            # What is behind the head slides to its silhouette.
            shrink = 1.0 / (math.hypot(x, y) or 1.0) if z > 0 else 1.0
            dx, dy = x * shrink * rx, y * shrink * ry
            corners.append(
                (
                    middle[0] + dx * math.cos(angle) - dy * math.sin(angle),
                    middle[1] + dx * math.sin(angle) + dy * math.cos(angle),
                )
            )
        points = tuple(self.out(corner) for corner in corners)
        return Primitive(Shape.POLYGON, Part.VISOR, points, (0.004 * self.unit,), 0.0, opacity)

    def _guess(self, middle: Point) -> HeadOrientation | None:
        """Yaw from the nose, where no head orientation is known."""
        if not self.seen(_NOSE) or not (self.seen(_L_EAR) or self.seen(_R_EAR)):
            return None
        x = (self.xy[_NOSE][0] - middle[0]) / (0.058 * self.unit)
        yaw = math.degrees(math.asin(max(-1.0, min(1.0, x))))
        facing = not self.seen(_L_EAR, _R_EAR) or self.xy[_L_EAR][0] >= self.xy[_R_EAR][0]
        return HeadOrientation(yaw if facing else 180.0 - yaw if yaw > 0 else -180.0 - yaw, 0, 0)

    def shadow(self) -> list[Primitive]:
        """A soft ellipse under whatever is lowest, which sets the mannequin on the floor."""
        if not self.seen(_L_HIP) and not self.seen(_R_HIP):
            return []
        body_rows = [self.xy[j] for j in range(5, 17) if self.rho[j] > 0]
        floor = max(y for _, y in body_rows)
        low = [(x, y) for x, y in body_rows if y > floor - 0.12 * self.unit]
        x0, x1 = min(x for x, _ in low), max(x for x, _ in low)
        depth = (floor - min(y for _, y in low)) * 0.5
        middle = ((x0 + x1) / 2, floor - depth + 0.012 * self.unit)
        radii = ((x1 - x0) / 2 + 0.085 * self.unit, depth + 0.032 * self.unit)
        return [Primitive(Shape.ELLIPSE, Part.SHADOW, (self.out(middle),), radii, 0.0, 0.35)]


_RIM: Final = 16


def _lerp(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t
