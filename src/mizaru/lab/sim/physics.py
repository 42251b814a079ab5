"""A body that its owner no longer controls: MuJoCo's dynamics with weak muscles.

Each person has a private copy of the room without other people. On losing control, position
and speed are taken over from the motion so far; muscles become springs towards a protective
posture, weak and damped; a push is a force on thorax and pelvis for a fraction of a second.
Strength, direction, tone and posture are drawn from the scenario's generator, so no two falls
are alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mizaru.lab.sim.engine import mujoco
from mizaru.lab.sim.humanoid import Vector
from mizaru.lab.sim.kinematics import Skeleton

STEP_S: Final = 0.002
REST_SPEED: Final = 0.12
"""Joint speeds below this (root mean square, rad/s and m/s) are rest."""
REST_S: Final = 0.6
_TRUNK: Final = ("root", "lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head")
_FORCE_S: Final = 0.3
_MAX_SPEED: Final = 4.0
_GIVE_UP: Final = (0.7, 1.9)
"""Seconds after the loss between which what is left of the muscles lets go …"""
_LEFT_OVER: Final = 0.05
"""… down to this share, so that a body comes to lie flat."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Loss of control.

    Attributes:
        direction: unit vector on the floor, where the body is driven to.
        newtons: force on the thorax for about 0.3 s; 0 for a faint.
        limp: 0 stiff … 1 no tone at all.
    """

    direction: tuple[float, float]
    newtons: float
    limp: float


class Ragdoll:
    """One person's dynamics in the room.

    Args:
        model: the room with this person alone, compiled; the person is the only thing with
            joints.
        skeleton: for joint addresses.
        step_s: of the physics.
    """

    def __init__(
        self, model: mujoco.MjModel, skeleton: Skeleton, prefix: str, *, step_s: float = STEP_S
    ) -> None:
        self._model, self._skeleton, self._prefix = model, skeleton, prefix
        self._step_s = step_s
        model.opt.timestep = step_s
        self._floor = model.geom("floor").id
        trunk = {model.body(f"{prefix}{name}").id for name in _TRUNK}
        self._of_trunk = np.array([int(body) in trunk for body in model.geom_bodyid])
        self._impact_s: float | None = None
        self._data = mujoco.MjData(model)
        self._stiffness = np.array(model.jnt_stiffness)
        self._damping = np.array(model.dof_damping)
        self._force_until = 0.0
        self._still_s = 0.0
        self._force = np.zeros(3)
        self._muscles = self._stiffness[1:]

    def lose(
        self, qpos: Vector, before: Vector, dt: float, loss: Loss, rng: np.random.Generator
    ) -> None:
        """Take over from the posture `qpos`, with `before` the one `dt` seconds earlier."""
        model, data = self._model, self._data
        mujoco.mj_resetData(model, data)
        data.qpos[:] = qpos
        velocity = np.zeros(model.nv)
        mujoco.mj_differentiatePos(model, velocity, dt, before, qpos)
        data.qvel[:] = np.clip(velocity, -_MAX_SPEED, _MAX_SPEED)
        tone = (1 - loss.limp) * rng.uniform(0.8, 1.25)
        scale = np.maximum(self._stiffness[1:], 4.0)
        self._muscles = scale * (0.25 + 3.5 * tone)
        model.dof_damping[6:] = self._damping[6:] * (1.3 + 2.0 * tone) + 0.8
        self._spring_towards(qpos, loss, rng)
        angle = rng.normal(0, 0.2)
        c, s = np.cos(angle), np.sin(angle)
        x, y = loss.direction
        strength = loss.newtons * rng.uniform(0.85, 1.2)
        self._force = strength * np.array([c * x - s * y, s * x + c * y, 0.0])
        self._force_until = _FORCE_S * rng.uniform(0.8, 1.2)
        self._still_s = 0.0
        self._impact_s = None

    def _spring_towards(self, qpos: Vector, loss: Loss, rng: np.random.Generator) -> None:
        """A posture that muscles pull towards: knees and hips give, arms come up."""
        spring = qpos.copy()
        at = self._skeleton.address
        tone = 1 - loss.limp
        for side, out in (("l", 1.0), ("r", -1.0)):
            spring[at(f"{side}tibiarx")] = rng.uniform(0.1, 0.4) + loss.limp * rng.uniform(0.3, 1.0)
            spring[at(f"{side}femurrx")] = -rng.uniform(0, 0.3) - loss.limp * rng.uniform(0.2, 0.7)
            spring[at(f"{side}radiusrx")] = rng.uniform(0.4, 1.2)
            spring[at(f"{side}humerusrx")] += tone * rng.uniform(-0.5, 0.4)
            spring[at(f"{side}humerusrz")] += out * rng.uniform(-0.1, 0.4) * tone
        for joint in ("lowerback", "upperback", "thorax"):
            spring[at(f"{joint}rx")] = rng.uniform(0.0, 0.2)
        spring[at("headrz")] = rng.normal(0, 0.25)
        self._model.qpos_spring[7:] = spring[7:]

    def advance(self, seconds: float) -> Vector:
        """Let time pass; returns qpos."""
        model, data = self._model, self._data
        start, end = _GIVE_UP
        share = float(np.clip(1 - (data.time - start) / (end - start), _LEFT_OVER, 1.0))
        model.jnt_stiffness[1:] = share * self._muscles
        thorax = model.body(f"{self._prefix}thorax").id
        pelvis = model.body(f"{self._prefix}root").id
        for _ in range(max(1, round(seconds / self._step_s))):
            pushed = data.time < self._force_until
            data.xfrc_applied[thorax, :3] = self._force if pushed else 0.0
            data.xfrc_applied[pelvis, :3] = 0.25 * self._force if pushed else 0.0
            mujoco.mj_step(model, data)
            if self._impact_s is None and self._trunk_on_floor():
                self._impact_s = float(data.time)
        speed = float(np.sqrt(np.mean(data.qvel**2)))
        self._still_s = self._still_s + seconds if speed < REST_SPEED else 0.0
        return np.array(data.qpos)

    def _trunk_on_floor(self) -> bool:
        pairs = self._data.contact.geom
        floor = (pairs == self._floor).any(axis=1)
        return bool(floor.any() and self._of_trunk[pairs[floor]].any())

    @property
    def impact_s(self) -> float | None:
        """Seconds from the loss until trunk or head first met the floor; None: not yet."""
        return self._impact_s

    @property
    def at_rest(self) -> bool:
        """True once nothing has moved for `REST_S`."""
        return self._still_s >= REST_S
