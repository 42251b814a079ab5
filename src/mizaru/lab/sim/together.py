"""Two people close to each other who mean well: embraces, hands, help; and a scuffle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.encounters import close_in
from mizaru.lab.sim.gait import smooth
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import LEFT, RIGHT, Stance, blend, upright
from mizaru.lab.sim.postures import face, on_feet, still
from mizaru.lab.sim.scenario import Action
from mizaru.lab.sim.stances import at_ease
from mizaru.vocabulary import COCO17, Behavior

_PATIENCE_S: Final = 15.0
_ELBOWS: Final = np.array([[1.0, -0.4, -0.4]] * 2)
"""Out: never along an arm that hangs or reaches forward."""
_UP: Final = np.array([0.0, 0.0, 1.0])


def joint(other: Actor, name: str) -> Vector:
    """Where somebody's joint is now, metres."""
    return np.asarray(other.skeleton.joints(other.qpos)[COCO17.index(name)])


def _meet(actor: Actor, other: Actor, distance: float) -> Motion:
    """Come together; of two who both want to, the first by name goes and the other waits."""
    yield from on_feet(actor)
    goes = actor.name < other.name
    end = actor.stage.now + _PATIENCE_S
    if goes:
        yield from close_in(actor, other, distance)
    while actor.stage.now < end and np.linalg.norm(other.xy - actor.xy) > distance + 0.25:
        yield actor.idle_frame()
    line = other.xy - actor.xy
    yield from face(actor, float(np.arctan2(line[1], line[0])))


def _hold(
    actor: Actor, seconds: float, hands: Callable[[float], Stance], behavior: Behavior
) -> Motion:
    """Arms follow what they hold; `hands` gives the stance some seconds in."""
    ease, started, ramp = at_ease(actor), actor.stage.now, actor.takes(0.7)
    for s in actor.progress(seconds + 2 * ramp):
        t = actor.stage.now - started
        weight = smooth(min(1.0, t / ramp, (1 - s) * (seconds + 2 * ramp) / ramp))
        actor.show(blend(ease, hands(t), weight))
        yield behavior
    actor.stance = ease


def embrace(actor: Actor, action: Action) -> Motion:
    assert action.who is not None
    other = actor.stage.actors[action.who]
    yield from _meet(actor, other, 0.34)
    back, manner = actor.stance, actor.manner
    swing = manner.within(0.02, 0.0, 0.05)

    def arms(t: float) -> Stance:
        line = other.xy - actor.xy
        far = np.array([*line, 0.0]) / max(float(np.linalg.norm(line)), 1e-6)
        left = np.array([-far[1], far[0], 0.0])
        spine = joint(other, "left_shoulder") / 2 + joint(other, "right_shoulder") / 2
        points = np.array([spine + 0.12 * far - 0.08 * out * left for out in OUTWARD])
        points[LEFT, 2] -= 0.05
        points[RIGHT, 2] -= 0.22
        return replace(
            back,
            pelvis=back.pelvis + swing * np.sin(2 * np.pi * 0.4 * t) * left,
            spine=back.spine + np.array([0.12, 0, 0]),
            neck=np.array([0.15, 0.25, 0]),
            elbows=np.array([[0.9, -0.3, 0.3]] * 2),
            reach=points,
            reaching=np.ones(2),
        )

    yield from _hold(actor, action.seconds or 3.0, arms, Behavior.UNKNOWN)


def handshake(actor: Actor, action: Action) -> Motion:
    assert action.who is not None
    other = actor.stage.actors[action.who]
    yield from _meet(actor, other, 0.75)
    back, rate = actor.stance, actor.manner.within(2.0, 1.2, 3.0)
    low = 0.98 * min(actor.skeleton.height, other.skeleton.height)

    def hand(t: float) -> Stance:
        middle = (actor.xy + other.xy) / 2
        shake = 0.05 * np.sin(2 * np.pi * rate * t)
        point = np.array([*middle, low + shake])
        return replace(
            back, reach=np.array([point] * 2), reaching=np.array([0.0, 1.0]), elbows=_ELBOWS
        )

    yield from _hold(actor, action.seconds or 2.0, hand, Behavior.UNKNOWN)


_TOUCHED: Final = ("left_shoulder", "right_shoulder", "right_elbow", "left_wrist", "nose")


