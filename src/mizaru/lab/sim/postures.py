"""Walking, turning, sitting down, lying down, getting up, bending: where the body goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.gait import heading_of, plan_turn, plan_walk, smooth
from mizaru.lab.sim.humanoid import Vector
from mizaru.lab.sim.kinematics import Stance, upright, wrap
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Action, Do, Kind
from mizaru.lab.sim.stances import (
    SEATED_THIGHS,
    at_ease,
    bent,
    carrying,
    fidgeting,
    floor_sitting,
    in_wheelchair,
    lying_stance,
    on_all_fours,
    seated,
    squatting,
    standing_here,
)
from mizaru.vocabulary import Behavior

_SIT_BACK: Final = 0.36
_TURN_FIRST: Final = np.deg2rad(75.0)
_DROPPED: Final = (0.92 / 2.2) ** (1 / 2.6)
"""When a dropped body meets the seat, as a share of the time."""


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
    laden = carrying(actor, action.speed)
    if laden is not None:
        yield from actor.morph(laden, 0.4, Behavior.STAND)
    for point in (*(np.array(p) for p in action.via), target):
        yield from go(actor, point, action.speed)
    if laden is not None:
        yield from actor.morph(at_ease(actor), 0.4, Behavior.STAND)
    if heading is not None:
        yield from face(actor, heading)


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
            move = actor.morph(fidgeting(actor, back), actor.takes(0.8), actor.posture)
            yield from actor.idling(move)
        lying = actor.posture is Behavior.LIE
        pause = manner.within(20.0, 5.0, 90.0) if lying else manner.within(3.0, 0.8, 7.0)
        yield from actor.idle(min(pause, end - actor.stage.now))
    if actor.stance is not back and actor.jolts == jolts:
        yield from actor.idling(actor.morph(back, actor.takes(0.7), actor.posture))


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
    sitting = seated(actor, actor.stance, xy, piece.height + 0.148 * height, piece.heading)
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
    sitting = seated(actor, stand, xy, piece.height + 0.148 * height, piece.heading)
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
        target = standing_here(actor)
        lean = _lean(actor.manner.vary(0.45), 0.06)
        yield from actor.morph(target, actor.takes(1.6), Behavior.STAND_UP, between=lean)
        actor.posture, actor.seat, actor.wheels = Behavior.STAND, None, False


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
        wrists=SEATED_THIGHS,
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


def rise(actor: Actor) -> Motion:
    actor.posture = Behavior.SIT
    low = squatting(actor)
    yield from actor.morph(low, actor.takes(1.4), Behavior.STAND_UP)
    up = standing_here(actor)
    yield from actor.morph(up, actor.takes(1.4), Behavior.STAND_UP, between=_lean(0.3, 0.0))
    actor.posture = Behavior.STAND


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


# In a wheelchair


def wheel(actor: Actor, action: Action) -> Motion:
    """Roll somewhere; whoever does not sit in a wheelchair yet gets into one."""
    if not actor.wheels:
        yield from on_feet(actor)
        chair = in_wheelchair(actor, actor.xy, actor.heading)
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
        actor.show(in_wheelchair(actor, start + smooth(s) * line, heading, beat, plain=pushed))
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
        actor.show(in_wheelchair(actor, xy, now + smooth(s) * turn, beat))
        yield Behavior.SIT
