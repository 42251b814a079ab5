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
from mizaru.lab.sim.falls import Course, Force, Phase, course
from mizaru.lab.sim.humanoid import Vector
from mizaru.lab.sim.kinematics import Skeleton
from mizaru.lab.sim.scenario import Way

STEP_S: Final = 0.002
REST_SPEED: Final = 0.12
"""Joint speeds below this (root mean square, rad/s and m/s) are rest."""
REST_S: Final = 0.6
_TRUNK: Final = ("root", "lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head")
_FORCE_S: Final = 0.3
_WEAK_BELOW: Final = 0.9
"""Scale of a body from which on muscles are those of grown-ups."""
_REACTION_S: Final = 0.12
_HELD_S: Final = 2.2
"""Who has not met the floor by then sinks all the same."""
_SOFT: Final = (0.09, 1.0)
"""MuJoCo's time constant and damping ratio of contacts at first …"""
_SOFT_S: Final = 0.3
"""… for so long."""
_ROLLS: Final = 0.25
_MUSCLES: Final = {
    "femur": (110.0, 9.0), "tibia": (80.0, 5.0), "foot": (30.0, 2.0), "toes": (5.0, 1.0),
    "lowerback": (180.0, 14.0), "upperback": (180.0, 14.0), "thorax": (180.0, 14.0),
    "lowerneck": (30.0, 4.0), "upperneck": (30.0, 4.0), "head": (30.0, 4.0),
    "clavicle": (120.0, 5.0), "humerus": (45.0, 3.5), "radius": (30.0, 2.0),
}  # fmt: skip
"""Stiffness at full tone in N m/rad and damping in N m s/rad, by body; hands are loose."""
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
        way: how; None: topples over, with the muscles of `limp`.
        newtons: force on the thorax for about 0.3 s; 0 for a faint.
        limp: 0 stiff … 1 no tone at all.
    """

    direction: tuple[float, float]
    newtons: float
    limp: float
    way: Way | None = None


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
        self._course: Course | None = None
        self._full, self._full_damping = _strength(model)
        weak = min(1.0, (skeleton.height / _WEAK_BELOW) ** 4)
        self._small = weak
        """Muscles go with the square of size, their levers and the body's mass add to it."""
        self._weight = float(model.body_subtreemass[model.body(f"{prefix}root").id]) * 9.81
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
        self._still_s = 0.0
        self._impact_s = None
        if loss.way is not None:
            towards = float(np.arctan2(loss.direction[1], loss.direction[0]))
            self._course = course(loss.way, towards, loss.limp, self._skeleton, rng)
            model.dof_damping[6:] = self._small * self._full_damping
            model.qpos_spring[7:] = qpos[7:]
            # Who sat or lay a little inside a cushion is let out gently, not shot up.
            model.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_OVERRIDE)
            model.opt.o_solref[:2] = _SOFT
            return
        self._course = None
        tone = (1 - loss.limp) * rng.uniform(0.8, 1.25)
        scale = np.maximum(self._stiffness[1:], 4.0) * self._small
        self._muscles = scale * (0.25 + 3.5 * tone)
        model.dof_damping[6:] = self._damping[6:] * (1.3 + 2.0 * tone) + 0.8
        model.dof_damping[6:] *= self._small
        self._spring_towards(qpos, loss, rng)
        angle = rng.normal(0, 0.2)
        c, s = np.cos(angle), np.sin(angle)
        x, y = loss.direction
        strength = loss.newtons * self._small * rng.uniform(0.85, 1.2)
        self._force = strength * np.array([c * x - s * y, s * x + c * y, 0.0])
        self._force_until = _FORCE_S * rng.uniform(0.8, 1.2)

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
        if self._course is not None:
            return self._follow(self._course, seconds)
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
            self._step()
        return self._rested(seconds)

    def _step(self) -> None:
        mujoco.mj_step(self._model, self._data)
        if self._impact_s is None and self._trunk_on_floor():
            self._impact_s = float(self._data.time)

    def _rested(self, seconds: float) -> Vector:
        speed = float(np.sqrt(np.mean(self._data.qvel**2)))
        self._still_s = self._still_s + seconds if speed < REST_SPEED else 0.0
        return np.array(self._data.qpos)

    def _follow(self, plan: Course, seconds: float) -> Vector:
        """One frame of a course."""
        model, data = self._model, self._data
        phase, tone = self._now(plan)
        if data.time > _SOFT_S:
            model.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_OVERRIDE)
        near = min(1.0, seconds / _REACTION_S)
        model.qpos_spring[7:] += near * (phase.posture - model.qpos_spring[7:])
        model.jnt_stiffness[1:] = tone * self._small * self._full
        data.xfrc_applied[:] = 0.0
        for force in plan.forces:
            if force.start_s <= data.time < force.end_s:
                body = model.body(f"{self._prefix}{force.body}").id
                data.xfrc_applied[body, :3] += self._weight * force.push
        sinking = float(np.clip(-data.qvel[2] / plan.brake, 0.0, 1.0))
        for name in ("root", "thorax"):
            body = model.body(f"{self._prefix}{name}").id
            data.xfrc_applied[body, 2] += 0.5 * self._weight * phase.lift * sinking
        for _ in range(max(1, round(seconds / self._step_s))):
            self._step()
        return self._rested(seconds)

    def _now(self, plan: Course) -> tuple[Phase, float]:
        """The phase and the tone of its muscles."""
        late = self._data.time - (_HELD_S if self._impact_s is None else self._impact_s)
        time, phase = 0.0, plan.phases[-1]
        for candidate in plan.phases:
            time += candidate.seconds
            if self._data.time < time:
                phase = candidate
                break
        if late <= 0:
            return phase, phase.tone
        share = min(1.0, late / plan.slack_s)
        return plan.after, float((1 - share) * phase.tone + share * plan.after.tone)

    def stir(self, rng: np.random.Generator, tone: float) -> None:
        """From now on move somewhat: some joints are drawn elsewhere, perhaps the body turns."""
        model, data = self._model, self._data
        posture = np.array(data.qpos[7:])
        moved = rng.random(len(posture)) < rng.uniform(0.1, 0.5)
        posture = posture + moved * rng.normal(0, 0.5, len(posture))
        lower, upper = model.jnt_range[1:, 0], model.jnt_range[1:, 1]
        goal = Phase(0.0, np.clip(posture, lower, upper), tone, 0.0)
        forces: tuple[Force, ...] = ()
        if rng.random() < _ROLLS:
            side = data.body(f"{self._prefix}root").xmat.reshape(3, 3)[:, 0]
            flat = np.array([side[0], side[1], 0.0]) * rng.choice([-1.0, 1.0])
            push = rng.uniform(0.05, 0.2) * flat + np.array([0, 0, 0.1])
            span = (float(data.time), float(data.time) + 0.5)
            forces = (Force("thorax", push, *span), Force("root", 0.6 * push, *span))
        self._course = Course((goal,), goal, forces, slack_s=0.1, brake=1.0)
        model.dof_damping[6:] = self._small * self._full_damping

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


def _strength(model: mujoco.MjModel) -> tuple[Vector, Vector]:
    """Stiffness and damping of every hinge at full tone."""
    found = []
    for joint in range(1, model.njnt):
        body = model.body(int(model.jnt_bodyid[joint])).name.rpartition("/")[2]
        found.append(_MUSCLES.get(body) or _MUSCLES.get(body[1:]) or (2.0, 0.8))
    return np.array([k for k, _ in found]), np.array([d for _, d in found])
