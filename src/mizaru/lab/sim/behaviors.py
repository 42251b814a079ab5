"""What a script's actions look like: one function per `Do`, each a generator of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Hit, Motion
from mizaru.lab.sim.gait import heading_of, plan_turn, plan_walk, smooth
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import RIGHT, Stance, upright, wrap
from mizaru.lab.sim.physics import Loss
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Action, Do, Kind, Outcome
from mizaru.vocabulary import Behavior

ARMS_LENGTH: Final = 0.68
"""Distance between two people for a push, metres."""
_SIT_BACK: Final = 0.36
"""Pelvis behind the ankles when sitting, metres, unscaled."""
_TURN_FIRST: Final = np.deg2rad(75.0)
_THIGHS: Final = np.array([[-0.02, -0.70, 0.55]] * 2)
_AT_CHEST: Final = np.array([[-0.08, -0.28, 0.34]] * 2)


def script(actor: Actor, actions: tuple[Action, ...]) -> Iterator[Motion]:
    """The motions of a script, each made when its turn comes."""
    for action in actions:
        yield _perform(actor, action)


def _perform(actor: Actor, action: Action) -> Motion:
    yield from actor.idle_until(action.at)
    yield from ACTIONS[action.do](actor, action)
    actor.prop = None


# On foot


def _walk(actor: Actor, action: Action) -> Motion:
    yield from _on_feet(actor)
    heading = None if action.heading is None else float(np.deg2rad(action.heading))
    if isinstance(action.to, str):
        piece = actor.stage.pieces[action.to]
        target = piece.point(piece.edge + 0.3)
        heading = piece.heading + np.pi if heading is None else heading
    else:
        assert action.to is not None
        target = np.array(action.to)
    for point in (*(np.array(p) for p in action.via), target):
        yield from _go(actor, point, action.speed)
    if heading is not None:
        yield from _face(actor, heading)


def _go(actor: Actor, target: Vector, speed: float | None = None) -> Motion:
    line = np.asarray(target) - actor.stance.ankles[:, :2].mean(axis=0)
    if np.linalg.norm(line) < 0.08:
        return
    heading = float(np.arctan2(line[1], line[0]))
    if abs(float(wrap(np.array(heading - actor.heading)))) > _TURN_FIRST:
        yield from _face(actor, heading)
    plan = plan_walk(actor.skeleton, actor.stance, actor.identity.gait, target, speed)
    yield from actor.step(plan, Behavior.WALK)


def _face(actor: Actor, heading: float) -> Motion:
    if abs(float(wrap(np.array(heading - actor.heading)))) > np.deg2rad(6):
        plan = plan_turn(actor.skeleton, actor.stance, actor.identity.gait, heading)
        yield from actor.step(plan, Behavior.STAND)


def _turn(actor: Actor, action: Action) -> Motion:
    assert action.heading is not None
    yield from _on_feet(actor)
    yield from _face(actor, float(np.deg2rad(action.heading)))


def _wait(actor: Actor, action: Action) -> Motion:
    assert action.seconds is not None
    yield from actor.idle(action.seconds)


def _follow(actor: Actor, action: Action) -> Motion:
    """Two steps at a time towards somebody, keeping a distance."""
    assert action.who is not None
    assert action.seconds is not None
    yield from _on_feet(actor)
    end = actor.stage.now + action.seconds
    while actor.stage.now < end:
        line = actor.stage.actors[action.who].xy - actor.xy
        distance = float(np.linalg.norm(line))
        if distance > 1.3:
            stride = min(distance - 1.0, 1.3)
            yield from _go(actor, actor.xy + line / distance * stride, action.speed)
        else:
            yield actor.idle_frame()


# Sitting, lying, getting up


def _sit_down(actor: Actor, action: Action) -> Motion:
    assert action.on is not None
    yield from _sit_on(actor, actor.stage.pieces[action.on])
    if action.seconds:
        yield from actor.idle(action.seconds)


def _sit_on(actor: Actor, piece: Piece) -> Motion:
    yield from _on_feet(actor)
    c, s = np.cos(piece.heading), np.sin(piece.heading)
    length = piece.depth if piece.kind is Kind.BED else piece.width
    room = max(length / 2 - 0.3, 0.0)
    aside = float(np.clip((actor.xy - np.array(piece.centre)) @ np.array([-s, c]), -room, room))
    yield from _go(actor, piece.point(piece.edge + 0.12, aside))
    yield from _face(actor, piece.heading)
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


def _stand_up(actor: Actor, action: Action) -> Motion:
    yield from _on_feet(actor)


def _on_feet(actor: Actor) -> Motion:
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


def _lie_down(actor: Actor, action: Action) -> Motion:
    if action.on is not None:
        piece = actor.stage.pieces[action.on]
        if actor.seat is not piece:
            yield from _sit_on(actor, piece)
        heading = piece.heading
        head = np.array([-np.sin(heading), np.cos(heading), 0.0])
        pelvis = np.array([*piece.point(0.0, 0.12), piece.height + 0.115])
    else:
        yield from _on_feet(actor)
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
    yield from actor.morph(_squatting(actor), 1.4, Behavior.LIE_DOWN)
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
    yield from actor.morph(_squatting(actor), 1.4, Behavior.STAND_UP)
    yield from actor.morph(_standing_here(actor), 1.4, Behavior.STAND_UP, between=_lean(0.3, 0.0))
    actor.posture = Behavior.STAND


# On the spot


def _squatting(actor: Actor) -> Stance:
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


def _squat(actor: Actor, action: Action) -> Motion:
    yield from _on_feet(actor)
    back = actor.stance
    yield from actor.morph(_squatting(actor), 1.1, Behavior.SQUAT)
    yield from _still(actor, action.seconds or 3.0, Behavior.SQUAT)
    yield from actor.morph(back, 1.2, Behavior.SQUAT)


def _bend(actor: Actor, action: Action) -> Motion:
    yield from _on_feet(actor)
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
    yield from _still(actor, action.seconds or 1.5, Behavior.BEND)
    yield from actor.morph(back, 1.2, Behavior.BEND)


def _still(actor: Actor, seconds: float, behavior: Behavior) -> Motion:
    for _ in actor.progress(seconds):
        actor.show(actor.stance)
        yield behavior


def _wash_hands(actor: Actor, action: Action) -> Motion:
    assert action.on is not None
    piece = actor.stage.pieces[action.on]
    yield from _on_feet(actor)
    yield from _go(actor, piece.point(piece.edge + 0.17))
    yield from _face(actor, piece.heading + np.pi)
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


def _drink(actor: Actor, action: Action) -> Motion:
    sips = _Gesture(np.array([-0.24, 0.12, 0.36]), np.array([0.9, -1.0, 0.1]), nod=-0.28)
    yield from sips.play(actor, action.seconds or 8.0, Behavior.DRINK, "cup", period=3.6, up=0.5)


def _smoke(actor: Actor, action: Action) -> Motion:
    drags = _Gesture(np.array([-0.24, 0.14, 0.33]), np.array([0.6, -1.0, 0.2]), nod=-0.05)
    yield from drags.play(
        actor, action.seconds or 15.0, Behavior.SMOKE, "cigarette", period=4.8, up=0.4
    )


def _phone(actor: Actor, action: Action) -> Motion:
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


def _wave_for_help(actor: Actor, action: Action) -> Motion:
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


# Against oneself and others


def _fall(actor: Actor, action: Action) -> Motion:
    towards = actor.heading + float(np.deg2rad(action.heading or 0.0))
    limp = 0.55 if action.limp is None else action.limp
    newtons = 40.0 + 85.0 * (1 - limp)
    direction = (float(np.cos(towards)), float(np.sin(towards)))
    yield from actor.lose_control(Loss(direction, newtons, limp))
    if action.seconds:
        yield from actor.idle(action.seconds)


def _close_in(actor: Actor, other: Actor, distance: float) -> Motion:
    line = other.xy - actor.xy
    gap = float(np.linalg.norm(line))
    if gap > distance + 0.1:
        yield from _go(actor, other.xy - line / gap * distance)
    line = other.xy - actor.xy
    yield from _face(actor, float(np.arctan2(line[1], line[0])))


def _push(actor: Actor, action: Action) -> Motion:
    assert action.who is not None
    yield from _on_feet(actor)
    other = actor.stage.actors[action.who]
    yield from _close_in(actor, other, ARMS_LENGTH)
    yield from _shove(actor, other, action.outcome or Outcome.FALL, Behavior.PUSH)


def _shove(actor: Actor, other: Actor, outcome: Outcome, behavior: Behavior) -> Motion:
    """Both hands to the other's chest, the body behind them."""
    back, heading = actor.stance, actor.heading
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    left = np.array([-forward[1], forward[0], 0.0])
    drawn = replace(
        back,
        wrists=_AT_CHEST,
        elbows=np.array([[0.7, -0.7, -0.8]] * 2),
        spine=back.spine + np.array([-0.06, 0, 0]),
    )
    yield from actor.morph(drawn, 0.45, behavior)
    chest = np.array([*other.xy, 1.26 * other.skeleton.height]) - 0.16 * forward
    out = replace(
        drawn,
        pelvis=back.pelvis + 0.13 * forward - np.array([0, 0, 0.03]),
        rotation=upright(heading) * Rotation.from_euler("x", 0.16),
        spine=back.spine + np.array([0.22, 0, 0]),
        reach=np.stack([chest + side * 0.12 * left for side in OUTWARD]),
        reaching=np.ones(2),
    )
    yield from actor.morph(out, 0.26, behavior)
    direction = (float(forward[0]), float(forward[1]))
    other.receive(Hit(direction, 165.0, outcome))
    yield from _still(actor, 0.25, behavior)
    yield from actor.morph(back, 0.8, behavior)


