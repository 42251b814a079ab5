"""How people fall: what muscles still do on the way down, and what pushes them.

A `Course` is a plan for `mizaru.lab.sim.physics.Ragdoll`: postures that the joints are drawn
to, one after another, how strongly, and outside forces. Staged and real falls are seldom those
of a felled tree: knees give, arms go out, legs brake the descent. The figures of the ways were
chosen so that descents last about as long as those of people (0.5 … 1.5 s; most literature
0.6 … 1.0 s) and bodies land on what people land on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mizaru.lab.sim.humanoid import SIDES, Vector
from mizaru.lab.sim.kinematics import Skeleton
from mizaru.lab.sim.scenario import Way

Rng = np.random.Generator
Range = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """A stretch of a fall.

    Attributes:
        seconds: how long; the last one lasts until trunk or head meets the floor.
        posture: shape (nq - 7,), joint angles the muscles pull towards.
        tone: share of full strength.
        lift: share of the weight that the legs still bear.
    """

    seconds: float
    posture: Vector
    tone: float
    lift: float


@dataclass(frozen=True, slots=True, eq=False)
class Force:
    """An outside force on one body.

    Attributes:
        body: its name, without prefix.
        push: shape (3,), in body weights, world axes.
        start_s, end_s: since the loss of control.
    """

    body: str
    push: Vector
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A fall as it is meant to go.

    Attributes:
        after: what muscles pull towards once down, with the tone that remains.
        slack_s: from the impact until only that remains.
        brake: the legs bear weight only against a descent, in full at this speed, m/s.
    """

    phases: tuple[Phase, ...]
    after: Phase
    forces: tuple[Force, ...]
    slack_s: float
    brake: float


@dataclass(frozen=True, slots=True)
class _Shape:
    """Ranges, in degrees, that a posture is drawn from; arms in arm lengths."""

    hip: Range = (0, 15)
    knee: Range = (5, 30)
    spine: Range = (0, 15)
    side: Range = (-8, 8)
    neck: Range = (-10, 15)
    spread: Range = (0, 12)
    arms: str = "loose"


_ARMS: Final[Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]]] = {
    # Wrist from shoulder: outward, up, forward; where the elbow points.
    "loose": ((0.2, -0.85, 0.15), (0.5, 0.0, -1.0)),
    "brace": ((0.15, -0.35, 0.72), (0.8, -0.6, 0.0)),
    "high": ((0.2, 0.25, 0.75), (0.8, -0.4, 0.0)),
    "wide": ((0.75, -0.1, 0.25), (0.2, -0.8, -0.4)),
    "back": ((0.35, -0.7, -0.42), (0.5, 0.0, -1.0)),
    "chest": ((-0.05, -0.3, 0.35), (0.8, -0.7, 0.0)),
}


def course(way: Way, towards: float, limp: float, skeleton: Skeleton, rng: Rng) -> Course:
    """Draw a course.

    Args:
        towards: direction of the fall on the floor, radians, in the world.
        limp: 0 much tone … 1 none.
    """
    return _WAYS[way](_Maker(towards, limp, skeleton, rng))


