"""Against oneself and others: falls, pushes, blows, bullying."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Hit, Motion
from mizaru.lab.sim.humanoid import OUTWARD
from mizaru.lab.sim.kinematics import RIGHT, upright
from mizaru.lab.sim.physics import Loss
from mizaru.lab.sim.postures import face, go, on_feet, still
from mizaru.lab.sim.scenario import Action, Outcome
from mizaru.vocabulary import Behavior

ARMS_LENGTH: Final = 0.68
"""Distance between two people for a push, metres."""
_AT_CHEST: Final = np.array([[-0.08, -0.28, 0.34]] * 2)


def fall(actor: Actor, action: Action) -> Motion:
    towards = actor.heading + float(np.deg2rad(action.heading or 0.0))
    limp = 0.55 if action.limp is None else action.limp
    newtons = 40.0 + 85.0 * (1 - limp)
    direction = (float(np.cos(towards)), float(np.sin(towards)))
    yield from actor.lose_control(Loss(direction, newtons, limp, action.way))
    if action.seconds:
        yield from actor.idle(action.seconds)


def close_in(actor: Actor, other: Actor, distance: float) -> Motion:
    line = other.xy - actor.xy
    gap = float(np.linalg.norm(line))
    if gap > distance + 0.1:
        yield from go(actor, other.xy - line / gap * distance)
    line = other.xy - actor.xy
    yield from face(actor, float(np.arctan2(line[1], line[0])))


def push(actor: Actor, action: Action) -> Motion:
    assert action.who is not None
    yield from on_feet(actor)
    other = actor.stage.actors[action.who]
    yield from close_in(actor, other, ARMS_LENGTH)
    outcome = action.outcome or Outcome.FALL
    shove = _shove(actor, other, outcome, Behavior.PUSH)
    yield from actor.noted(shove, Behavior.PUSH, other)


def _shove(actor: Actor, other: Actor, outcome: Outcome, behavior: Behavior) -> Motion:
    """Both hands to the other's chest, or one, or a shoulder; the body behind them."""
    back, heading, manner = actor.stance, actor.heading, actor.manner
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    left = np.array([-forward[1], forward[0], 0.0])
    reaching = np.ones(2)
    if manner.chance(0.3):
        reaching[manner.hand] = 0.0
    drawn = replace(
        back,
        wrists=manner.around(_AT_CHEST, 0.06),
        elbows=np.array([[0.7, -0.7, -0.8]] * 2),
        spine=back.spine + np.array([-0.06, 0, manner.within(0.0, -0.3, 0.3)]),
    )
    yield from actor.morph(drawn, manner.within(0.45, 0.15, 0.6), behavior)
    high = manner.within(1.26, 1.1, 1.4) * other.skeleton.height
    chest = np.array([*other.xy, high]) - 0.16 * forward
    lunge = manner.within(0.13, 0.05, 0.28)
    out = replace(
        drawn,
        pelvis=back.pelvis + lunge * forward - np.array([0, 0, 0.03]),
        rotation=upright(heading) * Rotation.from_euler("x", 0.16),
        spine=back.spine + np.array([manner.within(0.22, 0.1, 0.4), 0, 0]),
        reach=np.stack([chest + side * 0.12 * left for side in OUTWARD]),
        reaching=reaching,
    )
    yield from actor.morph(out, manner.within(0.26, 0.16, 0.4), behavior)
    turned = float(manner.around(np.zeros(1), 0.25)[0])
    direction = (float(np.cos(heading + turned)), float(np.sin(heading + turned)))
    if manner.plain:
        direction = (float(forward[0]), float(forward[1]))
    other.receive(Hit(direction, manner.within(165.0, 120.0, 230.0), outcome))
    yield from still(actor, manner.within(0.25, 0.05, 0.4), behavior)
    yield from actor.morph(back, actor.takes(0.8), behavior)


def strike(actor: Actor, action: Action) -> Motion:
    assert action.who is not None
    yield from on_feet(actor)
    other = actor.stage.actors[action.who]
    yield from close_in(actor, other, 0.62)
    outcome = action.outcome or Outcome.STAGGER
    rhythm = actor.manner.within(1.1, 0.6, 1.3)
    blows = max(1, round((action.seconds or 2.0) / rhythm))
    for blow in range(blows):
        last = blow == blows - 1
        hit = _blow(actor, other, outcome if last else Outcome.NONE, Behavior.STRIKE)
        yield from actor.noted(hit, Behavior.STRIKE, other)