def touch(actor: Actor, action: Action) -> Motion:
    """A hand on the other's shoulder or arm, a face washed, a sleeve held, a high five."""
    assert action.who is not None
    other, manner = actor.stage.actors[action.who], actor.manner
    yield from on_feet(actor)
    yield from close_in(actor, other, manner.within(0.55, 0.4, 0.7))
    back, hand = actor.stance, manner.hand
    name = manner.pick(_TOUCHED)
    both = manner.chance(0.4)
    rate, size = manner.within(0.5, 0.2, 1.2), manner.within(0.03, 0.0, 0.08)

    def hands(t: float) -> Stance:
        point = joint(other, name) + size * np.sin(2 * np.pi * rate * t) * _UP
        line = actor.xy - other.xy
        point[:2] += 0.08 * line / max(float(np.linalg.norm(line)), 1e-6)
        reaching = np.zeros(2)
        reaching[hand] = 1.0
        return replace(
            back,
            reach=np.array([point] * 2),
            reaching=np.ones(2) if both else reaching,
            spine=back.spine + np.array([0.15, 0, 0]),
            elbows=_ELBOWS,
        )

    yield from _hold(actor, action.seconds or 3.0, hands, Behavior.UNKNOWN)


def _sided(points: Vector, heading: float) -> Vector:
    """The left one of two points first, as seen by who looks along `heading`."""
    left = np.array([-np.sin(heading), np.cos(heading), 0.0])
    return points if (points[0] - points[1]) @ left >= 0 else points[::-1]


def help_up(actor: Actor, action: Action) -> Motion:
    """Bend to somebody low, take hold and come up with them."""
    assert action.who is not None
    other, manner = actor.stage.actors[action.who], actor.manner
    yield from on_feet(actor)
    yield from close_in(actor, other, manner.within(0.62, 0.55, 0.8))
    back, h = actor.stance, actor.skeleton.height
    forward = np.array([np.cos(actor.heading), np.sin(actor.heading), 0.0])

    def hands(t: float) -> Stance:
        points = np.array([joint(other, "left_elbow"), joint(other, "right_elbow")])
        points = _sided(points, actor.heading)
        chest = joint(other, "left_shoulder")[2]
        low = float(np.clip((1.25 * h - chest) / h, 0.0, 1.1))
        return replace(
            back,
            pelvis=back.pelvis - low * (0.16 * h * forward + 0.16 * h * _UP),
            rotation=upright(actor.heading) * Rotation.from_euler("x", 0.55 * low),
            spine=np.array([0.15 + 0.6 * low, 0, 0]),
            neck=np.array([-0.2 * low, 0, 0]),
            reach=points,
            reaching=np.ones(2),
            elbows=_ELBOWS,
        )

    yield from _hold(actor, action.seconds or 6.0, hands, Behavior.BEND)


def struggle(actor: Actor, action: Action) -> Motion:
    """Hold somebody by the shoulders and pull and push to and fro."""
    assert action.who is not None
    other = actor.stage.actors[action.who]
    yield from on_feet(actor)
    yield from close_in(actor, other, 0.5)
    yield from actor.noted(_scuffle(actor, other, action.seconds or 4.0), Behavior.PUSH, other)
    yield from still(actor, 0.2, Behavior.STAND)


def _scuffle(actor: Actor, other: Actor, seconds: float) -> Motion:
    manner, back = actor.manner, actor.stance
    forward = np.array([np.cos(actor.heading), np.sin(actor.heading), 0.0])
    left = np.array([-forward[1], forward[0], 0.0])
    rates = np.array([manner.within(0.9, 0.5, 1.5), manner.within(0.6, 0.3, 1.1)])
    size = manner.within(0.1, 0.05, 0.16)

    def hands(t: float) -> Stance:
        points = np.array([joint(other, "left_shoulder"), joint(other, "right_shoulder")])
        points = _sided(points, actor.heading)
        fore, side = np.sin(2 * np.pi * rates * t)
        return replace(
            back,
            pelvis=back.pelvis + size * (fore * forward + 0.7 * side * left) - 0.05 * _UP,
            rotation=upright(actor.heading) * Rotation.from_euler("x", 0.2 + 0.15 * fore),
            spine=np.array([0.2 + 0.2 * fore, 0.15 * side, 0.25 * side]),
            reach=points,
            reaching=np.ones(2),
            elbows=_ELBOWS,
        )

    yield from _hold(actor, seconds, hands, Behavior.PUSH)
