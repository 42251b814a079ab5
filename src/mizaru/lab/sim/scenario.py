"""A scenario file: room, cameras, people and what they do, checked before anything renders.

Positions are metres on the floor, (0, 0) in one corner, x along the room's width, y along its
depth, z up. Headings are degrees, counter-clockwise from +x.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from mizaru.errors import SettingsError, SimError
from mizaru.lab.sim.identity import Age
from mizaru.settings import convert, line_of, load_document

Point = tuple[float, float]
Point3 = tuple[float, float, float]
Colour = tuple[
    Annotated[float, Meta(ge=0, le=1)],
    Annotated[float, Meta(ge=0, le=1)],
    Annotated[float, Meta(ge=0, le=1)],
]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
MAX_PEOPLE: Final = 24


class Wall(enum.StrEnum):
    """The four walls: south is y = 0, north y = depth, west x = 0, east x = width."""

    SOUTH = "south"
    NORTH = "north"
    WEST = "west"
    EAST = "east"


class Kind(enum.StrEnum):
    """Furniture the sim can build."""

    BENCH = "bench"
    CHAIR = "chair"
    TABLE = "table"
    BASIN = "basin"
    BED = "bed"
    SOFA = "sofa"
    CABINET = "cabinet"
    MIRROR = "mirror"


SEATS: Final = frozenset({Kind.BENCH, Kind.CHAIR, Kind.BED, Kind.SOFA})
BEDS: Final = frozenset({Kind.BED, Kind.SOFA})


class Do(enum.StrEnum):
    """Actions of a script."""

    WALK = "walk"
    FOLLOW = "follow"
    TURN = "turn"
    WAIT = "wait"
    SIT_DOWN = "sit_down"
    STAND_UP = "stand_up"
    LIE_DOWN = "lie_down"
    BEND = "bend"
    SQUAT = "squat"
    WASH_HANDS = "wash_hands"
    DRINK = "drink"
    PHONE = "phone"
    SMOKE = "smoke"
    FALL = "fall"
    STRIKE = "strike"
    PUSH = "push"
    BULLY = "bully"
    WAVE_FOR_HELP = "wave_for_help"
    KNEEL = "kneel"
    TIE_SHOES = "tie_shoes"
    PICK_UP = "pick_up"
    REACH_UP = "reach_up"
    DRESS = "dress"
    JUMP = "jump"
    EXERCISE = "exercise"
    CRAWL = "crawl"
    SIT_FLOOR = "sit_floor"
    TURN_OVER = "turn_over"
    STIR = "stir"
    TRY_UP = "try_up"
    STAGGER = "stagger"
    EMBRACE = "embrace"
    HANDSHAKE = "handshake"
    TOUCH = "touch"
    HELP_UP = "help_up"
    STRUGGLE = "struggle"
    WHEEL = "wheel"


class Way(enum.StrEnum):
    """How somebody falls."""

    TOPPLE = "topple"
    TRIP = "trip"
    SLIP = "slip"
    FAINT = "faint"
    CRUMPLE = "crumple"
    SIT = "sit"
    KNEES = "knees"
    SLIDE = "slide"
    ROLL = "roll"


class Outcome(enum.StrEnum):
    """What a push or blow does to the other."""

    NONE = "none"
    STAGGER = "stagger"
    FALL = "fall"


class Door(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An opening in a wall, `at` metres along it, with a corridor behind."""

    wall: Wall
    at: float
    width: Annotated[float, Meta(ge=0.7, le=3)] = 1.0
    height: Annotated[float, Meta(ge=1.8, le=3)] = 2.05