def _strike(actor: Actor, action: Action) -> Motion:
    assert action.who is not None
    yield from _on_feet(actor)
    other = actor.stage.actors[action.who]
    yield from _close_in(actor, other, 0.62)
    outcome = action.outcome or Outcome.STAGGER
    blows = max(1, round((action.seconds or 2.0) / 1.1))
    for blow in range(blows):
        last = blow == blows - 1
        yield from _blow(actor, other, outcome if last else Outcome.NONE, Behavior.STRIKE)


def _blow(actor: Actor, other: Actor, outcome: Outcome, behavior: Behavior) -> Motion:
    """The right fist to the other's head."""
    back, heading = actor.stance, actor.heading
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    wrists = np.array([[-0.1, -0.1, 0.35], [0.15, 0.0, -0.12]])
    elbows = np.array([[0.6, -1.0, 0.0], [1.0, -0.2, -1.0]])
    drawn = replace(
        back, wrists=wrists, elbows=elbows, spine=back.spine + np.array([0.0, 0.0, -0.45])
    )
    yield from actor.morph(drawn, 0.42, behavior)
    head = np.array([*other.xy, 1.52 * other.skeleton.height]) - 0.10 * forward
    out = replace(
        drawn,
        pelvis=back.pelvis + 0.08 * forward,
        spine=back.spine + np.array([0.12, 0.0, 0.5]),
        reach=np.stack([head, head]),
        reaching=np.array([0.0, 1.0]),
    )
    yield from actor.morph(out, 0.18, behavior)
    other.receive(Hit((float(forward[0]), float(forward[1])), 130.0, outcome))
    yield from actor.morph(back, 0.5, behavior)


