"""Low on the floor and off it: kneeling, laces, picking up, crawling, exercises, jumping."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.gait import smooth
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import LEFT, RIGHT, Stance, upright
from mizaru.lab.sim.postures import on_feet, rise, still
from mizaru.lab.sim.scenario import Action
from mizaru.lab.sim.stances import (
    at_ease,
    bent,
    floor_sitting,
    lying_stance,
    on_all_fours,
    squatting,
)
from mizaru.vocabulary import Behavior

_UP: Final = np.array([0.0, 0.0, 1.0])


def _axes(actor: Actor) -> tuple[Vector, Vector]:
    """Forward and left on the floor, shape (3,)."""
    c, s = np.cos(actor.heading), np.sin(actor.heading)
    return np.array([c, s, 0.0]), np.array([-s, c, 0.0])


# Kneeling


def kneel(actor: Actor, action: Action) -> Motion:
    yield from on_feet(actor)
    back, manner = actor.stance, actor.manner
    low = manner.pick((_one_knee, _both_knees, _on_heels))(actor, manner.hand)
    yield from actor.morph(low, actor.takes(1.3), Behavior.SQUAT)
    yield from still(actor, action.seconds or 4.0, Behavior.SQUAT)
    yield from actor.morph(back, actor.takes(1.4), Behavior.SQUAT)


def _one_knee(actor: Actor, front: int) -> Stance:
    """One knee on the floor, the foot of side `front` flat before it."""
    here, skeleton = actor.stance, actor.skeleton
    forward, left = _axes(actor)
    h = skeleton.height
    middle = here.ankles.mean(axis=0)
    pelvis = middle * (1, 1, 0) + (0.07 * h + 0.93 * skeleton.thigh - skeleton.hip[1]) * _UP
    ankles = np.zeros((2, 3))
    for side, out in enumerate(OUTWARD):
        ahead = 0.34 * h if side == front else -0.40 * h
        height = skeleton.sole if side == front else 0.10 * h
        ankles[side] = middle * (1, 1, 0) + ahead * forward + out * 0.1 * h * left + height * _UP
    pitch = np.where(np.arange(2) == front, 0.0, 1.0)
    return replace(
        here,
        pelvis=pelvis,
        rotation=upright(actor.heading) * Rotation.from_euler("x", 0.12),
        spine=np.array([actor.manner.within(0.2, 0.0, 0.5), 0, 0]),
        neck=np.array([actor.manner.within(0.2, -0.2, 0.5), 0, 0]),
        ankles=ankles,
        foot_pitch=pitch,
        wrists=actor.manner.around(np.array([[-0.02, -0.55, 0.55]] * 2), 0.06),
    )


def _both_knees(actor: Actor, _: int) -> Stance:
    here, skeleton = actor.stance, actor.skeleton
    forward, left = _axes(actor)
    h = skeleton.height
    middle = here.ankles.mean(axis=0) * (1, 1, 0)
    pelvis = middle + (0.07 * h + 0.97 * skeleton.thigh - skeleton.hip[1]) * _UP
    ankles = np.array(
        [middle - 0.9 * skeleton.shin * forward + out * 0.09 * h * left + 0.09 * h * _UP
         for out in OUTWARD]
    )  # fmt: skip
    return replace(
        here,
        pelvis=pelvis,
        rotation=upright(actor.heading) * Rotation.from_euler("x", 0.05),
        spine=np.array([actor.manner.within(0.3, 0.0, 0.8), 0, 0]),
        neck=np.array([actor.manner.within(0.2, -0.2, 0.5), 0, 0]),
        ankles=ankles,
        planted=0.0,
        wrists=actor.manner.around(np.array([[-0.02, -0.55, 0.5]] * 2), 0.08),
    )


def _on_heels(actor: Actor, _: int) -> Stance:
    kneeling = _both_knees(actor, _)
    forward, _left = _axes(actor)
    h, skeleton = actor.skeleton.height, actor.skeleton
    hips = 0.18 * h - float(skeleton.hip[1])
    pelvis = kneeling.pelvis * (1, 1, 0) - 0.88 * skeleton.shin * forward + hips * _UP
    ankles = kneeling.ankles.copy()
    ankles[:, 2] = 0.06 * h
    return replace(kneeling, pelvis=pelvis, ankles=ankles, knees=np.array([0.25, -0.1, 1.0]))


def tie_shoes(actor: Actor, action: Action) -> Motion:
    """Kneeling or bent, from a seat if one sits: fingers at one foot."""
    manner, side = actor.manner, actor.manner.hand
    back = actor.stance
    if actor.posture is Behavior.SIT and not actor.on_floor:
        behavior = Behavior.BEND
        low = replace(
            back,
            rotation=back.rotation * Rotation.from_euler("x", 0.4),
            spine=np.array([0.75, 0, 0]),
        )
    else:
        yield from on_feet(actor)
        back = actor.stance
        if manner.pick((True, True, False)):
            behavior, low = Behavior.SQUAT, _one_knee(actor, side)
            low = replace(low, spine=np.array([0.75, 0, 0]), neck=np.array([0.3, 0, 0]))
        else:
            behavior, low = Behavior.BEND, bent(actor, 1.15)
    forward, left = _axes(actor)
    shoe = low.ankles[side] + 0.1 * actor.skeleton.height * forward + 0.03 * _UP

    def fiddling(t: float) -> Vector:
        points = np.array([shoe + out * 0.05 * left for out in OUTWARD])
        points[:, 2] += 0.03 * np.sin(2 * np.pi * 0.9 * t + np.array([0, 2.0]))
        points += 0.02 * np.sin(2 * np.pi * 0.6 * t) * np.array(OUTWARD)[:, None] * left
        return points

    low = replace(low, reach=fiddling(0.0), reaching=np.ones(2))
    yield from actor.morph(low, actor.takes(1.4), behavior)
    started = actor.stage.now
    for _ in actor.progress(action.seconds or actor.takes(6.0)):
        actor.show(replace(low, reach=fiddling(actor.stage.now - started)))
        yield behavior
    yield from actor.morph(back, actor.takes(1.4), behavior)


def pick_up(actor: Actor, action: Action) -> Motion:
    """Something from the floor, bending or squatting, with one hand."""
    yield from on_feet(actor)
    manner, hand = actor.manner, actor.manner.hand
    back = actor.stance
    forward, left = _axes(actor)
    h = actor.skeleton.height
    aside = OUTWARD[hand] * manner.within(0.1, 0.0, 0.3)
    place = back.ankles.mean(axis=0) * (1, 1, 0) + manner.within(0.35, 0.2, 0.5) * h * forward
    place = place + aside * h * left + manner.within(0.06, 0.04, 0.25) * _UP
    behavior = manner.pick((Behavior.BEND, Behavior.BEND, Behavior.SQUAT))
    low = squatting(actor) if behavior is Behavior.SQUAT else bent(actor, 1.2)
    reaching = np.zeros(2)
    reaching[hand] = 1.0
    wrists = low.wrists.copy()
    wrists[1 - hand] = manner.pick((back.wrists[1 - hand], np.array([0.05, -0.6, 0.4])))
    low = replace(low, reach=np.array([place, place]), reaching=reaching, wrists=wrists)
    yield from actor.morph(low, actor.takes(0.9), behavior)
    yield from still(actor, manner.within(0.3, 0.1, 1.2), behavior)
    held = back.wrists.copy()
    held[hand] = (0.0, -0.5, 0.5)
    yield from actor.morph(replace(back, wrists=held), actor.takes(1.0), behavior)
    yield from actor.morph(back, actor.takes(0.7), Behavior.STAND)


# On the floor


def _phase(phase: float, stride: float, lift: float) -> tuple[float, float]:
    """Offset along the way and height of a limb that stands for half of a cycle."""
    u = phase % 1.0
    if u < 0.5:
        return stride * (0.5 - 2 * u), 0.0
    w = 2 * u - 1
    return stride * (smooth(w) - 0.5), lift * float(np.sin(np.pi * w))


def crawl(actor: Actor, action: Action) -> Motion:
    """On hands and knees, hand and opposite knee together."""
    h, manner = actor.skeleton.height, actor.manner
    yield from _onto_all_fours(actor)
    heading = float(np.arctan2(*actor.stance.rotation.as_matrix()[1::-1, 1]))
    goal = heading if action.heading is None else float(np.deg2rad(action.heading))
    turn = float((goal - heading + np.pi) % (2 * np.pi) - np.pi)
    start, speed = actor.stance.pelvis.copy(), manner.within(0.3, 0.15, 0.5) * h
    seconds, stride = action.seconds or 4.0, 0.34 * h
    period = stride / speed
    place = start * (1, 1, 0)
    first = _crawling(actor, place, heading, 0.0, stride)
    yield from actor.morph(first, actor.takes(0.5), Behavior.UNKNOWN)
    for frame, s in enumerate(actor.progress(seconds)):
        now = heading + turn * smooth(s)
        forward = np.array([np.cos(now), np.sin(now), 0.0])
        place = place + speed * actor.dt * smooth(min(1.0, 4 * s)) * forward
        actor.stance = _crawling(actor, place, now, frame * actor.dt / period, stride)
        actor.show(actor.stance)
        yield Behavior.UNKNOWN
    # Low and on no seat: getting up goes over a squat.
    actor.posture, actor.seat = Behavior.SIT, None


def _onto_all_fours(actor: Actor) -> Motion:
    """From wherever one is; labelled as what it looks like."""
    if actor.on_floor:
        root = Rotation.from_quat(actor.qpos[3:7], scalar_first=True).as_matrix()
        head = root[:2, 1] if root[2, 2] < 0.2 else -root[:2, 1]
        low = on_all_fours(actor, float(np.arctan2(head[1], head[0])))
        yield from actor.blend_from_floor(low, actor.takes(1.8), Behavior.STAND_UP)
        return
    yield from on_feet(actor)
    yield from actor.morph(squatting(actor), actor.takes(1.2), Behavior.SQUAT)
    low = on_all_fours(actor, actor.heading)
    yield from actor.morph(low, actor.takes(1.0), Behavior.SQUAT)


def _crawling(actor: Actor, place: Vector, heading: float, beat: float, stride: float) -> Stance:
    skeleton = actor.skeleton
    h = skeleton.height
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    left = np.array([-forward[1], forward[0], 0.0])
    base = on_all_fours(actor, heading)
    tall = 0.07 * h + 0.93 * skeleton.thigh - float(skeleton.hip[1])
    ankles, hands = np.zeros((2, 3)), np.zeros((2, 3))
    for side, out in enumerate(OUTWARD):
        along, up = _phase(beat + 0.5 * side, stride, 0.05 * h)
        knee = place + along * forward + out * 0.1 * h * left
        ankles[side] = knee - 0.88 * skeleton.shin * forward + (0.07 * h + up) * _UP
        along, up = _phase(beat + 0.5 * (1 - side), stride, 0.08 * h)
        hands[side] = place + (0.5 * h + along) * forward + out * 0.2 * h * left
        hands[side, 2] = 0.05 * h + up
    wobble = 0.012 * np.sin(4 * np.pi * beat)
    return replace(
        base,
        pelvis=place + (tall + wobble) * _UP,
        rotation=upright(heading) * Rotation.from_euler("x", 1.3),
        ankles=ankles,
        planted=0.0,
        knees=np.array([0.12, 0.3, 1.0]),
        reach=hands,
        reaching=np.ones(2),
        neck=np.array([-0.5, 0, 0]),
    )


def try_up(actor: Actor, action: Action) -> Motion:
    """After a fall: half up, a while there, and down again."""
    if not actor.on_floor:
        yield from on_feet(actor)
        return
    manner = actor.manner
    root = Rotation.from_quat(actor.qpos[3:7], scalar_first=True).as_matrix()
    head, supine = root[:2, 1], root[2, 2] > -0.2
    towards = -head if supine else head
    heading = float(np.arctan2(towards[1], towards[0]))
    half = floor_sitting(actor, heading) if supine else on_all_fours(actor, heading)
    yield from actor.blend_from_floor(half, actor.takes(2.2), Behavior.STAND_UP)
    yield from still(
        actor, action.seconds or actor.takes(2.0), Behavior.SIT if supine else Behavior.UNKNOWN
    )
    if manner.chance(0.5) and not supine:
        knees = _both_knees(_feet_with_trunk(actor), 0)
        yield from actor.morph(knees, actor.takes(1.2), Behavior.STAND_UP)
        yield from still(actor, actor.takes(1.0), Behavior.SQUAT)
        yield from actor.morph(half, actor.takes(1.0), Behavior.LIE_DOWN)
    down = np.array([*head / max(float(np.linalg.norm(head)), 1e-6), 0.0])
    low = lying_stance(actor, actor.stance.pelvis[:2], down, 0.01, 0.0 if supine else 180.0)
    actor.posture, actor.bed, actor.seat = Behavior.LIE, (0.01, down), None
    yield from actor.morph(low, actor.takes(1.2), Behavior.LIE_DOWN)


def _feet_with_trunk(actor: Actor) -> Actor:
    """Feet look where the trunk does; returns the actor."""
    forward = actor.stance.rotation.as_matrix()[:2, 1]
    heading = float(np.arctan2(forward[1], forward[0]))
    actor.stance = replace(actor.stance, foot_yaw=np.full(2, heading))
    return actor


def stir(actor: Actor, action: Action) -> Motion:
    assert action.seconds is not None
    if actor.on_floor:
        yield from actor.stir(action.seconds)
    else:
        yield from actor.idle(action.seconds)


# Exercise


def exercise(actor: Actor, action: Action) -> Motion:
    kind = actor.manner.pick((_push_ups, _sit_ups, _jumping_jacks, _lunges, _arm_circles))
    yield from on_feet(actor)
    yield from kind(actor, action.seconds or 8.0)


def _push_ups(actor: Actor, seconds: float) -> Motion:
    yield from _onto_all_fours(actor)
    heading, h = actor.heading, actor.skeleton.height
    forward, left = _axes(actor)
    skeleton = actor.skeleton
    xy = actor.stance.pelvis * (1, 1, 0)
    toes = xy - 0.93 * skeleton.leg * forward + 0.12 * h * _UP
    hands = np.array([xy + 0.47 * h * forward + out * 0.25 * h * left for out in OUTWARD])
    hands[:, 2] = 0.05 * h

    def plank(low: float) -> Stance:
        tilt = 1.30 + 0.20 * low
        return replace(
            actor.stance,
            pelvis=xy + (0.40 - 0.20 * low) * h * _UP,
            rotation=upright(heading) * Rotation.from_euler("x", tilt),
            spine=np.array([0.0, 0, 0]),
            neck=np.array([-0.3, 0, 0]),
            ankles=np.array([toes + out * 0.08 * h * left for out in OUTWARD]),
            foot_pitch=np.full(2, 1.0),
            knees=np.array([0.0, -0.3, 1.0]),
            reach=hands,
            reaching=np.ones(2),
            elbows=np.array([[0.8, -0.6, -0.4]] * 2),
        )

    yield from actor.morph(plank(0.0), actor.takes(1.0), Behavior.UNKNOWN)
    period, started = actor.takes(2.2), actor.stage.now
    for _ in actor.progress(seconds):
        low = 0.5 - 0.5 * np.cos(2 * np.pi * (actor.stage.now - started) / period)
        actor.stance = plank(float(low))
        actor.show(actor.stance)
        yield Behavior.UNKNOWN
    yield from actor.morph(on_all_fours(actor, heading), actor.takes(1.0), Behavior.UNKNOWN)
    yield from rise(actor)


def _sit_ups(actor: Actor, seconds: float) -> Motion:
    yield from actor.morph(squatting(actor), actor.takes(1.4), Behavior.SQUAT)
    sitting = floor_sitting(actor, actor.heading)
    feet = actor.skeleton.stand(actor.xy + 0.5 * actor.skeleton.leg * _axes(actor)[0][:2],
                                actor.heading)  # fmt: skip
    sitting = replace(sitting, ankles=feet.ankles, foot_yaw=feet.foot_yaw)
    yield from actor.morph(sitting, actor.takes(1.2), Behavior.SIT_DOWN)
    h, heading = actor.skeleton.height, actor.heading

    def curl(up: float) -> Stance:
        return replace(
            sitting,
            pelvis=sitting.pelvis * (1, 1, 0) + (0.115 + 0.03 * up) * h * _UP,
            rotation=upright(heading) * Rotation.from_euler("x", -1.5 + 1.4 * up),
            spine=np.array([0.1 + 0.5 * up, 0, 0]),
            wrists=np.array([[0.0, 0.25, 0.22]] * 2),
            elbows=np.array([[1.0, 0.4, 0.0]] * 2),
        )

    yield from actor.morph(curl(0.0), actor.takes(1.4), Behavior.UNKNOWN)
    period, started = actor.takes(2.8), actor.stage.now
    for _ in actor.progress(seconds):
        up = 0.5 - 0.5 * np.cos(2 * np.pi * (actor.stage.now - started) / period)
        actor.stance = curl(float(up))
        actor.show(actor.stance)
        yield Behavior.UNKNOWN
    yield from actor.morph(sitting, actor.takes(1.2), Behavior.UNKNOWN)
    yield from rise(actor)


def _jumping_jacks(actor: Actor, seconds: float) -> Motion:
    back = actor.stance
    _, left = _axes(actor)
    period, started = actor.takes(1.1), actor.stage.now
    h = actor.skeleton.height
    for s in actor.progress(seconds):
        ramp = smooth(min(1.0, 6 * s, 6 * (1 - s)))
        open_ = ramp * (0.5 - 0.5 * np.cos(2 * np.pi * (actor.stage.now - started) / period))
        hop = ramp * 0.06 * h * abs(np.sin(2 * np.pi * (actor.stage.now - started) / period))
        ankles = np.array(
            [back.ankles[side] + out * 0.22 * h * open_ * left + hop * _UP
             for side, out in enumerate(OUTWARD)]
        )  # fmt: skip
        angle = -np.pi / 2 + 2.8 * open_
        wrist = 0.95 * np.array([np.cos(angle), np.sin(angle), 0.05])
        actor.show(
            replace(
                back,
                pelvis=back.pelvis + (hop - 0.06 * h * open_) * _UP,
                ankles=ankles,
                wrists=np.array([wrist] * 2),
                elbows=np.array([[0.8, -0.3, -0.6]] * 2),
            )
        )
        yield Behavior.UNKNOWN
    actor.stance = back


def _lunges(actor: Actor, seconds: float) -> Motion:
    back, end, side = actor.stance, actor.stage.now + seconds, LEFT
    while actor.stage.now < end:
        low = _one_knee(actor, side)
        low = replace(low, pelvis=low.pelvis + 0.05 * actor.skeleton.height * _UP)
        yield from actor.morph(low, actor.takes(0.9), Behavior.UNKNOWN)
        yield from actor.morph(back, actor.takes(0.9), Behavior.UNKNOWN)
        side = 1 - side


def _arm_circles(actor: Actor, seconds: float) -> Motion:
    back = actor.stance
    period, started = actor.takes(1.8), actor.stage.now
    far = actor.manner.within(0.9, 0.5, 0.95)
    for s in actor.progress(seconds):
        ramp = smooth(min(1.0, 6 * s, 6 * (1 - s)))
        angle = 2 * np.pi * (actor.stage.now - started) / period - np.pi / 2
        wrist = np.array([0.25, 0.95 * np.sin(angle), far * np.cos(angle)])
        wrists = (1 - ramp) * back.wrists + ramp * np.array([wrist] * 2)
        actor.show(replace(back, wrists=wrists))
        yield Behavior.UNKNOWN
    actor.stance = back


def jump(actor: Actor, action: Action) -> Motion:
    """Up with both feet, once or again and again."""
    yield from on_feet(actor)
    back, h, manner = actor.stance, actor.skeleton.height, actor.manner
    jumps = max(1, round((action.seconds or 1.0) / 1.1))
    for _ in range(jumps):
        lift = manner.within(0.18, 0.06, 0.32) * h
        crouch = replace(
            back,
            pelvis=back.pelvis - manner.within(0.16, 0.08, 0.26) * h * _UP,
            rotation=upright(actor.heading) * Rotation.from_euler("x", 0.3),
            spine=np.array([0.3, 0, 0]),
            wrists=np.array([[0.2, -0.8, -0.4]] * 2),
            elbows=np.array([[0.9, -0.3, -0.3]] * 2),
        )
        yield from actor.morph(crouch, manner.within(0.3, 0.2, 0.45), Behavior.UNKNOWN)
        arms = manner.pick((np.array([0.2, 0.5, 0.6]), np.array([0.2, -0.5, 0.5])))
        high = replace(
            back,
            wrists=np.array([arms] * 2),
            elbows=np.array([[0.9, -0.3, -0.3]] * 2),
            foot_pitch=np.full(2, 0.5),
        )
        tip_s = 0.25
        yield from actor.morph(high, tip_s, Behavior.UNKNOWN, between=_forward)
        flight = 2 * np.sqrt(2 * lift / 9.81)
        for s in actor.progress(flight):
            up = 4 * lift * s * (1 - s) * _UP
            tuck = 0.05 * h * np.sin(np.pi * s) * _UP
            actor.show(replace(high, pelvis=high.pelvis + up, ankles=high.ankles + up + tuck))
            yield Behavior.UNKNOWN
        actor.stance = replace(high, foot_pitch=np.zeros(2))
        land = replace(
            crouch,
            pelvis=back.pelvis - 0.1 * h * _UP,
            wrists=np.array([[0.25, -0.4, 0.55]] * 2),
        )
        yield from actor.morph(land, 0.15, Behavior.UNKNOWN)
        yield from actor.morph(back, actor.takes(0.35), Behavior.UNKNOWN)


def _forward(stance: Stance, weight: float) -> Stance:
    """Arms swing past the front, not through the shoulders."""
    return replace(stance, wrists=stance.wrists + np.array([[0, 0, 0.5 * weight]] * 2))


# Arms up and clothes


def reach_up(actor: Actor, action: Action) -> Motion:
    """For something high, with one hand or both."""
    yield from on_feet(actor)
    back, manner = actor.stance, actor.manner
    wrists = back.wrists.copy()
    up = manner.around(np.array([0.05, 0.8, 0.45]), 0.1)
    wrists[manner.hand] = up
    if manner.chance(0.4):
        wrists[:] = up
    high = replace(
        back,
        wrists=wrists,
        elbows=np.array([[0.9, 0.2, 0.0]] * 2),
        neck=np.array([-0.35, 0, 0]),
        spine=back.spine + np.array([-0.08, 0, 0]),
    )
    yield from actor.morph(high, actor.takes(0.9), Behavior.UNKNOWN)
    yield from still(actor, action.seconds or actor.takes(1.5), Behavior.UNKNOWN)
    yield from actor.morph(back, actor.takes(0.9), Behavior.UNKNOWN)


_CLOTHES: Final = (
    np.array([[-0.1, 0.2, 0.4], [-0.1, 0.2, 0.4]]),
    np.array([[0.1, 0.75, 0.15], [0.1, 0.75, 0.15]]),
    np.array([[0.4, 0.35, 0.2], [-0.2, -0.1, 0.35]]),
    np.array([[-0.2, -0.1, 0.35], [0.4, 0.35, 0.2]]),
    np.array([[0.5, -0.3, -0.45], [0.1, -0.3, 0.3]]),
    np.array([[0.1, -0.3, 0.3], [0.5, -0.3, -0.45]]),
    np.array([[0.05, -0.6, 0.3], [0.05, -0.6, 0.3]]),
    np.array([[-0.1, -0.35, 0.35], [-0.1, -0.5, 0.35]]),
)
"""Where wrists are with a shirt over the head, a sleeve, at the hem, at buttons."""


def dress(actor: Actor, action: Action) -> Motion:
    """Sleeves, over the head, buttons; or trousers, one leg after the other."""
    yield from on_feet(actor)
    back, manner = actor.stance, actor.manner
    end = actor.stage.now + (action.seconds or 8.0)
    if manner.chance(0.4):
        yield from _trousers(actor)
    while actor.stage.now < end:
        pose = replace(
            back,
            wrists=manner.around(manner.pick(_CLOTHES), 0.06),
            elbows=np.array([[0.9, -0.5, -0.2]] * 2),
            spine=back.spine + manner.around(np.zeros(3), 0.1),
            neck=np.array([manner.within(0.2, -0.1, 0.6), 0, manner.within(0.0, -0.4, 0.4)]),
        )
        yield from actor.morph(pose, actor.takes(0.8), Behavior.UNKNOWN)
        yield from still(actor, manner.within(0.3, 0.1, 1.2), Behavior.UNKNOWN)
    yield from actor.morph(at_ease(actor), actor.takes(0.8), Behavior.UNKNOWN)


def _trousers(actor: Actor) -> Motion:
    back, h = actor.stance, actor.skeleton.height
    forward, left = _axes(actor)
    low = bent(actor, 0.85)
    for side in (LEFT, RIGHT):
        ankles = low.ankles.copy()
        ankles[side] += 0.28 * h * _UP + 0.12 * h * forward
        shift = -OUTWARD[side] * 0.07 * h * left
        raised = replace(low, ankles=ankles, pelvis=low.pelvis + shift)
        yield from actor.morph(raised, actor.takes(0.9), Behavior.BEND)
        yield from actor.morph(low, actor.takes(0.7), Behavior.BEND)
    yield from actor.morph(back, actor.takes(1.0), Behavior.BEND)
