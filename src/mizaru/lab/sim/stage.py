"""A stage for a scene: a room that is being furnished and peopled, and what people do between.

Furniture stands along the walls, so that the middle of the room, where people walk and fall,
is free.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final

import numpy as np

from mizaru.lab.sim.identity import Age
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import (
    Action,
    Camera,
    Do,
    Door,
    Furniture,
    Kind,
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
        door: whether there is one, in the south wall.
    """

    def __init__(
        self,
        rng: Rng,
        kinds: Sequence[Kind] = (),
        size: float | None = None,
        *,
        door: bool = False,
    ) -> None:
        self.rng = rng
        low = 4.2 if size is None else size
        sides = rng.uniform(low, low + (3.0 if size is None else 0.5), 2)
        self.size = (float(sides[0]), float(sides[1]))
        self._furniture: list[Furniture] = []
        self._people: list[Person] = []
        self._taken: list[Point] = []
        self._door = float(rng.uniform(0.8, self.size[0] - 0.8)) if door else None
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
            if self._door is not None:
                clear = clear and float(np.hypot(x - self._door, y)) > reach + 0.5
            if clear:
                name = f"{kind.value}{len(self._furniture)}"
                piece = Furniture(name=name, kind=kind, position=(x, y), heading=heading, size=size)
                self._furniture.append(piece)
                return

    def again(self, rng: Rng) -> Set:
        """The same room without its people."""
        other = copy.copy(self)
        other.rng, other._people, other._taken = rng, [], []
        return other

    @property
    def outside(self) -> Point:
        """Behind the door, where nobody is seen."""
        assert self._door is not None
        return self._door, -1.1

    @property
    def doorway(self) -> Point:
        """Just inside the door."""
        assert self._door is not None
        return self._door, 0.6

    def at(self, name: str) -> Point:
        """Where one stands at some furniture."""
        piece = Piece.of(next(p for p in self._furniture if p.name == name))
        x, y = piece.point(piece.edge + 0.45)
        return float(x), float(y)

    def pieces(self, *kinds: Kind) -> list[str]:
        """Names of all furniture of these kinds."""
        return [p.name for p in self._furniture if p.kind in kinds]

    def piece(self, *kinds: Kind) -> str | None:
        """Name of some furniture of these kinds, or None."""
        names = self.pieces(*kinds)
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
            room=Room(
                size=(width, depth, 2.6),
                door=() if self._door is None else (Door(wall=Wall.SOUTH, at=self._door),),
            ),
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


def lasting(rng: Rng, low: float, high: float) -> float:
    """Long ones are rarer than short ones."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def wander(stage: Set, steps: int) -> list[Action]:
    """Walks and pauses."""
    rng = stage.rng
    found: list[Action] = []
    for _ in range(steps):
        found.append(Action(do=Do.WALK, to=stage.spot()))
        if rng.random() < 0.6:
            found.append(Action(do=Do.WAIT, seconds=lasting(rng, 0.5, 5)))
        if rng.random() < 0.3:
            found.append(Action(do=Do.TURN, heading=float(rng.uniform(0, 360))))
    return found


def idle(rng: Rng, low: float = 1, high: float = 6) -> Action:
    return Action(do=Do.WAIT, seconds=lasting(rng, low, high))


# Falls
