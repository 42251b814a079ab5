"""Scenes without end: families of scenarios in random rooms with random people.

A family is a function from a generator to a `Scenario`; `scenes` draws from them for ever.
Furniture stands along the walls, so that the middle of the room, where people walk and fall,
is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from mizaru.lab.sim.identity import Age
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import (
    Action,
    Camera,
    Do,
    Furniture,
    Kind,
    Outcome,
    Person,
    Point,
    Room,
    Scenario,
    Wall,
)

Rng = np.random.Generator
_FREE: Final = 1.3
"""Width of the strip along the walls that belongs to furniture, metres."""
_APART: Final = 0.9
"""Between two places where people start, metres."""
_AGES: Final = (Age.ADULT, Age.ELDER, Age.CHILD)


class Set:
    """A room that is being furnished and peopled.

    Args:
        kinds: furniture wanted; what finds no place along the walls is left out.
        size: of the room's sides, metres; drawn if not given.
    """

    def __init__(self, rng: Rng, kinds: Sequence[Kind] = (), size: float | None = None) -> None:
        self.rng = rng
        low = 4.2 if size is None else size
        sides = rng.uniform(low, low + (3.0 if size is None else 0.5), 2)
        self.size = (float(sides[0]), float(sides[1]))
        self._furniture: list[Furniture] = []
        self._people: list[Person] = []
        self._taken: list[Point] = []
        for kind in kinds:
            self._place(kind)

    def _place(self, kind: Kind) -> None:
        rng = self.rng
        usual = Piece.of(Furniture(name="x", kind=kind, position=(0, 0)))
        size = (
            usual.width * float(rng.uniform(0.9, 1.15)),
            usual.depth * float(rng.uniform(0.9, 1.1)),
            usual.height * float(rng.uniform(0.85, 1.15)),
        )
        along, deep = (size[1], size[0]) if kind is Kind.BED else (size[0], size[1])
        for _ in range(12):
            wall = tuple(Wall)[int(rng.integers(4))]
            length = self.size[0] if wall in (Wall.SOUTH, Wall.NORTH) else self.size[1]
            if length < along + 0.4:
                continue
            at = float(rng.uniform(along / 2 + 0.1, length - along / 2 - 0.1))
            off = deep / 2 + float(rng.uniform(0.03, 0.12))
            x, y, heading = {
                Wall.SOUTH: (at, off, 90.0),
                Wall.NORTH: (at, self.size[1] - off, 270.0),
                Wall.WEST: (off, at, 0.0),
                Wall.EAST: (self.size[0] - off, at, 180.0),
            }[wall]
            reach = along / 2 + 0.3
            clear = all(
                np.hypot(x - p.position[0], y - p.position[1]) > reach + _half(p) - 0.15
                for p in self._furniture
            )
            if clear:
                name = f"{kind.value}{len(self._furniture)}"
                piece = Furniture(name=name, kind=kind, position=(x, y), heading=heading, size=size)
                self._furniture.append(piece)
                return

    def piece(self, *kinds: Kind) -> str | None:
        """Name of some furniture of these kinds, or None."""
        names = [p.name for p in self._furniture if p.kind in kinds]
        return names[int(self.rng.integers(len(names)))] if names else None

    def spot(self) -> Point:
        """A free place in the middle of the room."""
        for apart in (_APART, _APART, _APART, 0.6, 0.6, 0.3, 0.0):
            point = (
                float(self.rng.uniform(_FREE, max(self.size[0] - _FREE, _FREE + 0.3))),
                float(self.rng.uniform(_FREE, max(self.size[1] - _FREE, _FREE + 0.3))),
            )
            if all(np.hypot(point[0] - x, point[1] - y) >= apart for x, y in self._taken):
                break
        self._taken.append(point)
        return point

    def beside(self, point: Point, low: float, high: float) -> Point:
        """A place at some distance of another."""
        angle, gap = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(low, high)
        x = float(np.clip(point[0] + gap * np.cos(angle), 0.5, self.size[0] - 0.5))
        y = float(np.clip(point[1] + gap * np.sin(angle), 0.5, self.size[1] - 0.5))
        self._taken.append((x, y))
        return x, y

    def enter(
        self,
        *actions: Action | Sequence[Action],
        start: Point | None = None,
        heading: float | None = None,
        age: Age | None = None,
    ) -> str:
        """Somebody with a script; returns the name."""
        name = f"p{len(self._people)}"
        script: list[Action] = []
        for action in actions:
            script.extend([action] if isinstance(action, Action) else action)
        self._people.append(
            Person(
                name=name,
                identity=int(self.rng.integers(2**31)),
                manner=int(self.rng.integers(2**31)),
                age=self.age() if age is None else age,
                start=self.spot() if start is None else start,
                heading=float(self.rng.uniform(0, 360)) if heading is None else heading,
                action=tuple(script),
            )
        )
        return name

    def age(self) -> Age:
        """Mostly grown-ups."""
        return _AGES[int(self.rng.choice(3, p=(0.62, 0.25, 0.13)))]

    def scenario(self, title: str, seconds: float, prelude: float = 0.0) -> Scenario:
        """What has been set up."""
        width, depth = self.size
        return Scenario(
            title=f"{title}-{int(self.rng.integers(2**31)):08x}",
            room=Room(size=(width, depth, 2.6)),
            camera=(
                Camera(
                    name="corner",
                    position=(0.1, 0.1, 2.3),
                    look_at=(width / 2, depth / 2, 0.7),
                    fov=75,
                ),
            ),
            seed=int(self.rng.integers(2**31)),
            duration=seconds,
            prelude=prelude,
            furniture=tuple(self._furniture),
            person=tuple(self._people),
        )


def _half(piece: Furniture) -> float:
    width, depth, _ = piece.size or (1.0, 1.0, 1.0)
    return max(width, depth) / 2


def _seconds(rng: Rng, low: float, high: float) -> float:
    """Long ones are rarer than short ones."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _wander(stage: Set, steps: int) -> list[Action]:
    """Walks and pauses."""
    rng = stage.rng
    found: list[Action] = []
    for _ in range(steps):
        found.append(Action(do=Do.WALK, to=stage.spot()))
        if rng.random() < 0.6:
            found.append(Action(do=Do.WAIT, seconds=_seconds(rng, 0.5, 5)))
        if rng.random() < 0.3:
            found.append(Action(do=Do.TURN, heading=float(rng.uniform(0, 360))))
    return found


