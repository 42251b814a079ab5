"""Against oneself and others: falls, pushes, blows, bullying."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Hit, Motion
from mizaru.lab.sim.humanoid import OUTWARD
from mizaru.lab.sim.kinematics import upright
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
    yield from actor.lose_control(Loss(direction, newtons, limp))
    if action.seconds:
        yield from actor.idle(action.seconds)


def _close_in(actor: Actor, other: Actor, distance: float) -> Motion:
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
    yield from _close_in(actor, other, ARMS_LENGTH)
    outcome = action.outcome or Outcome.FALL
    shove = _shove(actor, other, outcome, Behavior.PUSH)
    yield from actor.noted(shove, Behavior.PUSH, other)


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
    yield from still(actor, 0.25, behavior)
    yield from actor.morph(back, 0.8, behavior)


def strike(actor: Actor, action: Action) -> Motion:
    assert action.who is not None
    yield from on_feet(actor)
    other = actor.stage.actors[action.who]
    yield from _close_in(actor, other, 0.62)
    outcome = action.outcome or Outcome.STAGGER
    blows = max(1, round((action.seconds or 2.0) / 1.1))
    for blow in range(blows):
        last = blow == blows - 1
        hit = _blow(actor, other, outcome if last else Outcome.NONE, Behavior.STRIKE)
        yield from actor.noted(hit, Behavior.STRIKE, other)


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
        yield from _relabel(_close_in(actor, other, ARMS_LENGTH), Behavior.BULLY)
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