class Room(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A box with textures.

    Attributes:
        size: width, depth, height in metres.
        floor, wall, ceiling: base colours.
        tile: side of a floor tile in metres; 0 for none.
        tiled_to: height up to which walls are tiled.
    """

    size: tuple[
        Annotated[float, Meta(ge=2, le=30)],
        Annotated[float, Meta(ge=2, le=30)],
        Annotated[float, Meta(ge=2, le=10)],
    ]
    floor: Colour = (0.55, 0.56, 0.55)
    wall: Colour = (0.82, 0.83, 0.80)
    ceiling: Colour = (0.9, 0.9, 0.9)
    tile: Annotated[float, Meta(ge=0, le=2)] = 0.4
    tiled_to: Annotated[float, Meta(ge=0, le=10)] = 1.4
    door: tuple[Door, ...] = ()


class Furniture(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One piece; `heading` is where somebody sitting on it or standing at it … looks away
    from: the side from which it is used. `size` is width, depth, height; None for the usual."""

    name: Name
    kind: Kind
    position: Point
    heading: float = 90.0
    size: Point3 | None = None
    colour: Colour | None = None


class Light(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A lamp; `power` 1 is an ordinary ceiling lamp."""

    position: Point3
    power: Annotated[float, Meta(ge=0, le=3)] = 1.0
    shadow: bool = False


class Camera(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A camera. `fov` is the vertical field of view; `noise` the sensor's standard deviation
    in grey levels."""

    name: Name
    position: Point3
    look_at: Point3
    fov: Annotated[float, Meta(ge=15, le=120)] = 55.0
    noise: Annotated[float, Meta(ge=0, le=20)] = 0.0


class Zone(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A polygon on the floor: being inside is `intrude`, or `loiter` after `after_s`."""

    name: Name
    polygon: Annotated[tuple[Point, ...], Meta(min_length=3, max_length=32)]
    meaning: Literal["intrude", "loiter"] = "intrude"
    after_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0


class Action(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of a script; `PARAMETERS` says which keys each `do` takes.

    Attributes:
        do: what.
        at: start not before this second of the scenario.
        seconds: how long.
        to: floor position, or a piece of furniture (its side of use).
        via: floor positions on the way.
        speed: m/s; None for the person's own.
        on: seat, bed or basin.
        who: another person.
        heading: degrees to face in the end; of a fall: the direction relative to where the
            person looks (0 forward, 90 left, 180 backward).
        outcome: what a push or blow does to the other.
        limp: of a fall: 0 stiff (trips, topples) … 1 all muscle tone lost (faints).
        way: of a fall: topple over, trip, slip, faint, crumple slowly, sit down hard, go down
            on the knees, slide down a wall, roll off a bed.
        cut: break the action off after so many seconds, wherever it is then.
    """

    do: Do
    at: Annotated[float, Meta(ge=0)] = 0.0
    seconds: Annotated[float, Meta(gt=0, le=3600)] | None = None
    to: Point | str | None = None
    via: tuple[Point, ...] = ()
    speed: Annotated[float, Meta(ge=0.2, le=3)] | None = None
    on: str | None = None
    who: str | None = None
    heading: float | None = None
    outcome: Outcome | None = None
    limp: Annotated[float, Meta(ge=0, le=1)] | None = None
    way: Way | None = None
    cut: Annotated[float, Meta(gt=0, le=3600)] | None = None

    def __post_init__(self) -> None:
        needed, allowed = PARAMETERS[self.do]
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"do = {self.do.value!r} needs the key {key!r}")
        for key in (
            "seconds",
            "to",
            "speed",
            "on",
            "who",
            "heading",
            "outcome",
            "limp",
            "way",
            "via",
        ):
            if getattr(self, key) not in (None, ()) and key not in (*needed, *allowed):
                known = ", ".join(("at", *needed, *allowed, "cut"))
                raise ValueError(f"do = {self.do.value!r} does not take {key!r}; it takes {known}")


PARAMETERS: Final[dict[Do, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    Do.WALK: (("to",), ("via", "speed", "heading")),
    Do.FOLLOW: (("who", "seconds"), ("speed",)),
    Do.TURN: (("heading",), ()),
    Do.WAIT: (("seconds",), ()),
    Do.SIT_DOWN: (("on",), ("seconds",)),
    Do.STAND_UP: ((), ()),
    Do.LIE_DOWN: ((), ("on", "seconds")),
    Do.BEND: ((), ("seconds",)),
    Do.SQUAT: ((), ("seconds",)),
    Do.WASH_HANDS: (("on",), ("seconds",)),
    Do.DRINK: ((), ("seconds",)),
    Do.PHONE: ((), ("seconds",)),
    Do.SMOKE: ((), ("seconds",)),
    Do.FALL: ((), ("seconds", "heading", "limp", "way")),
    Do.STRIKE: (("who",), ("seconds", "outcome")),
    Do.PUSH: (("who",), ("outcome",)),
    Do.BULLY: (("who",), ("seconds",)),
    Do.WAVE_FOR_HELP: ((), ("seconds",)),
    Do.KNEEL: ((), ("seconds",)),
    Do.TIE_SHOES: ((), ("seconds",)),
    Do.PICK_UP: ((), ()),
    Do.REACH_UP: ((), ("seconds",)),
    Do.DRESS: ((), ("seconds",)),
    Do.JUMP: ((), ("seconds",)),
    Do.EXERCISE: ((), ("seconds",)),
    Do.CRAWL: (("seconds",), ("heading",)),
    Do.SIT_FLOOR: ((), ("seconds",)),
    Do.TURN_OVER: ((), ("seconds",)),
    Do.STIR: (("seconds",), ()),
    Do.TRY_UP: ((), ("seconds",)),
    Do.STAGGER: ((), ("heading",)),
    Do.EMBRACE: (("who",), ("seconds",)),
    Do.HANDSHAKE: (("who",), ("seconds",)),
    Do.TOUCH: (("who",), ("seconds",)),
    Do.HELP_UP: (("who",), ("seconds",)),
    Do.STRUGGLE: (("who",), ("seconds",)),
    Do.WHEEL: (("to",), ("speed", "heading")),
}
"""Keys that each action needs, and those it may have besides `at` and `cut`."""


class Person(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody and their script. `identity` is the seed of who it is, `manner` of how things
    are done, without it always the usual way; `clothes` of what is worn, without it what this
    person usually wears."""

    name: Name
    identity: Annotated[int, Meta(ge=0, le=2**31)]
    age: Age = Age.ADULT
    manner: Annotated[int, Meta(ge=0, le=2**31)] | None = None
    clothes: Annotated[int, Meta(ge=0, le=2**31)] | None = None
    start: Point
    heading: float = 0.0
    action: tuple[Action, ...] = ()


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ``[scenario]`` table.

    Attributes:
        seed: of everything random that the identities do not fix.
        duration: seconds.
        prelude: seconds of the scripts that pass before the first frame.
        crowd: from this many people in view on the scene is a crowd.
    """

    title: str
    room: Room
    camera: Annotated[tuple[Camera, ...], Meta(min_length=1, max_length=16)]
    seed: Annotated[int, Meta(ge=0, le=2**31)] = 0
    duration: Annotated[float, Meta(gt=0, le=7200)]
    prelude: Annotated[float, Meta(ge=0, le=600)] = 0.0
    fps: Annotated[float, Meta(ge=1, le=60)] = 15.0
    size: tuple[Annotated[int, Meta(ge=64, le=1920)], Annotated[int, Meta(ge=64, le=1080)]] = (
        640,
        360,
    )
    crowd: Annotated[int, Meta(ge=2, le=MAX_PEOPLE)] = 4
    light: tuple[Light, ...] = ()
    furniture: tuple[Furniture, ...] = ()
    zone: tuple[Zone, ...] = ()
    person: Annotated[tuple[Person, ...], Meta(max_length=MAX_PEOPLE)] = ()

    def named_camera(self, name: str | None) -> Camera:
        """The camera of a name, the first for None; raises `SimError` if unknown."""
        if name is None:
            return self.camera[0]
        for camera in self.camera:
            if camera.name == name:
                return camera
        known = ", ".join(camera.name for camera in self.camera)
        raise SimError(f"no camera {name!r} in the scenario; it has {known}")


def load_scenario(file: Path) -> Scenario:
    """Read and check a scenario file; raises `SettingsError` with file, line and key."""
    document, text = load_document(file)
    for key in document:
        if key != "scenario":
            raise SettingsError(
                "unknown table; a scenario file has one table, [scenario]",
                file=file, line=line_of(text, key), key=key,
            )  # fmt: skip
    if "scenario" not in document:
        raise SettingsError("the table [scenario] is missing", file=file, key="scenario")
    scenario = convert(document["scenario"], Scenario, file=file, text=text, root="scenario")
    for place, message in _complaints(scenario):
        key = f"scenario.{place}"
        raise SettingsError(message, file=file, line=line_of(text, key), key=key)
    return scenario


def _complaints(s: Scenario) -> list[tuple[str, str]]:
    """What types cannot say: (key below ``scenario``, complaint) pairs."""
    found: list[tuple[str, str]] = []
    furniture = {piece.name: piece.kind for piece in s.furniture}
    people = [person.name for person in s.person]
    groups: tuple[tuple[str, Any], ...] = (
        ("camera", s.camera), ("furniture", s.furniture), ("person", s.person), ("zone", s.zone),
    )  # fmt: skip
    for group, members in groups:
        seen: set[str] = set()
        for index, member in enumerate(members):
            if member.name in seen:
                found.append((f"{group}[{index}].name", f"{member.name!r} is used twice"))
            seen.add(member.name)
    for index, camera in enumerate(s.camera):
        if camera.position == camera.look_at:
            found.append((f"camera[{index}].look_at", "must differ from the camera's position"))
    if s.size[0] % 2 or s.size[1] % 2:
        found.append(("size", "width and height must be even; H.264 needs it"))
    for p, person in enumerate(s.person):
        for a, action in enumerate(person.action):
            key = f"person[{p}].action[{a}]"
            if isinstance(action.to, str) and action.to not in furniture:
                found.append((f"{key}.to", _unknown("furniture", action.to, furniture)))
            if action.on is not None:
                kinds = {Do.WASH_HANDS: {Kind.BASIN}, Do.LIE_DOWN: BEDS}.get(action.do, SEATS)
                if action.on not in furniture:
                    found.append((f"{key}.on", _unknown("furniture", action.on, furniture)))
                elif furniture[action.on] not in kinds:
                    usable = ", ".join(sorted(kinds))
                    found.append((f"{key}.on", f"{action.on!r} is not one of: {usable}"))
            if action.who is not None and (action.who not in people or action.who == person.name):
                others = [name for name in people if name != person.name]
                found.append((f"{key}.who", _unknown("other person", action.who, others)))
            if action.at >= s.duration:
                found.append((f"{key}.at", f"the scenario ends after {s.duration:g} s"))
    return found


def _unknown(what: str, name: str, known: Any) -> str:
    names = ", ".join(sorted(known)) or "none"
    return f"no {what} is called {name!r}; the file has: {names}"