# Falls


def fall_standing(rng: Rng) -> Scenario:
    """From standing, in every direction, limp to stiff."""
    stage = Set(rng)
    stage.enter(
        Action(do=Do.WAIT, seconds=_seconds(rng, 1, 6)),
        Action(
            do=Do.FALL,
            heading=float(rng.uniform(0, 360)),
            limp=float(rng.uniform(0, 1)),
            seconds=_seconds(rng, 3, 12),
        ),
        [Action(do=Do.STAND_UP)] if rng.random() < 0.4 else [],
    )
    return stage.scenario("fall_standing", 20.0)


def fall_walking(rng: Rng) -> Scenario:
    """Control is lost in the middle of walking."""
    stage = Set(rng)
    stage.enter(
        _wander(stage, 1),
        Action(do=Do.WALK, to=stage.spot(), cut=float(rng.uniform(0.8, 2.5))),
        Action(
            do=Do.FALL,
            heading=float(rng.normal(0, 50)),
            limp=float(rng.uniform(0, 0.8)),
            seconds=_seconds(rng, 3, 12),
        ),
        [Action(do=Do.STAND_UP)] if rng.random() < 0.4 else [],
    )
    return stage.scenario("fall_walking", 24.0)


# Against others


def push(rng: Rng) -> Scenario:
    """One pushes another, who falls, staggers or stands."""
    stage = Set(rng)
    victim = stage.enter(Action(do=Do.WAIT, seconds=60))
    outcome = tuple(Outcome)[int(rng.choice(3, p=(0.15, 0.4, 0.45)))]
    stage.enter(
        Action(do=Do.WAIT, seconds=_seconds(rng, 0.5, 4)),
        Action(do=Do.PUSH, who=victim, outcome=outcome),
    )
    return stage.scenario("push", 14.0)


def strike(rng: Rng) -> Scenario:
    """One strikes another, who may strike back."""
    stage = Set(rng)
    start = stage.spot()
    outcome = tuple(Outcome)[int(rng.choice(3, p=(0.4, 0.4, 0.2)))]
    back = [Action(do=Do.STRIKE, who="p1", seconds=3, outcome=Outcome.NONE)]
    victim = stage.enter(
        Action(do=Do.WAIT, seconds=float(rng.uniform(3, 8))),
        back if rng.random() < 0.5 else Action(do=Do.WAIT, seconds=60),
        start=start,
    )
    stage.enter(
        Action(do=Do.WAIT, seconds=_seconds(rng, 0.5, 3)),
        Action(do=Do.STRIKE, who=victim, seconds=float(rng.uniform(1, 6)), outcome=outcome),
    )
    return stage.scenario("strike", 16.0)


