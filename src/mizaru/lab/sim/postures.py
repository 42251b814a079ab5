"""Walking, turning, sitting down, lying down, getting up, bending: where the body goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.gait import heading_of, plan_turn, plan_walk, smooth
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import Stance, upright, wrap
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Action, Do, Kind
from mizaru.vocabulary import Behavior

_SIT_BACK: Final = 0.36
_TURN_FIRST: Final = np.deg2rad(75.0)
_RUNS_FROM: Final = 1.9
"""Faster than this, m/s, arms and trunk are those of running."""
_DROPPED: Final = (0.92 / 2.2) ** (1 / 2.6)
"""When a dropped body meets the seat, as a share of the time."""
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
    if actor.wheels:
        for point in (*(np.array(p) for p in action.via), target):
            yield from roll(actor, point, action.speed)
        return
    carrying = _carrying(actor, action.speed)
    if carrying is not None:
        yield from actor.morph(carrying, 0.4, Behavior.STAND)
    for point in (*(np.array(p) for p in action.via), target):
        yield from go(actor, point, action.speed)
    if carrying is not None:
        yield from actor.morph(at_ease(actor), 0.4, Behavior.STAND)
    if heading is not None:
        yield from face(actor, heading)


def _carrying(actor: Actor, speed: float | None) -> Stance | None:
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


def go(actor: Actor, target: Vector, speed: float | None = None) -> Motion:
    line = np.asarray(target) - actor.stance.ankles[:, :2].mean(axis=0)
    if np.linalg.norm(line) < 0.08:
        return
    heading = float(np.arctan2(line[1], line[0]))
    if abs(float(wrap(np.array(heading - actor.heading)))) > _TURN_FIRST:
        yield from face(actor, heading)
    if speed is None:
        speed = actor.manner.vary(actor.identity.gait.speed, 0.15)
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
    yield from rest(actor, action.seconds)


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


def rest(actor: Actor, seconds: float) -> Motion:
    """Be idle; unless always alike, shift, fold arms, look about and talk with the hands."""
    if actor.manner.plain or actor.on_floor:
        yield from actor.idle(seconds)
        return
    manner, back, end = actor.manner, actor.stance, actor.stage.now + seconds - actor.dt / 2
    jolts = actor.jolts
    while actor.stage.now < end:
        if actor.on_floor:
            yield from actor.idle(end - actor.stage.now)
            return
        if actor.jolts != jolts:
            back, jolts = actor.stance, actor.jolts
        if end - actor.stage.now > 3.0 and manner.chance(0.6):
            move = actor.morph(_fidget(actor, back), actor.takes(0.8), actor.posture)
            yield from actor.idling(move)
        lying = actor.posture is Behavior.LIE
        pause = manner.within(20.0, 5.0, 90.0) if lying else manner.within(3.0, 0.8, 7.0)
        yield from actor.idle(min(pause, end - actor.stage.now))
    if actor.stance is not back and actor.jolts == jolts:
        yield from actor.idling(actor.morph(back, actor.takes(0.7), actor.posture))


def _fidget(actor: Actor, back: Stance) -> Stance:
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


def sit_down(actor: Actor, action: Action) -> Motion:
    assert action.on is not None
    yield from _sit_on(actor, actor.stage.pieces[action.on])
    if action.seconds:
        yield from rest(actor, action.seconds)


def _sit_on(actor: Actor, piece: Piece) -> Motion:
    if actor.wheels:
        yield from _transfer(actor, piece)
        return
    yield from on_feet(actor)
    c, s = np.cos(piece.heading), np.sin(piece.heading)
    length = piece.depth if piece.kind is Kind.BED else piece.width
    room = max(length / 2 - 0.3, 0.0)
    aside = float(np.clip((actor.xy - np.array(piece.centre)) @ np.array([-s, c]), -room, room))
    yield from go(actor, piece.point(piece.edge + 0.12, aside))
    yield from face(actor, piece.heading)
    height = actor.skeleton.height
    xy = actor.stance.ankles[:, :2].mean(axis=0) - _SIT_BACK * height * np.array([c, s])
    sitting = _seated(actor, actor.stance, xy, piece.height + 0.148 * height, piece.heading)
    actor.posture = Behavior.SIT
    # Soft, or let oneself drop.
    heavy = actor.manner.chance(0.35)
    yield from actor.morph(
        sitting,
        actor.manner.within(0.8, 0.55, 1.0) if heavy else actor.takes(1.7),
        Behavior.SIT_DOWN,
        between=_lean(actor.manner.vary(0.38), 0.10),
        ease=_drop if heavy else smooth,
    )
    actor.seat = piece


def _seated(actor: Actor, base: Stance, xy: Vector, height: float, heading: float) -> Stance:
    """On a seat; slouched, leaning or upright."""
    manner = actor.manner
    return replace(
        base,
        pelvis=np.array([*xy, height]),
        rotation=upright(heading) * Rotation.from_euler("x", manner.within(-0.06, -0.35, 0.1)),
        spine=np.array([manner.within(0.14, 0.0, 0.5), 0.0, 0.0]),
        knees=np.array([manner.within(0.12, 0.0, 0.5), 0.4, 1.0]),
        wrists=manner.around(_THIGHS, 0.05),
    )


def _drop(s: float) -> float:
    """Slow at first, then falling, then stopped by the seat."""
    s = min(s, 1.0)
    fallen = 2.2 * s**2.6
    return fallen if fallen < 0.92 else 1 - 0.08 * (1 - s) / (1 - _DROPPED)


def _transfer(actor: Actor, piece: Piece) -> Motion:
    """From a wheelchair to a seat or bed: up, round and down, close to the edge."""
    yield from roll(actor, piece.point(piece.edge + 0.55, actor.manner.within(0.0, -0.2, 0.2)))
    height = actor.skeleton.height
    feet = piece.point(piece.edge + 0.14)
    stand = actor.skeleton.stand(feet, piece.heading)
    half = replace(
        stand,
        pelvis=stand.pelvis - np.array([0, 0, 0.16 * height]),
        rotation=upright(piece.heading) * Rotation.from_euler("x", 0.35),
        spine=np.array([0.35, 0, 0]),
        wrists=np.array([[0.1, -0.6, 0.5]] * 2),
    )
    yield from actor.morph(half, actor.takes(2.6), Behavior.STAND_UP)
    c, s = np.cos(piece.heading), np.sin(piece.heading)
    xy = feet - _SIT_BACK * height * np.array([c, s])
    sitting = _seated(actor, stand, xy, piece.height + 0.148 * height, piece.heading)
    yield from actor.morph(sitting, actor.takes(1.8), Behavior.SIT_DOWN)
    actor.wheels, actor.seat = False, piece


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
    low = actor.seat is None and not actor.wheels
    if actor.posture is Behavior.SIT and low:
        yield from rise(actor)
    if actor.posture is Behavior.SIT:
        target = _standing_here(actor)
        lean = _lean(actor.manner.vary(0.45), 0.06)
        yield from actor.morph(target, actor.takes(1.6), Behavior.STAND_UP, between=lean)
        actor.posture, actor.seat, actor.wheels = Behavior.STAND, None, False


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
        xy, top = piece.point(0.0, 0.12), piece.height
    else:
        yield from on_feet(actor)
        if actor.manner.chance(0.4):
            yield from to_all_fours(actor)
        else:
            yield from _sit_on_floor(actor)
        heading = actor.heading
        prone = actor.stance.rotation.as_matrix()[2, 2] < -0.5
        head = (1.0 if prone else -1.0) * np.array([np.cos(heading), np.sin(heading), 0.0])
        xy, top = actor.stance.pelvis[:2], 0.01
    actor.posture = Behavior.LIE
    actor.bed = (top, head)
    rolls: tuple[float, ...] = (0.0, 0.0, 90.0, -90.0)
    if action.on is None and actor.stance.rotation.as_matrix()[2, 2] < -0.5:
        rolls = (180.0, 90.0, -90.0)
    lying = lying_stance(actor, xy, head, top, actor.manner.pick(rolls))
    lift = 0.25 if action.on else 0.0

    def swing(stance: Stance, weight: float) -> Stance:
        ankles = stance.ankles + np.array([0, 0, lift * weight])
        spine = stance.spine + np.array([0.5 * weight, 0, 0])
        return replace(stance, ankles=ankles, spine=spine)

    yield from actor.morph(lying, actor.takes(2.6, 0.3), Behavior.LIE_DOWN, between=swing)
    if action.seconds:
        yield from rest(actor, action.seconds)


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


def turn_over(actor: Actor, action: Action) -> Motion:
    """In bed or on the floor: another side up, by quarter turns."""
    if actor.posture is not Behavior.LIE or actor.bed is None:
        yield from lie_down(actor, Action(do=Do.LIE_DOWN))
    assert actor.bed is not None
    top, head = actor.bed
    face = actor.stance.rotation.as_matrix()[:, 2]
    across = np.cross([0.0, 0.0, 1.0], head)
    now = float(np.rad2deg(np.arctan2(face @ across, face[2])))
    sign = actor.manner.pick((1.0, -1.0))
    if abs(now) > 120:
        sign = -np.sign(now)
    if abs(now) > 60 and actor.manner.chance(0.8):
        sign = -np.sign(now)
    goal = now + 90.0 * sign
    xy = actor.stance.pelvis[:2] + actor.manner.within(0.0, -0.06, 0.06) * across[:2]
    lying = lying_stance(actor, xy, head, top, goal)

    def heave(stance: Stance, weight: float) -> Stance:
        return replace(stance, pelvis=stance.pelvis + np.array([0, 0, 0.04 * weight]))

    yield from actor.morph(lying, actor.takes(1.8, 0.4), Behavior.LIE, between=heave)
    if action.seconds:
        yield from rest(actor, action.seconds)


def to_all_fours(actor: Actor) -> Motion:
    heading = actor.heading
    yield from actor.morph(squatting(actor), actor.takes(1.3), Behavior.LIE_DOWN)
    yield from actor.morph(on_all_fours(actor, heading), actor.takes(1.2), Behavior.LIE_DOWN)
    xy, top = actor.stance.pelvis[:2], 0.01
    head = np.array([np.cos(heading), np.sin(heading), 0.0])
    prone = lying_stance(actor, xy, head, top, 180.0)
    yield from actor.morph(prone, actor.takes(1.6), Behavior.LIE_DOWN)


def _off_the_bed(actor: Actor) -> Motion:
    """From lying to sitting on the edge, or on the floor."""
    piece = actor.seat
    if piece is None:
        matrix = actor.stance.rotation.as_matrix()
        if matrix[2, 2] < -0.5:
            heading = float(np.arctan2(matrix[1, 1], matrix[0, 1]))
            low = on_all_fours(actor, heading)
        else:
            heading = float(np.arctan2(-matrix[1, 1], -matrix[0, 1]))
            low = floor_sitting(actor, heading)
        yield from actor.morph(low, actor.takes(2.0), Behavior.STAND_UP)
        yield from rise(actor)
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

    yield from actor.morph(sitting, actor.takes(2.2), Behavior.STAND_UP, between=swing)
    actor.posture = Behavior.SIT
    if not actor.manner.plain:
        yield from rest(actor, actor.manner.within(0.5, 0.3, 3.0))


def _sit_on_floor(actor: Actor, behavior: Behavior = Behavior.LIE_DOWN) -> Motion:
    yield from actor.morph(squatting(actor), actor.takes(1.4), behavior)
    yield from actor.morph(floor_sitting(actor, actor.heading), actor.takes(1.2), behavior)


def sit_floor(actor: Actor, action: Action) -> Motion:
    yield from on_feet(actor)
    yield from _sit_on_floor(actor, Behavior.SIT_DOWN)
    actor.posture = Behavior.SIT
    yield from rest(actor, action.seconds or 4.0)


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


def _off_the_floor(actor: Actor) -> Motion:
    """Up from where physics left the body: over sitting, or over hands and knees."""
    root = Rotation.from_quat(actor.qpos[3:7], scalar_first=True).as_matrix()
    head = root[:2, 1]
    supine = root[2, 2] > -0.2
    towards = -head if supine else head
    heading = float(np.arctan2(towards[1], towards[0]))
    if supine:
        yield from actor.blend_from_floor(
            floor_sitting(actor, heading), actor.takes(2.0), Behavior.STAND_UP
        )
    else:
        yield from actor.blend_from_floor(
            on_all_fours(actor, heading), actor.takes(2.0), Behavior.STAND_UP
        )
    yield from rise(actor)


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


def rise(actor: Actor) -> Motion:
    actor.posture = Behavior.SIT
    low = squatting(actor)
    yield from actor.morph(low, actor.takes(1.4), Behavior.STAND_UP)
    up = _standing_here(actor)
    yield from actor.morph(up, actor.takes(1.4), Behavior.STAND_UP, between=_lean(0.3, 0.0))
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
    yield from actor.morph(squatting(actor), actor.takes(1.1), Behavior.SQUAT)
    yield from still(actor, action.seconds or 3.0, Behavior.SQUAT)
    yield from actor.morph(back, actor.takes(1.2), Behavior.SQUAT)


def bend(actor: Actor, action: Action) -> Motion:
    yield from on_feet(actor)
    back = actor.stance
    yield from actor.morph(
        bent(actor, actor.manner.within(1.0, 0.5, 1.1)), actor.takes(1.2), Behavior.BEND
    )
    yield from still(actor, action.seconds or 1.5, Behavior.BEND)
    yield from actor.morph(back, actor.takes(1.2), Behavior.BEND)


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


# In a wheelchair


def wheel(actor: Actor, action: Action) -> Motion:
    """Roll somewhere; whoever does not sit in a wheelchair yet gets into one."""
    if not actor.wheels:
        yield from on_feet(actor)
        chair = _in_wheelchair(actor, actor.xy, actor.heading)
        actor.posture = Behavior.SIT
        yield from actor.morph(chair, actor.takes(1.8), Behavior.SIT_DOWN, between=_lean(0.3, 0.08))
        actor.wheels = True
    if isinstance(action.to, str):
        piece = actor.stage.pieces[action.to]
        target = piece.point(piece.edge + 0.6)
    else:
        assert action.to is not None
        target = np.array(action.to)
    yield from roll(actor, target, action.speed)
    if action.heading is not None:
        yield from _swivel(actor, float(np.deg2rad(action.heading)))


def roll(actor: Actor, target: Vector, speed: float | None = None) -> Motion:
    """Turn the wheelchair and drive it straight to a point on the floor."""
    start = actor.stance.pelvis[:2].copy()
    line = np.asarray(target) - start
    distance = float(np.linalg.norm(line))
    if distance < 0.1:
        return
    heading = float(np.arctan2(line[1], line[0]))
    yield from _swivel(actor, heading)
    pushed = actor.manner.chance(0.4)
    pace = speed or actor.manner.within(0.6, 0.3, 0.9)
    started = actor.stage.now
    for s in actor.progress(distance / pace + 0.6):
        beat = 0.0 if pushed else actor.stage.now - started
        actor.show(_in_wheelchair(actor, start + smooth(s) * line, heading, beat, plain=pushed))
        yield Behavior.SIT


def _swivel(actor: Actor, heading: float) -> Motion:
    now = actor.heading
    turn = float(wrap(np.array(heading - now)))
    xy = actor.stance.pelvis[:2].copy()
    if abs(turn) < np.deg2rad(4):
        return
    started = actor.stage.now
    for s in actor.progress(abs(turn) / 0.9 + 0.4):
        beat = actor.stage.now - started
        actor.show(_in_wheelchair(actor, xy, now + smooth(s) * turn, beat))
        yield Behavior.SIT


def _in_wheelchair(
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
        wrists=_THIGHS if plain else np.array([[0.22, -0.66, 0.18 + swing]] * 2),
        elbows=np.array([[0.5, 0.0, -1.0]] * 2),
    )