def _bully(actor: Actor, action: Action) -> Motion:
    """Push and strike somebody again and again."""
    assert action.who is not None
    yield from _on_feet(actor)
    other = actor.stage.actors[action.who]
    end = actor.stage.now + (action.seconds or 10.0)
    blow = False
    while actor.stage.now < end:
        yield from _relabel(_close_in(actor, other, ARMS_LENGTH), Behavior.BULLY)
        attack = _blow if blow else _shove
        outcome = Outcome.NONE if blow else Outcome.STAGGER
        yield from attack(actor, other, outcome, Behavior.BULLY)
        yield from _relabel(actor.idle(float(actor.rng.uniform(0.3, 1.0))), Behavior.BULLY)
        blow = not blow


def _relabel(motion: Motion, behavior: Behavior) -> Motion:
    for _ in motion:
        yield behavior


ACTIONS: Final[dict[Do, Callable[[Actor, Action], Motion]]] = {
    Do.WALK: _walk,
    Do.FOLLOW: _follow,
    Do.TURN: _turn,
    Do.WAIT: _wait,
    Do.SIT_DOWN: _sit_down,
    Do.STAND_UP: _stand_up,
    Do.LIE_DOWN: _lie_down,
    Do.BEND: _bend,
    Do.SQUAT: _squat,
    Do.WASH_HANDS: _wash_hands,
    Do.DRINK: _drink,
    Do.PHONE: _phone,
    Do.SMOKE: _smoke,
    Do.FALL: _fall,
    Do.STRIKE: _strike,
    Do.PUSH: _push,
    Do.BULLY: _bully,
    Do.WAVE_FOR_HELP: _wave_for_help,
}
"""Every action of a script, as motion."""