def _blow(actor: Actor, other: Actor, outcome: Outcome, behavior: Behavior) -> Motion:
    """A fist to the other's head or trunk, a slap, or a kick."""
    if actor.manner.chance(0.2):
        yield from _kick(actor, other, outcome, behavior)
        return
    manner, hand = actor.manner, actor.manner.hand
    back, heading = actor.stance, actor.heading
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    twist = 1.0 if hand == RIGHT else -1.0
    guard, fist = np.array([-0.1, -0.1, 0.35]), np.array([0.15, 0.0, -0.12])
    wide = manner.chance(0.4)
    if wide:
        # A hook or a slap comes from the side.
        fist = np.array([0.6, manner.within(0.1, -0.1, 0.4), 0.1])
    wrists, elbows = np.zeros((2, 3)), np.zeros((2, 3))
    wrists[hand], wrists[1 - hand] = manner.around(fist, 0.05), manner.around(guard, 0.05)
    elbows[hand] = (1.0, -0.2, -1.0) if manner.plain else (1.0, -0.6, -0.2)
    elbows[1 - hand] = (0.6, -1.0, 0.0)
    wind = manner.within(0.45, 0.2, 0.6)
    drawn = replace(
        back,
        wrists=wrists,
        elbows=elbows,
        spine=back.spine + np.array([0.0, 0.0, -wind * twist]),
    )
    yield from actor.morph(drawn, manner.within(0.42, 0.15, 0.5), behavior)
    high = manner.pick((1.52, 1.52, 1.2, 1.05)) * other.skeleton.height
    goal = np.array([*other.xy, high]) - 0.10 * forward
    if other.posture is not Behavior.STAND:
        goal = other.skeleton.joints(other.qpos)[0] - 0.10 * forward
    reaching = np.zeros(2)
    reaching[hand] = 1.0
    out = replace(
        drawn,
        pelvis=back.pelvis + manner.within(0.08, 0.02, 0.16) * forward,
        spine=back.spine + np.array([0.12, 0.0, 0.5 * twist]),
        reach=np.stack([goal, goal]),
        reaching=reaching,
    )
    yield from actor.morph(out, manner.within(0.18, 0.2, 0.32), behavior)
    newtons = manner.within(130.0, 90.0, 180.0)
    other.receive(Hit((float(forward[0]), float(forward[1])), newtons, outcome))
    yield from actor.morph(back, manner.within(0.5, 0.25, 0.6), behavior)


def _kick(actor: Actor, other: Actor, outcome: Outcome, behavior: Behavior) -> Motion:
    """A foot to the other's legs or belly, or down to somebody on the floor."""
    manner, foot = actor.manner, actor.manner.hand
    back, heading, h = actor.stance, actor.heading, actor.skeleton.height
    forward = np.array([np.cos(heading), np.sin(heading), 0.0])
    left = np.array([-forward[1], forward[0], 0.0])
    low = other.posture is Behavior.LIE
    high = manner.within(0.5, 0.3, 0.85) * h if not low else 0.15
    ankles = back.ankles.copy()
    ankles[foot] += np.array([0, 0, 0.3 * h]) - 0.22 * h * forward
    over = -0.07 * h * OUTWARD[foot] * left
    drawn = replace(
        back,
        pelvis=back.pelvis + over - np.array([0, 0, 0.03 * h]),
        ankles=ankles,
        wrists=manner.around(np.array([[0.4, -0.5, 0.3]] * 2), 0.1),
    )
    yield from actor.morph(drawn, manner.within(0.3, 0.18, 0.4), behavior)
    hit = ankles.copy()
    hit[foot] = np.array([*actor.xy, high]) + 0.5 * h * forward
    lean = manner.within(-0.2, -0.35, 0.0)
    out = replace(
        drawn,
        ankles=hit,
        rotation=upright(heading) * Rotation.from_euler("x", lean),
        spine=back.spine + np.array([0.15, 0, 0]),
    )
    yield from actor.morph(out, manner.within(0.2, 0.24, 0.4), behavior)
    newtons = manner.within(130.0, 90.0, 180.0)
    other.receive(Hit((float(forward[0]), float(forward[1])), newtons, outcome))
    yield from actor.morph(back, manner.within(0.5, 0.3, 0.7), behavior)


def stagger(actor: Actor, action: Action) -> Motion:
    """Some quick steps to one side, `heading` relative to where one looks, and catch oneself."""
    yield from on_feet(actor)
    towards = actor.heading + float(np.deg2rad(action.heading or 0.0))
    steps = actor.manner.pick((2, 1, 3, 4))
    far = steps * actor.manner.within(0.2, 0.12, 0.32)
    yield from actor.stagger(far * np.array([np.cos(towards), np.sin(towards)]), steps)


def bully(actor: Actor, action: Action) -> Motion:
    """Push and strike somebody again and again."""
    assert action.who is not None
    yield from on_feet(actor)
    other = actor.stage.actors[action.who]
    yield from actor.noted(_bully(actor, other, action), Behavior.BULLY, other)


def _bully(actor: Actor, other: Actor, action: Action) -> Motion:
    end = actor.stage.now + (action.seconds or 10.0)
    blow = False
    while actor.stage.now < end:
        yield from _relabel(close_in(actor, other, ARMS_LENGTH), Behavior.BULLY)
        if blow:
            attack = _blow(actor, other, Outcome.NONE, Behavior.BULLY)
        else:
            attack = _shove(actor, other, Outcome.STAGGER, Behavior.BULLY)
        yield from actor.noted(attack, Behavior.STRIKE if blow else Behavior.PUSH, other)
        yield from _relabel(actor.idle(float(actor.rng.uniform(0.3, 1.0))), Behavior.BULLY)
        blow = not blow


def _relabel(motion: Motion, behavior: Behavior) -> Motion:
    for _ in motion:
        yield behavior