def bullying(rng: Rng) -> Scenario:
    """A group around one."""
    stage = Set(rng)
    victim = stage.enter(Action(do=Do.WAIT, seconds=60))
    for _ in range(int(rng.integers(1, 4))):
        stage.enter(
            Action(do=Do.WAIT, seconds=_seconds(rng, 0.5, 4)),
            Action(do=Do.BULLY, who=victim, seconds=float(rng.uniform(6, 15))),
        )
    return stage.scenario("bullying", 22.0)


# Every day


def walking(rng: Rng) -> Scenario:
    """One to three people about the room."""
    stage = Set(rng, (Kind.CABINET, Kind.TABLE))
    for _ in range(int(rng.integers(1, 4))):
        stage.enter(_wander(stage, 5))
    return stage.scenario("walking", 25.0)


def seats(rng: Rng) -> Scenario:
    """Sitting down and standing up."""
    stage = Set(rng, (Kind.CHAIR, Kind.BENCH, Kind.SOFA, Kind.BED))
    script: list[Action] = []
    for _ in range(3):
        seat = stage.piece(Kind.CHAIR, Kind.BENCH, Kind.SOFA, Kind.BED)
        if seat is not None:
            script.append(Action(do=Do.SIT_DOWN, on=seat, seconds=_seconds(rng, 1, 8)))
            script.append(Action(do=Do.STAND_UP))
        script.extend(_wander(stage, 1))
    stage.enter(script)
    return stage.scenario("seats", 40.0)


def lying(rng: Rng) -> Scenario:
    """Lying down on purpose, on a bed or on the floor, and getting up."""
    stage = Set(rng, (Kind.BED, Kind.SOFA))
    bed = stage.piece(Kind.BED, Kind.SOFA) if rng.random() < 0.6 else None
    stage.enter(
        _wander(stage, 1),
        Action(do=Do.LIE_DOWN, on=bed, seconds=_seconds(rng, 2, 20)),
        Action(do=Do.STAND_UP),
        _wander(stage, 1),
    )
    return stage.scenario("lying", 40.0)


def low(rng: Rng) -> Scenario:
    """Bending and squatting."""
    stage = Set(rng, (Kind.CABINET,))
    script: list[Action] = []
    for _ in range(3):
        do = (Do.BEND, Do.SQUAT)[int(rng.integers(2))]
        script.append(Action(do=do, seconds=_seconds(rng, 0.5, 6)))
        script.extend(_wander(stage, 1))
    stage.enter(script)
    return stage.scenario("low", 35.0)


def hands(rng: Rng) -> Scenario:
    """Washing, drinking, telephoning, smoking, waving."""
    stage = Set(rng, (Kind.BASIN, Kind.CHAIR))
    script: list[Action] = []
    basin = stage.piece(Kind.BASIN)
    for do in rng.permutation(
        np.array([Do.DRINK, Do.PHONE, Do.SMOKE, Do.WAVE_FOR_HELP, Do.WASH_HANDS], dtype=object)
    )[:3]:
        if do is Do.WASH_HANDS:
            if basin is not None:
                script.append(Action(do=do, on=basin, seconds=_seconds(rng, 3, 12)))
            continue
        script.append(Action(do=do, seconds=_seconds(rng, 5, 25)))
        script.extend(_wander(stage, 1))
    stage.enter(script)
    return stage.scenario("hands", 50.0)


def crowd(rng: Rng) -> Scenario:
    """Many people at once."""
    stage = Set(rng, size=5.5)
    for _ in range(int(rng.integers(4, 8))):
        stage.enter(_wander(stage, 4))
    return stage.scenario("crowd", 20.0)


FAMILIES: Final[Mapping[str, tuple[float, Callable[[Rng], Scenario]]]] = {
    "fall_standing": (2.0, fall_standing),
    "fall_walking": (2.0, fall_walking),
    "push": (1.5, push),
    "strike": (1.5, strike),
    "bullying": (0.7, bullying),
    "walking": (1.0, walking),
    "seats": (1.5, seats),
    "lying": (1.5, lying),
    "low": (1.5, low),
    "hands": (2.0, hands),
    "crowd": (0.3, crowd),
}
"""Families by name: how often, and what makes one."""


def scenes(rng: Rng, families: Sequence[str] = ()) -> Iterator[Scenario]:
    """Scenarios without end; play them with `mizaru.lab.sim.motion.perform`.

    Args:
        families: names in `FAMILIES` to draw from; empty for all.

    Raises:
        KeyError: no such family.
    """
    names = list(families) or list(FAMILIES)
    shares = np.array([FAMILIES[name][0] for name in names])
    while True:
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        yield FAMILIES[name][1](rng)
