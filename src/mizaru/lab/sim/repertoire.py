"""Scenes without end: families of scenarios in random rooms with random people.

A family is a function from a generator to a `Scenario`; `scenes` draws from them for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from mizaru.lab.sim.identity import Age
from mizaru.lab.sim.scenario import (
    Action,
    Do,
    Kind,
    Outcome,
    Scenario,
    Way,
)
from mizaru.lab.sim.stage import Rng, Set, idle, lasting, wander

_DIRECTIONS: Final[Mapping[Way, tuple[float, float]]] = {
    Way.TOPPLE: (0, 180),
    Way.TRIP: (0, 25),
    Way.SLIP: (180, 35),
    Way.FAINT: (0, 180),
    Way.CRUMPLE: (0, 180),
    Way.SIT: (180, 40),
    Way.KNEES: (0, 30),
}
"""Where bodies go in each way: centre and spread in degrees, 0 to the front."""
_COMMON: Final = tuple(_DIRECTIONS)


def _fall(rng: Rng, ways: Sequence[Way] = _COMMON) -> list[Action]:
    """A fall and what comes after it."""
    way = ways[int(rng.integers(len(ways)))]
    centre, spread = _DIRECTIONS[way]
    heading = centre + float(rng.uniform(-spread, spread))
    fall = Action(
        do=Do.FALL,
        way=None if way is Way.TOPPLE and rng.random() < 0.3 else way,
        heading=heading,
        limp=float(rng.uniform(0, 1)),
        seconds=float(rng.uniform(0.1, 3)),
    )
    return [fall, *_afterwards(rng)]


def _afterwards(rng: Rng) -> list[Action]:
    """Lies still, moves a little, tries to get up, crawls, or gets up."""
    lie = Action(do=Do.WAIT, seconds=lasting(rng, 2, 15))
    match int(rng.choice(6, p=(0.3, 0.25, 0.15, 0.1, 0.15, 0.05))):
        case 0:
            return [lie]
        case 1:
            return [Action(do=Do.STIR, seconds=lasting(rng, 2, 10)), lie]
        case 2:
            return [Action(do=Do.TRY_UP, seconds=lasting(rng, 0.5, 4)), lie]
        case 3:
            return [Action(do=Do.CRAWL, seconds=lasting(rng, 2, 6)), lie]
        case 4:
            return [idle(rng, 0.5, 4), Action(do=Do.STAND_UP), idle(rng)]
        case _:
            return [lie, Action(do=Do.WAVE_FOR_HELP, seconds=4)]


def fall_standing(rng: Rng) -> Scenario:
    """From standing, in every way and direction; sometimes after a stagger."""
    stage = Set(rng)
    before = [Action(do=Do.STAGGER, heading=float(rng.uniform(0, 360)))]
    stage.enter(idle(rng), before if rng.random() < 0.25 else [], _fall(rng))
    return stage.scenario("fall_standing", 20.0)


def fall_walking(rng: Rng) -> Scenario:
    """Control is lost in the middle of walking or running."""
    stage = Set(rng)
    speed = float(rng.uniform(1.8, 2.6)) if rng.random() < 0.2 else None
    stage.enter(
        wander(stage, int(rng.integers(0, 2))),
        Action(do=Do.WALK, to=stage.spot(), speed=speed, cut=float(rng.uniform(0.8, 2.5))),
        _fall(rng, (Way.TRIP, Way.TRIP, Way.SLIP, Way.TOPPLE, Way.FAINT, Way.KNEES, Way.CRUMPLE)),
    )
    return stage.scenario("fall_walking", 22.0)


def fall_busy(rng: Rng) -> Scenario:
    """In the middle of something: bending, dressing, washing, drinking, telephoning."""
    stage = Set(rng, (Kind.BASIN,))
    basin = stage.piece(Kind.BASIN)
    doing = [Do.BEND, Do.DRESS, Do.DRINK, Do.PHONE, Do.REACH_UP, Do.SQUAT, Do.TURN]
    do = doing[int(rng.integers(len(doing)))]
    busy = Action(do=do, cut=float(rng.uniform(0.8, 4.0)),
                  heading=float(rng.uniform(0, 360)) if do is Do.TURN else None)  # fmt: skip
    if basin is not None and rng.random() < 0.2:
        busy = Action(do=Do.WASH_HANDS, on=basin, cut=float(rng.uniform(4, 8)))
    stage.enter(idle(rng, 0.5, 3), busy, _fall(rng))
    return stage.scenario("fall_busy", 22.0)


def fall_seat(rng: Rng) -> Scenario:
    """Off a chair, bench, sofa or bed edge: sitting, sitting down or getting up."""
    stage = Set(rng, (Kind.CHAIR, Kind.BENCH, Kind.SOFA, Kind.BED))
    seat = stage.piece(Kind.CHAIR, Kind.BENCH, Kind.SOFA, Kind.BED)
    if seat is None:
        return fall_standing(rng)
    script: list[Action] = [Action(do=Do.WALK, to=seat)]
    way = (Way.TRIP, Way.FAINT, Way.CRUMPLE, Way.TOPPLE)[int(rng.integers(4))]
    heading = float(rng.uniform(-80, 80))
    match int(rng.choice(3, p=(0.4, 0.25, 0.35))):
        case 0:
            script.append(Action(do=Do.SIT_DOWN, on=seat, seconds=lasting(rng, 1, 6)))
        case 1:
            # Missed the seat.
            script.append(Action(do=Do.SIT_DOWN, on=seat, cut=float(rng.uniform(0.3, 0.9))))
            way, heading = Way.SIT, float(rng.uniform(60, 120) * rng.choice([-1, 1]))
        case _:
            script.append(Action(do=Do.SIT_DOWN, on=seat, seconds=lasting(rng, 0.5, 3)))
            script.append(Action(do=Do.STAND_UP, cut=float(rng.uniform(0.5, 1.5))))
            way = (Way.TRIP, Way.KNEES, Way.FAINT, Way.TOPPLE)[int(rng.integers(4))]
            heading = float(rng.uniform(-60, 60))
    script.append(
        Action(do=Do.FALL, way=way, heading=heading, limp=float(rng.uniform(0.2, 1)), seconds=1.0)
    )
    stage.enter(script, _afterwards(rng))
    return stage.scenario("fall_seat", 30.0, prelude=float(rng.uniform(4, 7)))


def fall_bed(rng: Rng) -> Scenario:
    """Out of bed while lying, or on the way out of it."""
    stage = Set(rng, (Kind.BED,))
    bed = stage.piece(Kind.BED)
    if bed is None:
        return fall_standing(rng)
    script = [Action(do=Do.WALK, to=bed)]
    script.append(Action(do=Do.LIE_DOWN, on=bed, seconds=lasting(rng, 2, 8)))
    way = Way.ROLL
    if rng.random() < 0.35:
        # On the edge, about to stand.
        script.append(Action(do=Do.STAND_UP, cut=float(rng.uniform(2.4, 4.5))))
        way = (Way.TRIP, Way.KNEES, Way.TOPPLE, Way.CRUMPLE)[int(rng.integers(4))]
    script.append(
        Action(do=Do.FALL, way=way, heading=0.0, limp=float(rng.uniform(0.2, 1)), seconds=1.0)
    )
    stage.enter(script, _afterwards(rng))
    return stage.scenario("fall_bed", 30.0, prelude=float(rng.uniform(5, 8)))


def fall_wall(rng: Rng) -> Scenario:
    """Down a wall with the back to it, to sitting or on to the side."""
    stage = Set(rng)
    x = float(rng.uniform(1.0, stage.size[0] - 1.0))
    near = float(rng.uniform(0.2, 0.26))
    stage.enter(
        Action(do=Do.WALK, to=(x, near)),
        Action(do=Do.TURN, heading=float(rng.normal(90, 8))),
        idle(rng, 0.5, 4),
        Action(do=Do.FALL, way=Way.SLIDE, heading=180.0, limp=float(rng.uniform(0, 1)), seconds=2),
        _afterwards(rng),
    )
    return stage.scenario("fall_wall", 22.0, prelude=4.0)


# Against others


def _bystanders(stage: Set) -> None:
    for _ in range(int(stage.rng.choice(3, p=(0.7, 0.2, 0.1)))):
        stage.enter(wander(stage, 3))


def push(rng: Rng) -> Scenario:
    """One pushes another, who falls, staggers or stands, and may push back."""
    stage = Set(rng)
    outcome = tuple(Outcome)[int(rng.choice(3, p=(0.15, 0.4, 0.45)))]
    back = [Action(do=Do.PUSH, who="p1", outcome=Outcome.STAGGER)] if rng.random() < 0.3 else []
    victim = stage.enter(Action(do=Do.WAIT, seconds=float(rng.uniform(5, 9))), back)
    again = [Action(do=Do.PUSH, who=victim, outcome=outcome)] if rng.random() < 0.3 else []
    stage.enter(
        idle(rng, 0.5, 4),
        Action(do=Do.PUSH, who=victim, outcome=outcome),
        again,
        wander(stage, 1),
    )
    _bystanders(stage)
    return stage.scenario("push", 15.0)


def strike(rng: Rng) -> Scenario:
    """One strikes another, who stands, sits or lies, and may strike back."""
    stage = Set(rng, (Kind.CHAIR,))
    outcome = tuple(Outcome)[int(rng.choice(3, p=(0.4, 0.4, 0.2)))]
    seat = stage.piece(Kind.CHAIR)
    script: list[Action] = [Action(do=Do.WAIT, seconds=float(rng.uniform(3, 8)))]
    match int(rng.choice(4, p=(0.45, 0.35, 0.1, 0.1))):
        case 0:
            script.append(Action(do=Do.STRIKE, who="p1", seconds=3, outcome=Outcome.NONE))
        case 1:
            script.append(Action(do=Do.WAIT, seconds=60))
        case 2 if seat is not None:
            script = [Action(do=Do.SIT_DOWN, on=seat, seconds=60)]
        case _:
            script = [Action(do=Do.SIT_FLOOR, seconds=60)]
    victim = stage.enter(script)
    stage.enter(
        idle(rng, 0.5, 3),
        Action(do=Do.STRIKE, who=victim, seconds=float(rng.uniform(1, 7)), outcome=outcome),
        wander(stage, 1),
    )
    _bystanders(stage)
    return stage.scenario("strike", 17.0, prelude=2.0)


def scuffle(rng: Rng) -> Scenario:
    """Two hold each other and pull and push; then perhaps blows."""
    stage = Set(rng)
    seconds = float(rng.uniform(3, 8))
    after = (
        [],
        [Action(do=Do.STRIKE, who="p0", seconds=3, outcome=Outcome.STAGGER)],
        [Action(do=Do.PUSH, who="p0", outcome=Outcome.FALL)],
    )[int(rng.integers(3))]
    start = stage.spot()
    stage.enter(
        idle(rng, 0.5, 2), Action(do=Do.STRUGGLE, who="p1", seconds=seconds), idle(rng),
        start=start,
    )  # fmt: skip
    stage.enter(
        idle(rng, 2, 3), Action(do=Do.STRUGGLE, who="p0", seconds=seconds), after,
        start=stage.beside(start, 0.9, 1.6),
    )  # fmt: skip
    _bystanders(stage)
    return stage.scenario("scuffle", 18.0)


def bullying(rng: Rng) -> Scenario:
    """A group around one, who stands, sits on the floor or goes away."""
    stage = Set(rng)
    match int(rng.integers(3)):
        case 0:
            victim = stage.enter(Action(do=Do.WAIT, seconds=60))
        case 1:
            victim = stage.enter(Action(do=Do.SIT_FLOOR, seconds=60))
        case _:
            victim = stage.enter(Action(do=Do.WAIT, seconds=8), wander(stage, 3))
    for _ in range(int(rng.integers(1, 4))):
        stage.enter(
            idle(rng, 0.5, 4), Action(do=Do.BULLY, who=victim, seconds=float(rng.uniform(6, 15)))
        )
    return stage.scenario("bullying", 22.0)


# Close and well meant


def _pair(rng: Rng, title: str, first: Sequence[Action], second: Sequence[Action]) -> Scenario:
    stage = Set(rng)
    stage.enter(wander(stage, int(rng.integers(0, 2))), first, wander(stage, 1))
    stage.enter(idle(rng), second, idle(rng))
    _bystanders(stage)
    return stage.scenario(title, 22.0)


def embrace(rng: Rng) -> Scenario:
    """Two embrace."""
    seconds = lasting(rng, 1, 5)
    return _pair(rng, "embrace", [Action(do=Do.EMBRACE, who="p1", seconds=seconds)],
                 [Action(do=Do.EMBRACE, who="p0", seconds=seconds)])  # fmt: skip


def handshake(rng: Rng) -> Scenario:
    """Two shake hands."""
    seconds = lasting(rng, 1, 4)
    return _pair(rng, "handshake", [Action(do=Do.HANDSHAKE, who="p1", seconds=seconds)],
                 [Action(do=Do.HANDSHAKE, who="p0", seconds=seconds)])  # fmt: skip


def care(rng: Rng) -> Scenario:
    """One touches, dresses or washes another, who stands or sits."""
    stage = Set(rng, (Kind.CHAIR, Kind.BED))
    seat = stage.piece(Kind.CHAIR, Kind.BED)
    sits = seat is not None and rng.random() < 0.5
    patient = stage.enter(
        Action(do=Do.SIT_DOWN, on=seat, seconds=60) if sits else Action(do=Do.WAIT, seconds=60)
    )
    touches = [
        Action(do=Do.TOUCH, who=patient, seconds=lasting(rng, 1, 6))
        for _ in range(int(rng.integers(1, 4)))
    ]
    stage.enter(idle(rng, 3, 6), touches, wander(stage, 1), age=Age.ADULT)
    return stage.scenario("care", 26.0, prelude=3.0)


def help_up(rng: Rng) -> Scenario:
    """Somebody on the floor or a seat is helped up."""
    stage = Set(rng, (Kind.CHAIR,))
    seat = stage.piece(Kind.CHAIR)
    at = float(rng.uniform(9, 11))
    low: list[Action] = [Action(do=Do.SIT_FLOOR, seconds=6)]
    match int(rng.integers(3)):
        case 0 if seat is not None:
            low = [Action(do=Do.SIT_DOWN, on=seat, seconds=3)]
        case 1:
            low = _fall(rng)[:1]
    patient = stage.enter(low, Action(do=Do.STAND_UP, at=at), idle(rng))
    stage.enter(
        Action(do=Do.WAIT, seconds=float(rng.uniform(4, 6))),
        Action(do=Do.HELP_UP, who=patient, seconds=float(rng.uniform(6, 8))),
        wander(stage, 1),
        age=Age.ADULT,
    )
    return stage.scenario("help_up", 24.0)


def together(rng: Rng) -> Scenario:
    """People close together, talking, walking side by side; nobody does anything to anybody."""
    stage = Set(rng)
    here, there = stage.spot(), stage.spot()
    for _ in range(int(rng.integers(2, 5))):
        heading = float(rng.uniform(0, 360))
        stage.enter(
            idle(rng, 2, 6),
            Action(do=Do.WALK, to=stage.beside(there, 0.2, 0.6)),
            idle(rng, 2, 6),
            Action(do=Do.WALK, to=stage.beside(here, 0.2, 0.6)),
            start=stage.beside(here, 0.3, 0.7),
            heading=heading,
        )
    return stage.scenario("together", 20.0)


# Every day


def walking(rng: Rng) -> Scenario:
    """One to three people about the room; some run."""
    stage = Set(rng, (Kind.CABINET, Kind.TABLE))
    for _ in range(int(rng.integers(1, 4))):
        script = wander(stage, 5)
        if rng.random() < 0.3:
            script.insert(
                0, Action(do=Do.WALK, to=stage.spot(), speed=float(rng.uniform(1.9, 2.8)))
            )
            script.insert(
                1, Action(do=Do.WALK, to=stage.spot(), speed=float(rng.uniform(1.9, 2.8)))
            )
        stage.enter(script)
    return stage.scenario("walking", 25.0)


_SEATS: Final = (Kind.CHAIR, Kind.BENCH, Kind.SOFA, Kind.BED)


def seats(rng: Rng) -> Scenario:
    """Sitting down, soft and heavily, sitting, standing up."""
    stage = Set(rng, _SEATS)
    for _ in range(int(rng.integers(1, 3))):
        script: list[Action] = []
        for _ in range(3):
            seat = stage.piece(*_SEATS)
            if seat is not None:
                script.append(Action(do=Do.SIT_DOWN, on=seat, seconds=lasting(rng, 1, 9)))
                if rng.random() < 0.3:
                    script.append(_hand(rng))
                script.append(Action(do=Do.STAND_UP))
            script.extend(wander(stage, int(rng.integers(0, 2))))
        stage.enter(script)
    return stage.scenario("seats", 40.0)


def lying(rng: Rng) -> Scenario:
    """Lying down on purpose, on a bed or on the floor, turning over and getting up."""
    stage = Set(rng, (Kind.BED, Kind.SOFA))
    bed = stage.piece(Kind.BED, Kind.SOFA) if rng.random() < 0.5 else None
    turns = [
        Action(do=Do.TURN_OVER, seconds=lasting(rng, 1, 6)) for _ in range(int(rng.integers(0, 4)))
    ]
    stage.enter(
        wander(stage, int(rng.integers(0, 2))),
        Action(do=Do.LIE_DOWN, on=bed, seconds=lasting(rng, 2, 15)),
        turns,
        Action(do=Do.STAND_UP),
        wander(stage, 1),
    )
    return stage.scenario("lying", 42.0)


def low(rng: Rng) -> Scenario:
    """Bending, squatting, kneeling, laces, picking up, sitting on the floor."""
    stage = Set(rng, (Kind.CABINET, Kind.BENCH))
    bench = stage.piece(Kind.BENCH)
    script: list[Action] = []
    for _ in range(int(rng.integers(2, 5))):
        do = (Do.BEND, Do.SQUAT, Do.KNEEL, Do.TIE_SHOES, Do.PICK_UP, Do.SIT_FLOOR)[
            int(rng.integers(6))
        ]
        seconds = None if do is Do.PICK_UP else lasting(rng, 0.5, 9)
        if do is Do.TIE_SHOES and bench is not None and rng.random() < 0.4:
            script.append(Action(do=Do.SIT_DOWN, on=bench, seconds=1.0))
        script.append(Action(do=do, seconds=seconds))
        script.extend(wander(stage, int(rng.integers(0, 2))))
    stage.enter(script)
    return stage.scenario("low", 36.0)


def _hand(rng: Rng) -> Action:
    do = (Do.DRINK, Do.PHONE, Do.SMOKE, Do.WAVE_FOR_HELP)[
        int(rng.choice(4, p=(0.3, 0.25, 0.3, 0.15)))
    ]
    long = {Do.SMOKE: (15, 60), Do.WAVE_FOR_HELP: (2, 8)}.get(do, (4, 25))
    return Action(do=do, seconds=lasting(rng, *long))


def hands(rng: Rng) -> Scenario:
    """Drinking, telephoning, smoking, waving, standing, sitting or after walking."""
    stage = Set(rng, (Kind.CHAIR, Kind.SOFA))
    seat = stage.piece(Kind.CHAIR, Kind.SOFA)
    script: list[Action] = []
    if seat is not None and rng.random() < 0.35:
        script.append(Action(do=Do.SIT_DOWN, on=seat, seconds=1.0))
    for _ in range(int(rng.integers(1, 4))):
        script.append(_hand(rng))
        if rng.random() < 0.5:
            script.extend(wander(stage, 1))
    stage.enter(script)
    return stage.scenario("hands", 55.0)


def smoking(rng: Rng) -> Scenario:
    """A whole cigarette."""
    stage = Set(rng, (Kind.CHAIR,))
    seat = stage.piece(Kind.CHAIR)
    sits = seat is not None and rng.random() < 0.3
    stage.enter(
        [Action(do=Do.SIT_DOWN, on=seat, seconds=1.0)] if sits else [],
        Action(do=Do.SMOKE, seconds=float(rng.uniform(40, 90))),
    )
    return stage.scenario("smoking", 80.0, prelude=3.0)


def washing(rng: Rng) -> Scenario:
    """At a basin."""
    stage = Set(rng, (Kind.BASIN, Kind.BASIN))
    basin = stage.piece(Kind.BASIN)
    if basin is None:
        return hands(rng)
    stage.enter(
        Action(do=Do.WASH_HANDS, on=basin, seconds=lasting(rng, 4, 20)), wander(stage, 1),
        [Action(do=Do.WASH_HANDS, on=basin, seconds=lasting(rng, 3, 8))],
    )  # fmt: skip
    return stage.scenario("washing", 38.0)


def clothes(rng: Rng) -> Scenario:
    """Dressing, reaching into a cabinet, laces."""
    stage = Set(rng, (Kind.CABINET, Kind.BENCH))
    cabinet = stage.piece(Kind.CABINET)
    stage.enter(
        [Action(do=Do.WALK, to=cabinet)] if cabinet is not None else [],
        Action(do=Do.REACH_UP, seconds=lasting(rng, 0.5, 4)),
        Action(do=Do.DRESS, seconds=lasting(rng, 5, 16)),
        [Action(do=Do.TIE_SHOES, seconds=lasting(rng, 4, 12))],
    )
    return stage.scenario("clothes", 38.0)


def gym(rng: Rng) -> Scenario:
    """Jumping, exercises standing and on the floor, crawling."""
    stage = Set(rng)
    script: list[Action] = []
    for _ in range(2):
        do = (Do.EXERCISE, Do.JUMP, Do.CRAWL, Do.EXERCISE)[int(rng.integers(4))]
        script.append(Action(do=do, seconds=lasting(rng, 3, 10)))
        script.append(Action(do=Do.STAND_UP))
        script.append(idle(rng))
    stage.enter(script)
    return stage.scenario("gym", 34.0)


def child(rng: Rng) -> Scenario:
    """A child plays: runs, jumps, crouches, crawls, lies down and is up again."""
    stage = Set(rng)
    script: list[Action] = []
    for _ in range(8):
        do = (Do.WALK, Do.JUMP, Do.SQUAT, Do.SIT_FLOOR, Do.CRAWL, Do.PICK_UP, Do.TURN, Do.LIE_DOWN)[
            int(rng.choice(8, p=(0.3, 0.17, 0.12, 0.1, 0.08, 0.1, 0.08, 0.05)))
        ]
        if do is Do.WALK:
            script.append(Action(do=do, to=stage.spot(), speed=float(rng.uniform(0.8, 2.4))))
        elif do is Do.TURN:
            script.append(Action(do=do, heading=float(rng.uniform(0, 360))))
        else:
            script.append(Action(do=do, seconds=None if do is Do.PICK_UP else lasting(rng, 1, 5)))
    stage.enter(script, age=Age.CHILD)
    if rng.random() < 0.5:
        stage.enter(wander(stage, 3), age=Age.ADULT)
    return stage.scenario("child", 34.0)


def wheelchair(rng: Rng) -> Scenario:
    """Rolling about, and from the wheelchair to a bed."""
    stage = Set(rng, (Kind.BED, Kind.TABLE))
    bed = stage.piece(Kind.BED)
    script = [Action(do=Do.WHEEL, to=stage.spot()) for _ in range(3)]
    script.insert(2, idle(rng))
    if bed is not None and rng.random() < 0.6:
        script.append(Action(do=Do.SIT_DOWN, on=bed, seconds=lasting(rng, 1, 5)))
        if rng.random() < 0.6:
            script.append(Action(do=Do.LIE_DOWN, on=bed, seconds=8))
    stage.enter(script, age=Age.ELDER if rng.random() < 0.5 else Age.ADULT)
    if rng.random() < 0.4:
        stage.enter(wander(stage, 3))
    return stage.scenario("wheelchair", 36.0, prelude=3.0)


def crowd(rng: Rng) -> Scenario:
    """Many people at once."""
    stage = Set(rng, size=5.5)
    for _ in range(int(rng.integers(4, 8))):
        stage.enter(wander(stage, 4))
    return stage.scenario("crowd", 16.0)


FAMILIES: Final[Mapping[str, tuple[float, Callable[[Rng], Scenario]]]] = {
    "fall_standing": (2.5, fall_standing),
    "fall_walking": (2.5, fall_walking),
    "fall_busy": (1.0, fall_busy),
    "fall_seat": (1.5, fall_seat),
    "fall_bed": (0.8, fall_bed),
    "fall_wall": (0.7, fall_wall),
    "push": (1.8, push),
    "strike": (1.8, strike),
    "scuffle": (0.8, scuffle),
    "bullying": (0.7, bullying),
    "embrace": (0.6, embrace),
    "handshake": (0.6, handshake),
    "care": (1.0, care),
    "help_up": (0.7, help_up),
    "together": (0.7, together),
    "walking": (1.0, walking),
    "seats": (1.5, seats),
    "lying": (1.8, lying),
    "low": (1.8, low),
    "hands": (1.5, hands),
    "smoking": (0.6, smoking),
    "washing": (0.8, washing),
    "clothes": (0.8, clothes),
    "gym": (1.0, gym),
    "child": (0.7, child),
    "wheelchair": (0.6, wheelchair),
    "crowd": (0.2, crowd),
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
