"""Walking: footprints that stay where they are put, and a pelvis that passes over them.

A step moves one foot while the other stands, so feet do not slide by construction. The pelvis
runs along a Catmull-Rom curve through the middles of successive pairs of footprints, sways
over the standing foot, bobs, and is never higher than both legs can reach. Heel rise, toe
clearance and heel strike are a foot's pitch about its ball or heel; arms swing against the
other side's leg.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.identity import Gait
from mizaru.lab.sim.kinematics import LEFT, RIGHT, Skeleton, Stance, upright, wrap

MAX_TURN: Final = np.deg2rad(42.0)
"""Largest turn of one step."""
TURN_STEP_S: Final = 0.46
_LIFT_OFF: Final = 0.12
_TOUCH_DOWN: Final = 0.92
_HEEL_RISE: Final = 0.55
_TOE_RISE: Final = 0.28


@dataclass(frozen=True, slots=True)
class Footprint:
    """Where a foot is put next: side, ankle on the floor (x, y), heading of the toes."""

    side: int
    xy: tuple[float, float]
    yaw: float


@dataclass(frozen=True, slots=True)
class Tread:
    """Footprints and the seconds each step takes."""

    prints: tuple[Footprint, ...]
    step_s: float


def smooth(u: float) -> float:
    """Minimum-jerk ease from 0 to 1."""
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 + u * (6 * u - 15))


def heading_of(stance: Stance) -> float:
    """Heading between the two feet, radians."""
    left, right = stance.foot_yaw
    return float(left + 0.5 * wrap(right - left))


def plan_turn(skeleton: Skeleton, stance: Stance, gait: Gait, heading: float) -> Tread:
    """Turn on the spot to a heading (radians)."""
    xy, now = stance.ankles[:, :2].mean(axis=0), heading_of(stance)
    turn = float(wrap(np.array(heading - now)))
    steps = int(np.ceil(abs(turn) / MAX_TURN))
    first = LEFT if turn > 0 else RIGHT
    prints = []
    for k in range(1, steps + 1):
        side = first if k % 2 else 1 - first
        prints.append(_print(skeleton, gait, xy, now + turn * k / steps, side))
    if steps:
        prints.append(_print(skeleton, gait, xy, heading, 1 - prints[-1].side))
    return Tread(tuple(prints), TURN_STEP_S)


def plan_walk(
    skeleton: Skeleton, stance: Stance, gait: Gait, target: Vector, speed: float | None
) -> Tread:
    """Walk straight to a point on the floor (metres), turning with the first steps."""
    start = stance.ankles[:, :2].mean(axis=0)
    line = np.asarray(target) - start
    distance, speed = float(np.linalg.norm(line)), speed or gait.speed
    if distance < 0.02:
        return Tread((), TURN_STEP_S)
    heading, now = float(np.arctan2(line[1], line[0])), heading_of(stance)
    turn = float(wrap(np.array(heading - now)))
    usual = gait.step_length * skeleton.leg * float(np.clip(speed / gait.speed, 0.55, 1.5)) ** 0.5
    steps = max(1, round(distance / usual))
    length = distance / steps
    side = LEFT if turn > 0 else RIGHT
    prints = []
    for k in range(1, steps + 1):
        left_to_turn = max(0.0, abs(turn) - MAX_TURN * k) * np.sign(turn)
        xy = start + line * k / steps
        prints.append(_print(skeleton, gait, xy, heading - left_to_turn, side))
        side = 1 - side
    prints.append(_print(skeleton, gait, np.asarray(target), heading, side))
    return Tread(tuple(prints), max(0.32, length / speed))


def plan_back(skeleton: Skeleton, stance: Stance, gait: Gait, shift: Vector, steps: int) -> Tread:
    """Quick steps along `shift` (metres) without turning: a stagger."""
    start, heading = stance.ankles[:, :2].mean(axis=0), heading_of(stance)
    side = LEFT if np.cos(heading) * shift[1] - np.sin(heading) * shift[0] > 0 else RIGHT
    prints = []
    for k in range(1, steps + 1):
        prints.append(_print(skeleton, gait, start + shift * k / steps, heading, side))
        side = 1 - side
    prints.append(_print(skeleton, gait, start + shift, heading, side))
    return Tread(tuple(prints), 0.3)


def _print(skeleton: Skeleton, gait: Gait, xy: Vector, heading: float, side: int) -> Footprint:
    out = OUTWARD[side]
    left = np.array([-np.sin(heading), np.cos(heading)])
    x, y = xy + out * skeleton.stance_width * left
    return Footprint(side, (float(x), float(y)), heading + out * gait.toe_out)


class _Foot:
    """One foot between two footprints."""

    def __init__(self, xy: Vector, yaw: float) -> None:
        self.xy, self.yaw = np.array(xy, dtype=float), yaw
        self.pitch = 0.0
        self.z = 0.0

    def swing(
        self, to: Footprint, start: tuple[Vector, float, float], u: float, lift: float
    ) -> None:
        """Fraction `u` of the swing; `start` is (xy, yaw, stride ratio)."""
        xy, yaw, ratio = start
        s = smooth(u)
        self.xy = xy + s * (np.array(to.xy) - xy)
        self.yaw = yaw + s * float(wrap(np.array(to.yaw - yaw)))
        self.z = lift * float(np.sin(np.pi * u)) * (1 - 0.3 * u)
        rise = _HEEL_RISE * ratio * (1 - smooth(u / 0.7))
        toes = _TOE_RISE * ratio * smooth((u - 0.5) / 0.4)
        self.pitch = rise - toes


def tread(
    skeleton: Skeleton, stance: Stance, gait: Gait, plan: Tread, dt: float
) -> Iterator[Stance]:
    """Stances every `dt` seconds until the last foot stands.

    `stance` gives everything that walking does not move, such as arms when `reaching`.
    """
    feet = [_Foot(stance.ankles[s, :2], float(stance.foot_yaw[s])) for s in (LEFT, RIGHT)]
    middles = _middles(feet, plan.prints)
    yaws = _headings(feet, plan.prints)
    height = float(stance.pelvis[2])
    usual = 2 * gait.step_length * skeleton.leg
    t, total = 0.0, plan.step_s * len(plan.prints)
    k, start = -1, (feet[0].xy, 0.0, 0.0)
    while t < total - 1e-9:
        t = min(t + dt, total)
        now = min(int(t / plan.step_s - 1e-9), len(plan.prints) - 1)
        while k < now:
            if k >= 0:
                _land(feet[plan.prints[k].side], plan.prints[k])
            k += 1
            foot = feet[plan.prints[k].side]
            stride = float(np.linalg.norm(np.array(plan.prints[k].xy) - foot.xy))
            start = (foot.xy.copy(), foot.yaw, min(stride / usual, 1.2))
        u = t / plan.step_s - k
        step = plan.prints[k]
        swinging, standing = feet[step.side], feet[1 - step.side]
        ratio = start[2]
        swing_u = (u - _LIFT_OFF) / (_TOUCH_DOWN - _LIFT_OFF)
        lift = gait.foot_lift * (0.55 + 0.45 * min(ratio, 1.0))
        if swing_u <= 0:
            swinging.pitch = _HEEL_RISE * ratio * smooth(0.8 + 0.2 * u / _LIFT_OFF)
        else:
            swinging.swing(step, start, min(swing_u, 1.0), lift)
        more = k + 1 < len(plan.prints)
        late = smooth((u - 0.55) / 0.45) * 0.8 if more else 0.0
        standing.pitch = _HEEL_RISE * ratio * late + standing.pitch * (1 - smooth(u / 0.2)) * (
            u < 0.55
        )
        yield _pose(skeleton, stance, gait, feet, middles, yaws, k, u, step.side, height, ratio)
        if u < 0.2:
            standing.pitch = min(standing.pitch, 0.0)
    if plan.prints:
        _land(feet[plan.prints[-1].side], plan.prints[-1])


def _land(foot: _Foot, step: Footprint) -> None:
    foot.xy, foot.yaw, foot.z = np.array(step.xy), step.yaw, 0.0


def _middles(feet: Sequence[_Foot], prints: Sequence[Footprint]) -> Vector:
    xy = [feet[0].xy, feet[1].xy]
    found = [(xy[0] + xy[1]) / 2]
    for step in prints:
        xy[step.side] = np.array(step.xy)
        found.append((xy[0] + xy[1]) / 2)
    return np.array(found)


def _headings(feet: Sequence[_Foot], prints: Sequence[Footprint]) -> Vector:
    yaw = [feet[0].yaw, feet[1].yaw]
    found = [yaw[0] + 0.5 * float(wrap(np.array(yaw[1] - yaw[0])))]
    for step in prints:
        yaw[step.side] = step.yaw
        middle = yaw[0] + 0.5 * float(wrap(np.array(yaw[1] - yaw[0])))
        found.append(found[-1] + float(wrap(np.array(middle - found[-1]))))
    return np.array(found)


def _catmull_rom(points: Vector, k: int, u: float) -> Vector:
    """Curve through `points` with rest at both ends, between point k and k + 1."""
    last = len(points) - 1

    def tangent(i: int) -> Vector:
        if i in (0, last):
            return np.zeros_like(points[0])
        return np.asarray((points[i + 1] - points[i - 1]) / 2)

    h00, h10 = (1 + 2 * u) * (1 - u) ** 2, u * (1 - u) ** 2
    h01, h11 = u * u * (3 - 2 * u), u * u * (u - 1)
    return np.asarray(
        h00 * points[k] + h10 * tangent(k) + h01 * points[k + 1] + h11 * tangent(k + 1)
    )


def _pose(
    skeleton: Skeleton, base: Stance, gait: Gait, feet: Sequence[_Foot], middles: Vector,
    yaws: Vector, k: int, u: float, swinging: int, height: float, ratio: float,
) -> Stance:  # fmt: skip
    heading = float(_catmull_rom(yaws[:, None], k, u)[0])
    forward = np.array([np.cos(heading), np.sin(heading)])
    left = np.array([-forward[1], forward[0]])
    xy = _catmull_rom(middles, k, u)
    xy = xy - OUTWARD[swinging] * gait.sway * np.sin(np.pi * u) * left
    ankles = np.array(
        [
            skeleton.pitched_ankle(
                np.array([*foot.xy, skeleton.sole + foot.z]), foot.yaw, foot.pitch
            )
            for foot in feet
        ]
    )
    z = height - gait.bob * ratio * (1 - float(np.sin(np.pi * u)))
    for side, out in enumerate(OUTWARD):
        hip = xy + out * skeleton.hip[0] * left + skeleton.hip[2] * forward
        gap = float(np.linalg.norm(ankles[side, :2] - hip))
        reach = float(np.sqrt(max((0.997 * skeleton.leg) ** 2 - gap**2, 0.01)))
        z = min(z, float(ankles[side, 2]) + reach - float(skeleton.hip[1]))
    ahead = (ankles[:, :2] - xy) @ forward / skeleton.leg
    swing = gait.arm_swing / 0.36 * ahead[::-1]
    wrists = base.wrists.copy()
    free = 1 - base.reaching
    wrists[:, 2] += free * (0.05 + swing)
    wrists[:, 1] += free * 0.25 * swing**2
    twist = 0.35 * (ahead[RIGHT] - ahead[LEFT])
    return replace(
        base,
        pelvis=np.array([*xy, z]),
        rotation=upright(heading - 0.5 * twist),
        spine=np.array([gait.stoop + 0.03 * ratio, 0.0, twist]),
        neck=np.array([0.02, 0.0, -0.5 * twist]),
        ankles=ankles,
        foot_yaw=np.array([foot.yaw for foot in feet]),
        foot_pitch=np.array([foot.pitch for foot in feet]),
        wrists=wrists,
    )
