"""What hands do on the spot: washing, drinking, smoking, telephoning, waving."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.gait import smooth
from mizaru.lab.sim.humanoid import OUTWARD, Vector
from mizaru.lab.sim.kinematics import LEFT, RIGHT, upright
from mizaru.lab.sim.manner import Manner
from mizaru.lab.sim.postures import face, go, on_feet
from mizaru.lab.sim.scenario import Action
from mizaru.vocabulary import Behavior

Range = tuple[float, float]


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

    rate, size = actor.manner.within(1.3, 0.7, 2.2), actor.manner.within(0.015, 0.01, 0.03)

    def rubbing(t: float) -> Vector:
        points = np.zeros((2, 3))
        for side, out in enumerate(OUTWARD):
            turn = 2 * np.pi * rate * t + side * np.pi
            points[side, :2] = bowl + (0.045 + size * np.sin(turn)) * out * left
            points[side, 2] = piece.height + 0.10 + 0.025 * np.cos(turn)
        return points

    yield from actor.morph(
        replace(stooped, reach=rubbing(0.0)), actor.takes(0.8), Behavior.WASH_HANDS
    )
    started = actor.stage.now
    for _ in actor.progress(action.seconds or 6.0):
        actor.show(replace(stooped, reach=rubbing(actor.stage.now - started)))
        yield Behavior.WASH_HANDS
    yield from actor.morph(back, 0.8, Behavior.WASH_HANDS)


def drink(actor: Actor, action: Action) -> Motion:
    """Some sips, the head tilted back a little or far."""
    manner = actor.manner
    nod = manner.within(-0.28, -0.45, -0.08)
    sips = _Gesture(np.array([-0.24, 0.12, 0.36]), np.array([0.9, -1.0, 0.1]), nod=nod)
    down = manner.pick((None, _BEFORE_CHEST))
    yield from sips.play(
        actor, action.seconds or 8.0, Behavior.DRINK, "cup",
        period=manner.within(3.6, 2.6, 9.0), top=_share(manner, 0.5, 1.2, 3.5), low=down,
    )  # fmt: skip


def smoke(actor: Actor, action: Action) -> Motion:
    """Puffs 4 to 40 seconds apart, 1 to 3 seconds at the mouth."""
    manner = actor.manner
    drags = _Gesture(np.array([-0.24, 0.14, 0.33]), np.array([0.6, -1.0, 0.2]), nod=-0.05)
    period = manner.within(4.8, 4.0, 12.0)
    if manner.chance(0.35):
        period = manner.within(20.0, 12.0, 40.0)
    down = manner.pick((None, _BEFORE_CHEST, np.array([0.12, -0.5, 0.4])))
    yield from drags.play(
        actor, action.seconds or 15.0, Behavior.SMOKE, "cigarette",
        period=period, top=_share(manner, 0.4, 1.0, 3.0), low=down,
    )  # fmt: skip


def phone(actor: Actor, action: Action) -> Motion:
    """A call, or something to read before the chest."""
    manner, seconds = actor.manner, action.seconds or 12.0
    if manner.chance(0.4):
        wrist, nod = np.array([-0.12, -0.25, 0.5]), manner.within(0.4, 0.25, 0.6)
        call = _Gesture(manner.around(wrist, 0.05), np.array([0.5, -1.0, -0.2]), nod=nod)
        if manner.chance(0.4):
            call = _Gesture(
                manner.around(wrist, 0.05), np.array([0.5, -1.0, -0.2]), nod=nod, both=True
            )
    else:
        call = _Gesture(np.array([-0.06, 0.17, 0.14]), np.array([0.9, -0.9, 0.3]), nod=0.08)
    yield from call.play(actor, seconds, Behavior.PHONE, "phone", period=seconds)


_BEFORE_CHEST: Final = np.array([0.0, -0.4, 0.45])


def _share(manner: Manner, usual: float, low: float, high: float) -> float | Range:
    """Time at the top: a share of the period for the usual way, else seconds between two."""
    return usual if manner.plain else (low, high)


class _Gesture:
    """A hand goes up to the head and down again, once or many times."""

    def __init__(self, wrist: Vector, elbow: Vector, nod: float, *, both: bool = False) -> None:
        self._wrist, self._elbow, self._nod, self._both = wrist, elbow, nod, both

    def play(
        self, actor: Actor, seconds: float, behavior: Behavior, prop: str, *,
        period: float, top: float | Range = 1.0, low: Vector | None = None,
    ) -> Motion:  # fmt: skip
        """`top`: share of each period with the hand up, or a range of seconds it stays there;
        `low`: where the hand waits in between, None for hanging."""
        if actor.on_floor:
            yield from on_feet(actor)
        manner, base = actor.manner, actor.stance
        hand = manner.hand
        hands = [LEFT, RIGHT] if self._both else [hand]
        if hand == RIGHT:
            actor.prop = prop
        wrist, elbow = manner.around(self._wrist, 0.02), manner.around(self._elbow, 0.15)
        wait = base.wrists[hand] if low is None else manner.around(low, 0.06)
        cycles = max(1, round(seconds / period))
        length = seconds / cycles
        ramp, held = self._times(actor, top, length)
        cycle = 0
        for s in actor.progress(seconds):
            u = (s * cycles) % 1.0 if s < 1 else 1.0
            if int(s * cycles) != cycle and s < 1:
                cycle = int(s * cycles)
                ramp, held = self._times(actor, top, length)
            t = u * length
            weight = smooth(t / ramp) * smooth((max(held, 2 * ramp) - t) / ramp)
            arrived = min(1.0, s * seconds / 0.8, (1 - s) * seconds / 0.8)
            wrists, elbows = base.wrists.copy(), base.elbows.copy()
            for side in hands:
                rest = (1 - smooth(arrived)) * base.wrists[side] + smooth(arrived) * wait
                wrists[side] = (1 - weight) * rest + weight * wrist
                wrists[side, 2] += 0.25 * np.sin(np.pi * weight)
                elbows[side] = (1 - weight) * elbows[side] + weight * elbow
            neck = base.neck + np.array([self._nod * weight, 0, 0])
            actor.show(replace(base, wrists=wrists, elbows=elbows, neck=neck))
            yield behavior
        actor.stance = base

    def _times(self, actor: Actor, top: float | Range, length: float) -> tuple[float, float]:
        """Seconds that going up takes and from leaving until back."""
        ramp = actor.manner.within(0.7, 0.45, 1.1)
        if isinstance(top, float):
            return ramp, top * length
        return ramp, min(actor.manner.within(0.0, *top) + 2 * ramp, length)


def wave_for_help(actor: Actor, action: Action) -> Motion:
    """One arm or both over the head, to and fro; standing, sitting or lying."""
    manner = actor.manner
    if actor.on_floor:
        yield from on_feet(actor)
    base, hand = actor.stance, manner.hand
    high = np.array([0.28, 0.86, 0.12])
    if actor.posture is Behavior.LIE:
        high = np.array([0.3, 0.3, 0.8])
    up = np.array([high] * 2)
    elbows = np.array([[1.0, 0.0, -0.1]] * 2)
    if manner.chance(0.5):
        up[1 - hand], elbows[1 - hand] = base.wrists[1 - hand], base.elbows[1 - hand]
    up = manner.around(up, 0.06)
    raised = replace(base, wrists=up, elbows=elbows)
    rate, size = manner.within(1.25, 0.7, 2.2), manner.within(0.34, 0.15, 0.45)
    waving = np.array([1.0, 1.0])
    if np.allclose(elbows[1 - hand], base.elbows[1 - hand]):
        waving[1 - hand] = 0.0
    yield from actor.morph(raised, actor.takes(0.6), Behavior.WAVE_FOR_HELP)
    started = actor.stage.now
    for _ in actor.progress(action.seconds or 6.0):
        swing = size * np.sin(2 * np.pi * rate * (actor.stage.now - started))
        wrists = up + waving[:, None] * np.array([[swing, -abs(swing) * 0.2, 0]] * 2)
        actor.show(replace(raised, wrists=wrists))
        yield Behavior.WAVE_FOR_HELP
    yield from actor.morph(base, actor.takes(0.7), Behavior.WAVE_FOR_HELP)