class _Maker:
    def __init__(self, towards: float, limp: float, skeleton: Skeleton, rng: Rng) -> None:
        self.rng, self._skeleton = rng, skeleton
        self.tone = float(np.clip(1 - limp, 0.05, 1.0))
        self.forward = np.array([np.cos(towards), np.sin(towards), 0.0])

    def draw(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def posture(self, shape: _Shape) -> Vector:
        """Joint angles; left and right differ a little."""
        skeleton, rng = self._skeleton, self.rng
        base = skeleton.stand(np.zeros(2), 0.0)
        wrist, elbow = _ARMS[shape.arms]
        wrists = np.array([wrist] * 2) + rng.normal(0, 0.12, (2, 3))
        elbows = np.array([elbow] * 2) + rng.normal(0, 0.2, (2, 3))
        spine, side, neck = (
            np.deg2rad(self.draw(*r)) for r in (shape.spine, shape.side, shape.neck)
        )
        stance = replace(
            base,
            wrists=wrists,
            elbows=elbows,
            spine=np.array([spine, side, rng.normal(0, 0.12)]),
            neck=np.array([neck, rng.normal(0, 0.1), rng.normal(0, 0.25)]),
        )
        qpos = skeleton.solve(stance)
        hip, knee = (np.deg2rad(self.draw(*r)) for r in (shape.hip, shape.knee))
        for letter in SIDES:
            at = skeleton.address
            qpos[at(f"{letter}femurrx")] = -hip * rng.uniform(0.8, 1.2)
            qpos[at(f"{letter}tibiarx")] = knee * rng.uniform(0.8, 1.2)
            out = 1.0 if letter == "l" else -1.0
            qpos[at(f"{letter}femurrz")] += out * np.deg2rad(self.draw(*shape.spread))
            qpos[at(f"{letter}footrx")] = np.deg2rad(self.draw(-10, 15))
        return np.asarray(qpos[7:])

    def phase(self, seconds: float, shape: _Shape, tone: float, lift: float = 0.0) -> Phase:
        return Phase(seconds, self.posture(shape), tone, lift)

    def push(self, body: str, weights: float, seconds: float, up: float = 0.0) -> Force:
        """Along the fall, give or take some degrees."""
        angle = float(self.rng.normal(0, 0.2))
        c, s = np.cos(angle), np.sin(angle)
        x, y, _ = self.forward
        push = weights * np.array([c * x - s * y, s * x + c * y, up])
        return Force(body, push, 0.0, seconds)

    def end(self, *shapes: _Shape, tone: Range = (0.03, 0.4)) -> Phase:
        """How the body is left: limp, curled, propped, …"""
        shape = shapes[int(self.rng.integers(len(shapes)))]
        return self.phase(0.0, shape, self.draw(*tone))

    def make(
        self, phases: tuple[Phase, ...], after: Phase, forces: tuple[Force, ...],
        *, brake: float = 0.8,
    ) -> Course:  # fmt: skip
        return Course(phases, after, forces, self.draw(0.25, 0.9), brake)


_FLAT: Final = _Shape(hip=(0, 20), knee=(5, 40), spread=(0, 25))
_CURLED: Final = _Shape(hip=(50, 110), knee=(60, 120), spine=(20, 50), arms="chest")
_HALF: Final = _Shape(hip=(20, 60), knee=(20, 90), spine=(0, 25), arms="wide")
_SEATED: Final = _Shape(hip=(70, 100), knee=(15, 90), spine=(10, 45), arms="loose")
_PROPPED: Final = _Shape(hip=(60, 90), knee=(30, 90), spine=(10, 40), arms="back")


def _topple(m: _Maker) -> Course:
    give = m.draw(0.15, 0.4)
    loose = _Shape(hip=(5, 35), knee=(10, 50), side=(-15, 15), arms="wide")
    down = _Shape(hip=(15, 60), knee=(20, 80), side=(-15, 15), arms=m.rng.choice(["brace", "wide"]))
    return m.make(
        (m.phase(give, loose, 0.5 * m.tone + 0.1, 0.3), m.phase(3.0, down, m.tone, 0.15)),
        m.end(_FLAT, _HALF, _CURLED),
        (m.push("thorax", m.draw(0.12, 0.24), m.draw(0.2, 0.35)),
         m.push("root", m.draw(0.0, 0.06), 0.3)),
    )  # fmt: skip


def _trip(m: _Maker) -> Course:
    letter = SIDES[int(m.rng.integers(2))]
    reach = _Shape(hip=(10, 45), knee=(20, 70), spine=(0, 20), neck=(-25, 0), arms="brace")
    land = _Shape(hip=(5, 60), knee=(20, 90), spine=(-5, 15), neck=(-30, 0),
                  arms=m.rng.choice(["brace", "high"]))  # fmt: skip
    caught = m.draw(0.12, 0.3)
    hold = m.push(f"{letter}tibia", -m.draw(0.08, 0.2), caught)
    return m.make(
        (m.phase(caught, reach, 0.6, 0.4), m.phase(3.0, land, 0.4 + 0.6 * m.tone, 0.2)),
        m.end(_FLAT, _HALF, _CURLED),
        (hold, m.push("thorax", m.draw(0.15, 0.28), m.draw(0.2, 0.4))),
    )


def _slip(m: _Maker) -> Course:
    """`towards` is where the trunk goes; the feet go the other way."""
    flail = _Shape(hip=(10, 45), knee=(10, 50), spine=(5, 25), neck=(5, 30), arms="wide")
    land = _Shape(hip=(40, 90), knee=(20, 80), spine=(15, 40), neck=(10, 35),
                  arms=m.rng.choice(["back", "wide"]))  # fmt: skip
    feet = [m.push(f"{letter}foot", -m.draw(0.1, 0.25), m.draw(0.15, 0.3)) for letter in SIDES]
    if m.rng.random() < 0.4:
        feet.pop(int(m.rng.integers(2)))
    return m.make(
        (m.phase(m.draw(0.2, 0.4), flail, 0.6, 0.25), m.phase(3.0, land, 0.4 + 0.5 * m.tone, 0.1)),
        m.end(_FLAT, _HALF, _PROPPED, tone=(0.05, 0.5)),
        (*feet, m.push("thorax", m.draw(0.08, 0.2), 0.3)),
    )


def _faint(m: _Maker) -> Course:
    give = _Shape(hip=(40, 100), knee=(70, 130), spine=(10, 40), side=(-15, 15), neck=(0, 30))
    tone = m.draw(0.08, 0.3)
    return m.make(
        (m.phase(m.draw(0.1, 0.4), give, tone, 0.5), m.phase(3.0, give, tone, 0.1)),
        m.end(_FLAT, _HALF, tone=(0.01, 0.06)),
        (m.push("thorax", m.draw(0.02, 0.1), 0.4),),
    )


def _crumple(m: _Maker) -> Course:
    give = _Shape(hip=(60, 120), knee=(90, 140), spine=(15, 45), side=(-20, 20),
                  arms=m.rng.choice(["loose", "chest", "brace"]))  # fmt: skip
    tone, lift = m.draw(0.2, 0.5), m.draw(0.6, 0.97)
    return m.make(
        (m.phase(m.draw(0.5, 1.1), give, tone, lift), m.phase(3.0, give, 0.6 * tone, 0.3)),
        m.end(_CURLED, _HALF, _FLAT, tone=(0.02, 0.2)),
        (m.push("thorax", m.draw(0.02, 0.07), 0.7),),
        brake=m.draw(0.5, 1.0),
    )


def _sit(m: _Maker) -> Course:
    """Onto the buttocks, then back, aside or not any farther."""
    squat = _Shape(hip=(75, 105), knee=(70, 110), spine=(20, 45), neck=(-5, 20),
                   arms=m.rng.choice(["back", "wide", "brace"]))  # fmt: skip
    stays = m.rng.random() < 0.5
    rest = (
        m.end(_SEATED, _PROPPED, tone=(0.7, 1.0))
        if stays
        else m.end(_FLAT, _HALF, tone=(0.03, 0.3))
    )
    return m.make(
        (m.phase(3.0, squat, 0.4 + 0.5 * m.tone, m.draw(0.1, 0.8)),),
        rest,
        (
            m.push("root", m.draw(0.12, 0.3), m.draw(0.25, 0.5)),
            m.push("thorax", m.draw(0.03, 0.1), 0.4),
        ),
        brake=m.draw(0.6, 1.4),
    )


def _knees(m: _Maker) -> Course:
    """To the knees, on to the hands, then flat or on the side."""
    kneel = _Shape(hip=(5, 35), knee=(90, 125), spine=(5, 25), neck=(-20, 10),
                   arms=m.rng.choice(["brace", "chest", "loose"]))  # fmt: skip
    fold = _Shape(hip=(30, 90), knee=(70, 120), spine=(10, 30), side=(-25, 25), arms="brace")
    return m.make(
        (m.phase(m.draw(0.4, 0.9), kneel, 0.6, m.draw(0.3, 0.6)), m.phase(0.5, fold, 0.5, 0.0),
         m.phase(3.0, fold, 0.12, 0.0)),
        m.end(_FLAT, _HALF, _CURLED),
        (m.push("thorax", m.draw(0.05, 0.15), m.draw(0.4, 0.8)),),
    )  # fmt: skip


def _slide(m: _Maker) -> Course:
    """`towards` is where the wall is."""
    squat = _Shape(hip=(80, 110), knee=(80, 120), spine=(5, 30), neck=(0, 30), side=(-8, 8))
    stays = m.rng.random() < 0.65
    rest = m.end(_SEATED, tone=(0.5, 0.9)) if stays else m.end(_HALF, _CURLED, tone=(0.03, 0.15))
    lean = Force("thorax", m.draw(0.05, 0.15) * m.forward, 0.0, 6.0 if stays else 1.6)
    return m.make(
        (m.phase(3.0, squat, m.draw(0.3, 0.6), m.draw(0.6, 0.9)),),
        rest,
        (lean, m.push("root", 0.08, 1.5)),
        brake=m.draw(0.5, 1.1),
    )


def _roll(m: _Maker) -> Course:
    turn = _Shape(hip=(10, 70), knee=(10, 90), spine=(0, 25), side=(-15, 15),
                  arms=m.rng.choice(["brace", "chest", "loose"]))  # fmt: skip
    lift = m.draw(0.1, 0.3)
    return m.make(
        (m.phase(3.0, turn, 0.15 + 0.4 * m.tone, 0.0),),
        m.end(_FLAT, _HALF, _CURLED),
        tuple(
            m.push(body, share * m.draw(0.5, 0.85), m.draw(0.4, 0.65), up=lift)
            for body, share in (("thorax", 0.5), ("root", 0.5), ("lfemur", 0.2), ("rfemur", 0.2))
        ),
    )


_WAYS: Final = {
    Way.TOPPLE: _topple,
    Way.TRIP: _trip,
    Way.SLIP: _slip,
    Way.FAINT: _faint,
    Way.CRUMPLE: _crumple,
    Way.SIT: _sit,
    Way.KNEES: _knees,
    Way.SLIDE: _slide,
    Way.ROLL: _roll,
}
