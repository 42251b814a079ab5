"""From what a person intends to joint angles: analytic inverse kinematics of the humanoid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from mizaru.lab.sim.engine import mujoco
from mizaru.lab.sim.humanoid import OUTWARD, SIDES, SOLE, Vector
from mizaru.vocabulary import COCO17

_OPPOSITE: Final = -0.8
_ANYWHERE: Final = np.array((0.3, 0.5, 0.8))
LEFT: Final = 0
RIGHT: Final = 1

PLACES: Final[dict[str, tuple[str, tuple[float, float, float]]]] = {
    "nose": ("head", (0.0, 0.033, 0.125)),
    "left_eye": ("head", (0.033, 0.055, 0.102)),
    "right_eye": ("head", (-0.033, 0.055, 0.102)),
    "left_ear": ("head", (0.082, 0.045, 0.005)),
    "right_ear": ("head", (-0.082, 0.045, 0.005)),
    **{
        f"{word}_{joint}": (letter + body, (0.0, 0.0, 0.0))
        for word, letter in (("left", "l"), ("right", "r"))
        for joint, body in (
            ("shoulder", "humerus"), ("elbow", "radius"), ("wrist", "hand"),
            ("hip", "femur"), ("knee", "tibia"), ("ankle", "foot"),
        )
    },
}  # fmt: skip
"""COCO keypoint → body and place in its frame, metres, unscaled."""

_SPINE: Final = ("lowerback", "upperback", "thorax")
_NECK: Final = ("lowerneck", "upperneck", "head")
_BALL: Final = (-0.115, -SOLE)
"""Forward distance (as -y of the foot's frame) and height of the ball of the foot, unscaled."""


def upright(heading: float) -> Rotation:
    """Root orientation of somebody standing and looking along `heading` (radians)."""
    return Rotation.from_euler("ZX", [heading + np.pi / 2, np.pi / 2])


@dataclass(frozen=True, slots=True, eq=False)
class Stance:
    """What a person's body shall look like, in terms that blend well.

    Attributes:
        pelvis: shape (3,), root position in the world, metres.
        rotation: root orientation (frame: x left, y up, z forward).
        spine: shape (3,), forward bend, bend to the left, twist to the left; radians.
        neck: shape (3,), the same for neck and head.
        ankles: shape (2, 3), left and right ankle in the world, metres.
        foot_yaw: shape (2,), heading of the toes, radians.
        foot_pitch: shape (2,), > 0 with the heel raised, radians.
        planted: 1 if feet keep their own orientation, 0 if they hang on the shins.
        knees: shape (3,), where knees point: outward, up, forward in the pelvis' frame.
        wrists: shape (2, 3), wrist from shoulder: outward, up, forward in the chest's frame,
            in arm lengths.
        elbows: shape (2, 3), where elbows point, same axes.
        reach: shape (2, 3), world points for the wrists, metres.
        reaching: shape (2,), weight of `reach` over `wrists`, [0, 1].
        palms: shape (2,), twist of the forearms, 0 … π.
    """

    pelvis: Vector
    rotation: Rotation
    spine: Vector
    neck: Vector
    ankles: Vector
    foot_yaw: Vector
    foot_pitch: Vector
    planted: float
    knees: Vector
    wrists: Vector
    elbows: Vector
    reach: Vector
    reaching: Vector
    palms: Vector


def blend(a: Stance, b: Stance, s: float) -> Stance:
    """The stance a fraction `s` in [0, 1] of the way from `a` to `b`."""

    def mix(x: Vector, y: Vector) -> Vector:
        return (1 - s) * x + s * y

    turn = Slerp([0, 1], Rotation.concatenate([a.rotation, b.rotation]))
    start = np.where(a.reaching[:, None] > 0, a.reach, b.reach)
    end = np.where(b.reaching[:, None] > 0, b.reach, a.reach)
    return Stance(
        pelvis=mix(a.pelvis, b.pelvis),
        rotation=turn(s),
        spine=mix(a.spine, b.spine),
        neck=mix(a.neck, b.neck),
        ankles=mix(a.ankles, b.ankles),
        foot_yaw=a.foot_yaw + s * wrap(b.foot_yaw - a.foot_yaw),
        foot_pitch=mix(a.foot_pitch, b.foot_pitch),
        planted=(1 - s) * a.planted + s * b.planted,
        knees=mix(a.knees, b.knees),
        wrists=mix(a.wrists, b.wrists),
        elbows=mix(a.elbows, b.elbows),
        reach=mix(start, end),
        reaching=mix(a.reaching, b.reaching),
        palms=mix(a.palms, b.palms),
    )


def wrap(angle: Vector) -> Vector:
    """Angles in (-π, π]."""
    return np.asarray(np.pi - (np.pi - angle) % (2 * np.pi))


class Skeleton:
    """One person's bones: lengths, where joints lie in qpos, and inverse kinematics.

    Args:
        model: compiled from `build_humanoid` alone.
        height: the person's factor of scale.
    """

    def __init__(self, model: mujoco.MjModel, height: float) -> None:
        self.model, self.height = model, height
        self._data = mujoco.MjData(model)
        self._address = {
            model.joint(j).name: int(model.jnt_qposadr[j]) for j in range(1, model.njnt)
        }
        self._keep = 0.0
        self._bulges: dict[str, Vector] = {}
        self._coco = (
            np.array([model.body(PLACES[name][0]).id for name in COCO17.keypoints]),
            height * np.array([PLACES[name][1] for name in COCO17.keypoints]),
        )
        self._rest = [_matrices(model, side) for side in SIDES]
        body = model.body
        self.thigh = float(np.linalg.norm(body("ltibia").pos))
        self.shin = float(np.linalg.norm(body("lfoot").pos))
        self.upper_arm = float(np.linalg.norm(body("lradius").pos))
        self.forearm = float(np.linalg.norm(body("lwrist").pos) + np.linalg.norm(body("lhand").pos))
        self.hip = np.array(body("lfemur").pos)
        """Left hip joint in the root's frame."""
        self.leg, self.arm = self.thigh + self.shin, self.upper_arm + self.forearm
        self.sole = SOLE * height
        self.standing = self.sole + 0.988 * self.leg - float(self.hip[1])
        """Height of the root above the floor when standing."""

    def joints(self, qpos: Vector) -> Vector:
        """Where the joints of `COCO17` are in a posture: shape (17, 3), metres."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self._data)
        bodies, places = self._coco
        turned = np.einsum("kij,kj->ki", self._data.xmat[bodies].reshape(-1, 3, 3), places)
        return np.asarray(self._data.xpos[bodies] + turned)

    def at(self, body: str) -> Vector:
        """World position of a body after the last `solve`, metres."""
        return np.array(self._data.body(body).xpos)

    def stand(self, xy: Vector, heading: float) -> Stance:
        """Standing at ease at a place on the floor."""
        left = np.array([-np.sin(heading), np.cos(heading)])
        ankles = np.zeros((2, 3))
        for side, out in enumerate(OUTWARD):
            ankles[side] = (*(xy + out * self.stance_width * left), self.sole)
        return Stance(
            pelvis=np.array([*xy, self.standing]),
            rotation=upright(heading),
            spine=np.zeros(3),
            neck=np.zeros(3),
            ankles=ankles,
            foot_yaw=np.array([heading, heading]),
            foot_pitch=np.zeros(2),
            planted=1.0,
            knees=np.array([0.12, 0.0, 1.0]),
            wrists=np.array([[0.13, -0.955, 0.06]] * 2),
            elbows=np.array([[0.35, 0.0, -1.0]] * 2),
            reach=np.zeros((2, 3)),
            reaching=np.zeros(2),
            palms=np.full(2, 0.6),
        )

    @property
    def stance_width(self) -> float:
        """From the middle to one ankle when standing, metres."""
        return 0.9 * float(self.hip[0])

    def pitched_ankle(self, ankle: Vector, yaw: float, pitch: float) -> Vector:
        """Where the ankle of a flat foot at `ankle` goes when the foot pitches about its ball
        (heel raised, `pitch` > 0) or its heel (toes raised)."""
        forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        reach = -_BALL[0] * self.height if pitch > 0 else -0.05 * self.height
        drop = -_BALL[1] * self.height
        c, s = np.cos(pitch), np.sin(pitch)
        along = reach - reach * c + drop * s
        up = reach * s + drop * c - drop
        return np.asarray(ankle + along * forward + np.array([0, 0, up]))

    def solve(self, stance: Stance, *, steady: float = 0.0) -> Vector:
        """Joint angles, shape (nq,): free joint of the root, then hinges.

        Args:
            steady: how much knees and elbows keep pointing where they did when last solved,
                [0, 1): they swing round instead of flipping over where a limb is nearly
                straight.
        """
        self._keep = steady
        model, data = self.model, self._data
        qpos = data.qpos
        qpos[:] = 0
        qpos[:3] = stance.pelvis
        qpos[3:7] = stance.rotation.as_quat(scalar_first=True)
        for names, bend in ((_SPINE, stance.spine), (_NECK, stance.neck)):
            for name in names:
                for axis, angle, sign in zip("xzy", bend / len(names), (1, -1, 1), strict=True):
                    qpos[self._address[f"{name}r{axis}"]] = sign * angle
        mujoco.mj_kinematics(model, data)
        chest = data.body("thorax").xmat.reshape(3, 3).copy()
        root = stance.rotation.as_matrix()
        for side, (letter, out) in enumerate(zip(SIDES, OUTWARD, strict=True)):
            mirror = np.array([out, 1.0, 1.0])
            self._leg(stance, side, letter, root, root @ (stance.knees * mirror))
            self._arm(stance, side, letter, chest, mirror)
        mujoco.mj_kinematics(model, data)
        return np.array(qpos)

    def _leg(self, stance: Stance, side: int, letter: str, root: Vector, pole: Vector) -> None:
        data, rest = self._data, self._rest[side]
        hip = data.body(f"{letter}femur").xpos
        pole = self._pole(letter + "leg", root, pole, stance.ankles[side] - hip)
        thigh, bend = _two_bones(hip, stance.ankles[side], self.thigh, self.shin, pole)
        parent = data.body(f"{letter}hipjoint").xmat.reshape(3, 3)
        self._set(f"{letter}femur", _euler_zyx((parent @ rest["femur"]).T @ thigh))
        data.qpos[self._address[f"{letter}tibiarx"]] = bend
        shin = thigh @ _about_x(bend)
        yaw, pitch = stance.foot_yaw[side], stance.foot_pitch[side]
        wanted = (upright(yaw).as_matrix() @ _about_x(pitch)) @ rest["foot"]
        rz, _, rx = _euler_zyx((shin @ rest["foot"]).T @ wanted)
        hanging = 0.35
        w = stance.planted
        data.qpos[self._address[f"{letter}footrz"]] = w * _clip(rz, -1.2, 1.2)
        data.qpos[self._address[f"{letter}footrx"]] = w * _clip(rx, -1.0, 1.0) + (1 - w) * hanging
        data.qpos[self._address[f"{letter}toesrx"]] = -0.6 * max(pitch, 0.0) * w

    def _arm(self, stance: Stance, side: int, letter: str, chest: Vector, mirror: Vector) -> None:
        data, rest = self._data, self._rest[side]
        shoulder = data.body(f"{letter}humerus").xpos
        relaxed = shoulder + chest @ (stance.wrists[side] * mirror) * self.arm
        weight = stance.reaching[side]
        target = (1 - weight) * relaxed + weight * stance.reach[side]
        pole = chest @ (stance.elbows[side] * mirror)
        pole = self._pole(letter + "arm", chest, pole, target - shoulder)
        upper, bend = _two_bones(shoulder, target, self.upper_arm, self.forearm, pole)
        parent = data.body(f"{letter}clavicle").xmat.reshape(3, 3)
        self._set(f"{letter}humerus", _euler_zyx((parent @ rest["humerus"]).T @ upper))
        data.qpos[self._address[f"{letter}radiusrx"]] = bend
        data.qpos[self._address[f"{letter}wristry"]] = mirror[0] * stance.palms[side]
        data.qpos[self._address[f"{letter}fingersrx"]] = 0.45

    def _pole(self, limb: str, frame: Vector, pole: Vector, line: Vector) -> Vector:
        """Where the middle joint bulges to, world axes; remembered in the body's frame."""
        along = line / max(_norm(line), 1e-9)
        side = pole - (pole @ along) * along
        side = side / max(_norm(side), 1e-6)
        if self._keep and limb in self._bulges:
            last = frame @ self._bulges[limb]
            last = last - (last @ along) * along
            if last @ side < _OPPOSITE:
                side = side + _cross(along, last)
            side = (1 - self._keep) * side + self._keep * last
            side = side / max(_norm(side), 1e-6)
        self._bulges[limb] = frame.T @ side
        return side if self._keep else pole

    def _set(self, body: str, zyx: tuple[float, float, float]) -> None:
        for axis, angle in zip("zyx", zyx, strict=True):
            self._data.qpos[self._address[f"{body}r{axis}"]] = angle

    def address(self, joint: str) -> int:
        """Index of a hinge in qpos."""
        return self._address[joint]


def _two_bones(
    start: Vector, target: Vector, first: float, second: float, pole: Vector
) -> tuple[Vector, float]:
    """Orientation of the first bone (along -y, middle joint bulging towards `pole`) and bend
    of the middle joint so that the second bone ends at `target`, or as near as it can."""
    line = np.asarray(target) - start
    length = _norm(line)
    distance = _clip(length, abs(first - second) + 0.05, first + second - 1e-4)
    along = line / max(length, 1e-9)
    inner = (first**2 + second**2 - distance**2) / (2 * first * second)
    bend = np.pi - np.arccos(_clip(inner, -1.0, 1.0))
    cosine = (first**2 + distance**2 - second**2) / (2 * first * distance)
    lift = np.arccos(_clip(cosine, -1.0, 1.0))
    side = pole - (pole @ along) * along
    if (norm := _norm(side)) < 1e-6:
        side, norm = _cross(along, _ANYWHERE), 1.0
    side = side / norm
    down = np.cos(lift) * along + np.sin(lift) * side
    y = -down
    z = side - (side @ y) * y
    z /= _norm(z)
    return np.array((_cross(y, z), y, z)).T.copy(), float(bend)


def _euler_zyx(r: Vector) -> tuple[float, float, float]:
    """a, b, c with r = Rz(a) Ry(b) Rx(c)."""
    b = float(np.arcsin(_clip(-float(r[2, 0]), -1.0, 1.0)))
    return float(np.arctan2(r[1, 0], r[0, 0])), b, float(np.arctan2(r[2, 1], r[2, 2]))


# For three numbers numpy's own take ten times as long; these give the very same bits.


def _norm(v: Vector) -> float:
    return math.sqrt(float(v.dot(v)))


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _cross(a: Vector, b: Vector) -> Vector:
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    return np.array((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))


def _about_x(angle: float) -> Vector:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _matrices(model: mujoco.MjModel, side: str) -> dict[str, npt.NDArray[np.float64]]:
    """Rotation of some bodies in their parents at zero joint angles."""
    found = {}
    for name in ("femur", "foot", "humerus"):
        matrix = np.zeros(9)
        mujoco.mju_quat2Mat(matrix, model.body(f"{side}{name}").quat)
        found[name] = matrix.reshape(3, 3)
    return found
