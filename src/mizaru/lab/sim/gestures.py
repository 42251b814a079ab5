"""What hands do on the spot: washing, drinking, smoking, telephoning, waving."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.gait import smooth
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import RIGHT, upright
from mizaru.lab.sim.postures import face, go, on_feet
from mizaru.lab.sim.scenario import Action
from mizaru.vocabulary import Behavior


def wash_hands(actor: Actor, action: Action) -> Motion:
    assert action.on is not None
    piece = actor.stage.pieces[action.on]
    yield from on_feet(actor)
    yield from go(actor, piece.point(piece.edge + 0.17))
    yield from face(actor, piece.heading + np.pi)
    back, heading = actor.stance, actor.heading
    left = np.array([-np.sin(heading), np.cos(heading)])
    bowl = piece.point(0.08)
    stooped = replace(
        back,
        rotation=upright(heading) * Rotation.from_euler("x", 0.12),
        spine=np.array([0.32, 0, 0]),
        neck=np.array([0.4, 0, 0]),
        reaching=np.ones(2),
    )

    def rubbing(t: float) -> Vector:
        points = np.zeros((2, 3))
        for side, out in enumerate(OUTWARD):
            turn = 2 * np.pi * 1.3 * t + side * np.pi
            points[side, :2] = bowl + (0.045 + 0.015 * np.sin(turn)) * out * left
            points[side, 2] = piece.height + 0.10 + 0.025 * np.cos(turn)
        return points

    yield from actor.morph(replace(stooped, reach=rubbing(0.0)), 0.8, Behavior.WASH_HANDS)
    started = actor.stage.now
    for _ in actor.progress(action.seconds or 6.0):
        actor.show(replace(stooped, reach=rubbing(actor.stage.now - started)))
        yield Behavior.WASH_HANDS
    yield from actor.morph(back, 0.8, Behavior.WASH_HANDS)


def drink(actor: Actor, action: Action) -> Motion:
    sips = _Gesture(np.array([-0.24, 0.12, 0.36]), np.array([0.9, -1.0, 0.1]), nod=-0.28)
    yield from sips.play(actor, action.seconds or 8.0, Behavior.DRINK, "cup", period=3.6, up=0.5)


def smoke(actor: Actor, action: Action) -> Motion:
    drags = _Gesture(np.array([-0.24, 0.14, 0.33]), np.array([0.6, -1.0, 0.2]), nod=-0.05)
    yield from drags.play(
        actor, action.seconds or 15.0, Behavior.SMOKE, "cigarette", period=4.8, up=0.4
    )


def phone(actor: Actor, action: Action) -> Motion:
    call = _Gesture(np.array([-0.06, 0.17, 0.14]), np.array([0.9, -0.9, 0.3]), nod=0.08)
    seconds = action.seconds or 12.0
    yield from call.play(actor, seconds, Behavior.PHONE, "phone", period=seconds, up=1.0)


class _Gesture:
    """The right hand goes up to the head and down again, once or many times."""

    def __init__(self, wrist: Vector, elbow: Vector, nod: float) -> None:
        self._wrist, self._elbow, self._nod = wrist, elbow, nod

    def play(
        self, actor: Actor, seconds: float, behavior: Behavior, prop: str, *,
        period: float, up: float,
    ) -> Motion:  # fmt: skip
        """`up` is the share of each period with the hand at the head."""
        if actor.on_floor:
            yield from on_feet(actor)
        base = actor.stance
        actor.prop = prop
        ramp = 0.7
        cycles = max(1, round(seconds / period))
        for s in actor.progress(seconds):
            u = (s * cycles) % 1.0 if s < 1 else 1.0
            t, length = u * seconds / cycles, seconds / cycles
            top = length * (1.0 if up == 1.0 else up)
            weight = smooth(t / ramp) * smooth((max(top, 2 * ramp) - t) / ramp)
            wrists, elbows = base.wrists.copy(), base.elbows.copy()
            wrists[RIGHT] = (1 - weight) * wrists[RIGHT] + weight * self._wrist
            wrists[RIGHT, 2] += 0.25 * np.sin(np.pi * weight)
            elbows[RIGHT] = (1 - weight) * elbows[RIGHT] + weight * self._elbow
            neck = base.neck + np.array([self._nod * weight, 0, 0])
            actor.show(replace(base, wrists=wrists, elbows=elbows, neck=neck))
            yield behavior
        actor.stance = base


def wave_for_help(actor: Actor, action: Action) -> Motion:
    if actor.on_floor:
        yield from on_feet(actor)
    base = actor.stance
    up = np.array([[0.28, 0.86, 0.12]] * 2)
    raised = replace(base, wrists=up, elbows=np.array([[1.0, 0.0, -0.1]] * 2))
    yield from actor.morph(raised, 0.6, Behavior.WAVE_FOR_HELP)
    started = actor.stage.now
    for _ in actor.progress(action.seconds or 6.0):
        swing = 0.34 * np.sin(2 * np.pi * 1.25 * (actor.stage.now - started))
        wrists = up + np.array([[swing, -abs(swing) * 0.2, 0]] * 2)
        actor.show(replace(raised, wrists=wrists))
        yield Behavior.WAVE_FOR_HELP
    yield from actor.morph(base, 0.7, Behavior.WAVE_FOR_HELP)
