"""Walking, turning, sitting down, lying down, getting up, bending: where the body goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.gait import heading_of, plan_turn, plan_walk
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import Stance, upright, wrap
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Action, Kind
from mizaru.vocabulary import Behavior

_SIT_BACK: Final = 0.36
_TURN_FIRST: Final = np.deg2rad(75.0)
_THIGHS: Final = np.array([[-0.02, -0.70, 0.55]] * 2)


# On foot


def walk(actor: Actor, action: Action) -> Motion:
    yield from on_feet(actor)
    heading = None if action.heading is None else float(np.deg2rad(action.heading))
    if isinstance(action.to, str):
        piece = actor.stage.pieces[action.to]
        target = piece.point(piece.edge + 0.3)
        heading = piece.heading + np.pi if heading is None else heading
    else:
        assert action.to is not None
        target = np.array(action.to)
    for point in (*(np.array(p) for p in action.via), target):
        yield from go(actor, point, action.speed)
    if heading is not None:
        yield from face(actor, heading)


def go(actor: Actor, target: Vector, speed: float | None = None) -> Motion:
    line = np.asarray(target) - actor.stance.ankles[:, :2].mean(axis=0)
    if np.linalg.norm(line) < 0.08:
        return
    heading = float(np.arctan2(line[1], line[0]))
    if abs(float(wrap(np.array(heading - actor.heading)))) > _TURN_FIRST:
        yield from face(actor, heading)
    plan = plan_walk(actor.skeleton, actor.stance, actor.identity.gait, target, speed)
    yield from actor.step(plan, Behavior.WALK)


def face(actor: Actor, heading: float) -> Motion:
    if abs(float(wrap(np.array(heading - actor.heading)))) > np.deg2rad(6):
        plan = plan_turn(actor.skeleton, actor.stance, actor.identity.gait, heading)
        yield from actor.step(plan, Behavior.STAND)


def turn(actor: Actor, action: Action) -> Motion:
    assert action.heading is not None
    yield from on_feet(actor)
    yield from face(actor, float(np.deg2rad(action.heading)))


def wait(actor: Actor, action: Action) -> Motion:
    assert action.seconds is not None
    yield from actor.idle(action.seconds)


def follow(actor: Actor, action: Action) -> Motion:
    """Two steps at a time towards somebody, keeping a distance."""
    assert action.who is not None
    assert action.seconds is not None
    yield from on_feet(actor)
    end = actor.stage.now + action.seconds
    while actor.stage.now < end:
        line = actor.stage.actors[action.who].xy - actor.xy
        distance = float(np.linalg.norm(line))
        if distance > 1.3:
            stride = min(distance - 1.0, 1.3)
            yield from go(actor, actor.xy + line / distance * stride, action.speed)
        else:
            yield actor.idle_frame()


# Sitting, lying, getting up


def sit_down(actor: Actor, action: Action) -> Motion:
    assert action.on is not None
    yield from _sit_on(actor, actor.stage.pieces[action.on])
    if action.seconds:
        yield from actor.idle(action.seconds)


def _sit_on(actor: Actor, piece: Piece) -> Motion:
    yield from on_feet(actor)
    c, s = np.cos(piece.heading), np.sin(piece.heading)
    length = piece.depth if piece.kind is Kind.BED else piece.width
    room = max(length / 2 - 0.3, 0.0)
    aside = float(np.clip((actor.xy - np.array(piece.centre)) @ np.array([-s, c]), -room, room))
    yield from go(actor, piece.point(piece.edge + 0.12, aside))
    yield from face(actor, piece.heading)
    height = actor.skeleton.height
    xy = actor.stance.ankles[:, :2].mean(axis=0) - _SIT_BACK * height * np.array([c, s])
    sitting = replace(
        actor.stance,
        pelvis=np.array([*xy, piece.height + 0.148 * height]),
        rotation=upright(piece.heading) * Rotation.from_euler("x", -0.06),
        spine=np.array([0.14, 0.0, 0.0]),
        knees=np.array([0.12, 0.4, 1.0]),
        wrists=_THIGHS,
    )
    actor.posture = Behavior.SIT
    yield from actor.morph(sitting, 1.7, Behavior.SIT_DOWN, between=_lean(0.38, 0.10))
    actor.seat = piece


def _lean(angle: float, forward: float) -> Callable[[Stance, float], Stance]:
    """Lean forward in the middle of getting up or sitting down."""

    def bend(stance: Stance, weight: float) -> Stance:
        heading = heading_of(stance)
        shift = forward * weight * np.array([np.cos(heading), np.sin(heading), 0.0])
        return replace(
            stance,
            pelvis=stance.pelvis + shift,
            rotation=stance.rotation * Rotation.from_euler("x", angle * weight),
            spine=stance.spine + np.array([angle * weight, 0, 0]),
        )

    return bend


def stand_up(actor: Actor, action: Action) -> Motion:
    yield from on_feet(actor)


def on_feet(actor: Actor) -> Motion:
    """Get up from wherever; nothing if standing."""
    if actor.on_floor:
        yield from _off_the_floor(actor)
    elif actor.posture is Behavior.LIE:
        yield from _off_the_bed(actor)
    if actor.posture is Behavior.SIT:
        target = _standing_here(actor)
        yield from actor.morph(target, 1.6, Behavior.STAND_UP, between=_lean(0.45, 0.06))
        actor.posture, actor.seat = Behavior.STAND, None


def _standing_here(actor: Actor) -> Stance:
    """At ease over the feet as they stand."""
    feet = actor.stance.ankles.copy()
    feet[:, 2] = actor.skeleton.sole
    stand = actor.skeleton.stand(feet[:, :2].mean(axis=0), actor.heading)
    return replace(stand, ankles=feet, foot_yaw=actor.stance.foot_yaw, spine=actor.home.spine)


def lie_down(actor: Actor, action: Action) -> Motion:
    if action.on is not None:
        piece = actor.stage.pieces[action.on]
        if actor.seat is not piece:
            yield from _sit_on(actor, piece)
        heading = piece.heading
        head = np.array([-np.sin(heading), np.cos(heading), 0.0])
        pelvis = np.array([*piece.point(0.0, 0.12), piece.height + 0.115])
    else:
        yield from on_feet(actor)
        yield from _sit_on_floor(actor)
        heading = actor.heading
        head = -np.array([np.cos(heading), np.sin(heading), 0.0])
        pelvis = np.array([*actor.stance.pelvis[:2], 0.125])
    actor.posture = Behavior.LIE
    lying = _supine(actor, pelvis, head)
    lift = 0.25 if action.on else 0.0

    def swing(stance: Stance, weight: float) -> Stance:
        ankles = stance.ankles + np.array([0, 0, lift * weight])
        spine = stance.spine + np.array([0.5 * weight, 0, 0])
        return replace(stance, ankles=ankles, spine=spine)

    yield from actor.morph(lying, 2.6, Behavior.LIE_DOWN, between=swing)
    if action.seconds:
        yield from actor.idle(action.seconds)


def _supine(actor: Actor, pelvis: Vector, head: Vector) -> Stance:
    """On the back, the head in direction `head`."""
    up = np.array([0.0, 0, 1])
    axes = np.stack([np.cross(head, up), head, up], axis=1)
    ankles = np.zeros((2, 3))
    reach = 0.985 * actor.skeleton.leg - actor.skeleton.hip[1]
    for side, out in enumerate(OUTWARD):
        ankles[side] = pelvis - reach * head + out * 0.13 * axes[:, 0] + [0, 0, -0.06]
    return replace(
        actor.stance,
        pelvis=pelvis,
        rotation=Rotation.from_matrix(axes),
        spine=np.array([0.05, 0, 0]),
        neck=np.array([0.25, 0, 0]),
        ankles=ankles,
        planted=0.0,
        wrists=np.array([[0.28, -0.9, 0.0]] * 2),
    )


def _off_the_bed(actor: Actor) -> Motion:
    """From lying to sitting on the edge, or on the floor."""
    piece = actor.seat
    if piece is None:
        yield from actor.morph(_floor_sitting(actor, actor.heading), 2.0, Behavior.STAND_UP)
        yield from _rise(actor)
        return
    c, s = np.cos(piece.heading), np.sin(piece.heading)
    feet = piece.point(piece.edge + 0.12, 0.1)
    stand = actor.skeleton.stand(feet, piece.heading)
    xy = feet - _SIT_BACK * actor.skeleton.height * np.array([c, s])
    sitting = replace(
        stand,
        pelvis=np.array([*xy, piece.height + 0.148 * actor.skeleton.height]),
        spine=np.array([0.14, 0, 0]),
        knees=np.array([0.12, 0.4, 1.0]),
        wrists=_THIGHS,
    )

    def swing(stance: Stance, weight: float) -> Stance:
        return replace(stance, ankles=stance.ankles + np.array([0, 0, 0.25 * weight]))

    yield from actor.morph(sitting, 2.2, Behavior.STAND_UP, between=swing)
    actor.posture = Behavior.SIT


def _sit_on_floor(actor: Actor) -> Motion:
    yield from actor.morph(squatting(actor), 1.4, Behavior.LIE_DOWN)
    yield from actor.morph(_floor_sitting(actor, actor.heading), 1.2, Behavior.LIE_DOWN)


def _floor_sitting(actor: Actor, heading: float) -> Stance:
    xy = actor.xy
    forward = np.array([np.cos(heading), np.sin(heading)])
    stand = actor.skeleton.stand(xy + 0.55 * actor.skeleton.leg * forward, heading)
    return replace(
        stand,
        pelvis=np.array([*xy, 0.15 * actor.skeleton.height]),
        rotation=upright(heading) * Rotation.from_euler("x", -0.15),
        spine=np.array([0.35, 0, 0]),
        wrists=np.array([[0.25, -0.75, 0.1]] * 2),
    )


def _off_the_floor(actor: Actor) -> Motion:
    """Up from where physics left the body: over sitting, or over hands and knees."""
    root = Rotation.from_quat(actor.qpos[3:7], scalar_first=True).as_matrix()
    head = root[:2, 1]
    supine = root[2, 2] > -0.2
    towards = -head if supine else head
    heading = float(np.arctan2(towards[1], towards[0]))
    if supine:
        yield from actor.blend_from_floor(_floor_sitting(actor, heading), 2.0, Behavior.STAND_UP)
    else:
        yield from actor.blend_from_floor(_on_all_fours(actor, heading), 2.0, Behavior.STAND_UP)
    yield from _rise(actor)


def _on_all_fours(actor: Actor, heading: float) -> Stance:
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


def _rise(actor: Actor) -> Motion:
    actor.posture = Behavior.SIT
    yield from actor.morph(squatting(actor), 1.4, Behavior.STAND_UP)
    yield from actor.morph(_standing_here(actor), 1.4, Behavior.STAND_UP, between=_lean(0.3, 0.0))
    actor.posture = Behavior.STAND


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


def still(actor: Actor, seconds: float, behavior: Behavior) -> Motion:
    for _ in actor.progress(seconds):
        actor.show(actor.stance)
        yield behavior


def squat(actor: Actor, action: Action) -> Motion:
    yield from on_feet(actor)
    back = actor.stance
    yield from actor.morph(squatting(actor), 1.1, Behavior.SQUAT)
    yield from still(actor, action.seconds or 3.0, Behavior.SQUAT)
    yield from actor.morph(back, 1.2, Behavior.SQUAT)


def bend(actor: Actor, action: Action) -> Motion:
    yield from on_feet(actor)
    back, heading = actor.stance, actor.heading
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    h = actor.skeleton.height
    low = replace(
        back,
        pelvis=back.pelvis - 0.14 * h * forward - np.array([0, 0, 0.10 * h]),
        rotation=upright(heading) * Rotation.from_euler("x", 0.75),
        spine=np.array([0.85, 0, 0]),
        neck=np.array([-0.2, 0, 0]),
        wrists=np.array([[-0.05, -0.62, 0.72]] * 2),
    )
    yield from actor.morph(low, 1.2, Behavior.BEND)
    yield from still(actor, action.seconds or 1.5, Behavior.BEND)
    yield from actor.morph(back, 1.2, Behavior.BEND)
