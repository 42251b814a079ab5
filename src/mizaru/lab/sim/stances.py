"""How a body stands, sits, squats and lies: one stance each, for `mizaru.lab.sim.postures` to go
from one to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import Stance, upright
from mizaru.vocabulary import Behavior

_RUNS_FROM: Final = 1.9
"""Faster than this, m/s, arms and trunk are those of running."""
_LOADS: Final = (
    np.array([0.02, -0.5, 0.5]),
    np.array([0.1, -0.75, 0.25]),
    np.array([0.0, -0.3, 0.42]),
    np.array([0.3, -0.85, -0.1]),
)
"""Where the wrist is with something in the hand: before the belly, on a walker, …"""
_IDLE_ARMS: Final = (
    (np.array([0.13, -0.955, 0.06]), np.array([0.35, 0.0, -1.0])),
    (np.array([-0.28, -0.45, 0.34]), np.array([0.9, -0.8, 0.2])),
    (np.array([0.12, -0.68, 0.02]), np.array([1.0, 0.0, -0.5])),
    (np.array([-0.1, -0.8, -0.22]), np.array([0.6, 0.0, -1.0])),
    (np.array([0.05, -0.3, 0.5]), np.array([0.5, -1.0, 0.0])),
    (np.array([0.2, -0.4, 0.55]), np.array([0.5, -1.0, -0.2])),
    (np.array([-0.15, 0.12, 0.28]), np.array([0.9, -0.9, 0.2])),
    (np.array([-0.05, -0.62, 0.45]), np.array([0.5, -0.6, -0.6])),
)
"""Wrists and elbows of somebody who waits: hanging, folded, on the hip, at the back, talking,
at the chin, clasped."""
_LYING_ARMS: Final = (
    np.array([0.28, -0.9, 0.05]),
    np.array([-0.1, -0.55, 0.3]),
    np.array([0.0, -0.25, 0.32]),
    np.array([0.4, 0.35, 0.1]),
    np.array([0.75, -0.4, 0.05]),
)
SEATED_THIGHS: Final = np.array([[-0.02, -0.70, 0.55]] * 2)
"""Where the wrists rest while somebody sits."""


def carrying(actor: Actor, speed: float | None) -> Stance | None:
    """Arms and trunk for running, or with something in the hands; None for the usual."""
    manner, here = actor.manner, actor.stance
    if manner.plain:
        return None
    if speed is not None and speed > _RUNS_FROM:
        return replace(
            here,
            spine=here.spine + np.array([0.14, 0, 0]),
            wrists=manner.around(np.array([[0.05, -0.5, 0.35]] * 2), 0.05),
        )
    if not manner.chance(0.3):
        return None
    arms = manner.pick(_LOADS)
    wrists = here.wrists.copy()
    if manner.chance(0.5):
        wrists[:] = arms
    else:
        wrists[manner.hand] = arms
    return replace(here, wrists=manner.around(wrists, 0.04))


def at_ease(actor: Actor) -> Stance:
    """The stance of now with arms and trunk at rest."""
    home = actor.home
    return replace(
        actor.stance,
        spine=home.spine,
        neck=home.neck,
        wrists=home.wrists,
        elbows=home.elbows,
        reaching=np.zeros(2),
    )


def fidgeting(actor: Actor, back: Stance) -> Stance:
    """Another way to stand, sit or lie in the same place."""
    manner = actor.manner
    neck = back.neck + manner.around(np.zeros(3), 0.2)
    if actor.posture is Behavior.LIE:
        arms = manner.pick(_LYING_ARMS)
        wrists = back.wrists.copy()
        wrists[manner.hand] = arms
        return replace(back, neck=neck, wrists=manner.around(wrists, 0.05))
    wrists, elbows = back.wrists.copy(), back.elbows.copy()
    arms, elbow = manner.pick(_IDLE_ARMS)
    hand = manner.hand
    wrists[hand], elbows[hand] = arms, elbow
    if manner.chance(0.5):
        wrists[1 - hand], elbows[1 - hand] = arms, elbow
    lean = np.array([manner.within(0.0, -0.12, 0.3), 0.0, 0.0]) + manner.around(np.zeros(3), 0.06)
    pelvis = back.pelvis
    if actor.posture is Behavior.STAND:
        left = np.array([-np.sin(actor.heading), np.cos(actor.heading), 0.0])
        pelvis = pelvis + manner.within(0.0, -0.05, 0.05) * left - np.array([0, 0, 0.01])
        lean[0] *= 0.5
    return replace(
        back,
        pelvis=pelvis,
        spine=back.spine + lean,
        neck=neck,
        wrists=manner.around(wrists, 0.04),
        elbows=elbows,
    )


def seated(actor: Actor, base: Stance, xy: Vector, height: float, heading: float) -> Stance:
    """On a seat; slouched, leaning or upright."""
    manner = actor.manner
    return replace(
        base,
        pelvis=np.array([*xy, height]),
        rotation=upright(heading) * Rotation.from_euler("x", manner.within(-0.06, -0.35, 0.1)),
        spine=np.array([manner.within(0.14, 0.0, 0.5), 0.0, 0.0]),
        knees=np.array([manner.within(0.12, 0.0, 0.5), 0.4, 1.0]),
        wrists=manner.around(SEATED_THIGHS, 0.05),
    )


def standing_here(actor: Actor) -> Stance:
    """At ease over the feet as they stand."""
    feet = actor.stance.ankles.copy()
    feet[:, 2] = actor.skeleton.sole
    stand = actor.skeleton.stand(feet[:, :2].mean(axis=0), actor.heading)
    return replace(stand, ankles=feet, foot_yaw=actor.stance.foot_yaw, spine=actor.home.spine)


def lying_stance(actor: Actor, xy: Vector, head: Vector, top: float, roll: float) -> Stance:
    """Lying, the head in direction `head` (unit, horizontal), the face turned by `roll` degrees
    from up to the left of that direction; `top` is the height of what one lies on."""
    manner, skeleton = actor.manner, actor.skeleton
    angle = np.deg2rad(roll)
    up = np.array([0.0, 0, 1])
    face = np.cos(angle) * up + np.sin(angle) * np.cross(up, head)
    axes = np.stack([np.cross(head, face), head, face], axis=1)
    side = abs(np.sin(angle))
    prone = np.cos(angle) < -0.5
    height = skeleton.height if not manner.plain else 1.0
    thick = 0.115 + 0.055 * side - 0.005 * prone
    pelvis = np.array([*xy, top + thick * height])
    bent = manner.within(0.0, 0.25 * side, 0.45 + 0.4 * side) if manner.chance(0.5 + side) else 0.0
    if prone:
        bent = 0.0
    reach = 0.985 * skeleton.leg * (1 - 0.55 * bent) - skeleton.hip[1]
    ankles = np.zeros((2, 3))
    forward = 0.5 * bent * skeleton.leg * side
    for out, ankle in zip(OUTWARD, ankles, strict=True):
        ankle[:] = pelvis - reach * head + out * 0.13 * axes[:, 0] + forward * face
    ankles[:, 2] = np.maximum(pelvis[2] - 0.06 * height, 0.05 * height)
    if side > 0.5:
        ankles[:, 2] += np.where(axes[2, 0] * np.array(OUTWARD) > 0, 0.1, 0.0) * height
    if prone:
        arms = manner.pick((np.array([0.45, 0.35, 0.05]), np.array([0.3, -0.85, 0.05])))
    elif side > 0.5:
        arms = manner.pick((np.array([0.0, -0.3, 0.6]), np.array([0.0, 0.1, 0.5])))
    else:
        arms = manner.pick((np.array([0.28, -0.9, 0.0]), *_LYING_ARMS))
    return replace(
        actor.stance,
        pelvis=pelvis,
        rotation=Rotation.from_matrix(axes),
        spine=np.array([manner.within(0.05, 0.0, 0.15 + 0.3 * side), 0, 0]),
        neck=np.array([-0.1 if prone else 0.25, 0, manner.within(0.0, -0.5, 0.5)]),
        ankles=ankles,
        planted=0.0,
        knees=np.array([0.12, 0.4 if manner.plain else 0.1, 1.0]),
        wrists=manner.around(np.array([arms] * 2), 0.05),
        elbows=actor.stance.elbows if manner.plain else np.array([_lying_elbow(side)] * 2),
        reaching=np.zeros(2),
    )


def _lying_elbow(side: float) -> tuple[float, float, float]:
    """Out and back, but not into what one lies on."""
    return (0.0, -1.0, 0.2) if side > 0.5 else (0.6, 0.0, -0.6)


def floor_sitting(actor: Actor, heading: float) -> Stance:
    """Legs ahead, bent or crossed, hands on the floor or round the knees."""
    xy, manner = actor.xy, actor.manner
    forward = np.array([np.cos(heading), np.sin(heading)])
    far = manner.within(0.55, 0.3, 0.95)
    stand = actor.skeleton.stand(xy + far * actor.skeleton.leg * forward, heading)
    wide = manner.within(0.0, 0.0, 1.0) if manner.chance(0.4) else 0.0
    return replace(
        stand,
        pelvis=np.array([*xy, 0.15 * actor.skeleton.height]),
        rotation=upright(heading) * Rotation.from_euler("x", manner.within(-0.15, -0.3, 0.1)),
        spine=np.array([manner.within(0.35, 0.1, 0.6), 0, 0]),
        knees=np.array([0.12 + wide, 0.0, 1.0]),
        wrists=manner.pick(
            (np.array([[0.25, -0.75, 0.1]] * 2), np.array([[-0.05, -0.5, 0.6]] * 2),
             np.array([[0.25, -0.75, -0.25]] * 2))
        ),
    )  # fmt: skip


def on_all_fours(actor: Actor, heading: float) -> Stance:
    forward = np.array([np.cos(heading), np.sin(heading)])
    left = np.array([-forward[1], forward[0]])
    h, xy = actor.skeleton.height, actor.xy
    stand = actor.skeleton.stand(xy - 0.30 * h * forward, heading)
    hands = [np.array([*(xy + 0.5 * h * forward + out * 0.2 * left), 0.06]) for out in OUTWARD]
    ankles = stand.ankles.copy()
    ankles[:, 2] = 0.1 * h
    return replace(
        stand,
        pelvis=np.array([*xy, 0.52 * h]),
        rotation=upright(heading) * Rotation.from_euler("x", 1.15),
        ankles=ankles,
        foot_pitch=np.full(2, 1.0),
        reach=np.array(hands),
        reaching=np.ones(2),
        neck=np.array([-0.4, 0, 0]),
    )


def squatting(actor: Actor) -> Stance:
    feet = actor.stance.ankles[:, :2].mean(axis=0)
    heading = actor.heading
    forward = np.array([np.cos(heading), np.sin(heading)])
    h = actor.skeleton.height
    stand = actor.skeleton.stand(feet, heading)
    return replace(
        stand,
        pelvis=np.array([*(feet - 0.19 * h * forward), 0.40 * h]),
        rotation=upright(heading) * Rotation.from_euler("x", 0.45),
        spine=np.array([0.45, 0, 0]),
        neck=np.array([-0.35, 0, 0]),
        knees=np.array([0.25, 0.5, 1.0]),
        wrists=np.array([[-0.02, -0.45, 0.65]] * 2),
    )


def bent(actor: Actor, depth: float) -> Stance:
    """Bent over from standing; depth 1 has the hands at the shins."""
    back, heading = actor.stance, actor.heading
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    h = actor.skeleton.height
    return replace(
        back,
        pelvis=back.pelvis - depth * (0.14 * h * forward + np.array([0, 0, 0.10 * h])),
        rotation=upright(heading) * Rotation.from_euler("x", 0.75 * depth),
        spine=np.array([0.85 * depth, 0, 0]),
        neck=np.array([-0.2, 0, 0]),
        wrists=actor.manner.around(np.array([[-0.05, -0.62, 0.72]] * 2), 0.06),
    )


def in_wheelchair(
    actor: Actor, xy: Vector, heading: float, beat: float = 0.0, *, plain: bool = False
) -> Stance:
    """Sitting at seat height; the hands push the rims once in 1.3 seconds."""
    h = actor.skeleton.height
    forward = np.array([np.cos(heading), np.sin(heading)])
    stand = actor.skeleton.stand(np.asarray(xy) + 0.42 * h * forward, heading)
    ankles = stand.ankles.copy()
    ankles[:, 2] += 0.12
    swing = 0.0 if plain else 0.22 * np.sin(2 * np.pi * beat / 1.3)
    lean = 0.0 if plain else 0.08 * np.sin(2 * np.pi * beat / 1.3)
    return replace(
        stand,
        pelvis=np.array([*xy, 0.50 + 0.10 * h]),
        rotation=upright(heading) * Rotation.from_euler("x", -0.12),
        spine=np.array([0.2 + actor.identity.gait.stoop * 0.5 + lean, 0, 0]),
        knees=np.array([0.12, 0.4, 1.0]),
        ankles=ankles,
        wrists=SEATED_THIGHS if plain else np.array([[0.22, -0.66, 0.18 + swing]] * 2),
        elbows=np.array([[0.5, 0.0, -1.0]] * 2),
    )
