"""A simulated day: hours of a ward and its changing room in which nothing happens.

Nobody falls, nobody fights. What a false alarm could come from is there: people who kneel, tie
their shoes, lie down on beds and on the floor, turn over at night, are helped up, embrace;
children, wheelchairs, crowds at the door; and hours of nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from mizaru.lab.motion import Motion
from mizaru.lab.sim.identity import Age
from mizaru.lab.sim.motion import perform
from mizaru.lab.sim.scenario import Action, Do, Kind
from mizaru.lab.sim.stage import Rng, Set, idle, lasting, wander

FPS: Final = 10.0
EPISODE_S: Final = 300.0
_NIGHT: Final = (22.0, 6.5)
"""Hours of the clock between which the ward sleeps."""
_SEATS: Final = (Kind.CHAIR, Kind.BENCH, Kind.SOFA)


def daily_life(
    rng: Rng, hours: float = 24.0, *, begin: float = 0.0, fps: float = FPS
) -> Iterator[Motion]:
    """A day in episodes of at most five minutes.

    Args:
        hours: how much of it.
        begin: hour of the clock at which it begins.
        fps: frames per second.

    Yields:
        Motions named after the time of day; those of an empty room have no people.
    """
    ward = Set(rng, (Kind.BED, Kind.BED, Kind.CHAIR, Kind.CABINET, Kind.BASIN), 5.5, door=True)
    changing = Set(rng, (Kind.BENCH, Kind.BENCH, Kind.CABINET, Kind.CHAIR), 4.6, door=True)
    day = 0.0
    while day < hours * 3600 - 1:
        hour = (begin + day / 3600) % 24
        night = hour >= _NIGHT[0] or hour < _NIGHT[1]
        plan = _NIGHTLY if night else _DAILY
        shares = np.array([share for share, _, _ in plan])
        _, title, make = plan[int(rng.choice(len(plan), p=shares / shares.sum()))]
        # Mostly the ward at night, one room or the other by day.
        room = ward if night or rng.random() < 0.5 else changing
        stage = room.again(rng)
        length = min(EPISODE_S, hours * 3600 - day)
        prelude = make(stage)
        where = "ward" if room is ward else "changing"
        clock = f"{int(hour):02d}{int(hour * 60 % 60):02d}"
        scenario = stage.scenario(f"day-{clock}-{where}-{title}", length, prelude)
        yield perform(scenario, rng=rng, fps=fps)
        day += length


def _leave(stage: Set) -> list[Action]:
    return [
        Action(do=Do.WALK, to=stage.doorway),
        Action(do=Do.WALK, to=stage.outside),
        Action(do=Do.WAIT, seconds=600),
    ]


def _come(stage: Set, low: float, high: float) -> list[Action]:
    """In through the door after some time."""
    wait = Action(do=Do.WAIT, seconds=float(stage.rng.uniform(low, high)))
    return [wait, Action(do=Do.WALK, to=stage.doorway)]


def _visit(stage: Set, script: list[Action], age: Age | None = None, late: float = 120.0) -> None:
    """Comes, does it and goes."""
    stage.enter(_come(stage, 1, late), script, _leave(stage), start=stage.outside, age=age)


# Nights


def _empty(stage: Set) -> float:
    return 0.0


def _sleep(stage: Set) -> float:
    """Everybody in bed, turning over now and then."""
    rng = stage.rng
    beds = stage.pieces(Kind.BED)
    for bed in beds[: int(rng.integers(1, len(beds) + 1)) if beds else 0]:
        script = [Action(do=Do.LIE_DOWN, on=bed)]
        for _ in range(8):
            script.append(Action(do=Do.WAIT, seconds=lasting(rng, 15, 300)))
            script.append(Action(do=Do.TURN_OVER))
        stage.enter(script, start=stage.at(bed))
    return 25.0


def _night_walk(stage: Set) -> float:
    """Up, out of the room and back to bed."""
    rng = stage.rng
    bed = stage.piece(Kind.BED)
    if bed is None:
        return _empty(stage)
    stage.enter(
        Action(do=Do.LIE_DOWN, on=bed),
        Action(do=Do.WAIT, seconds=float(rng.uniform(25, 60))),
        Action(do=Do.STAND_UP),
        Action(do=Do.WALK, to=stage.doorway),
        Action(do=Do.WALK, to=stage.outside),
        Action(do=Do.WAIT, seconds=float(rng.uniform(30, 90))),
        Action(do=Do.WALK, to=stage.doorway),
        Action(do=Do.LIE_DOWN, on=bed, seconds=200.0),
        start=stage.at(bed),
    )
    return 25.0


def _round(stage: Set) -> float:
    """A carer looks after the sleepers."""
    prelude = _sleep(stage)
    script: list[Action] = []
    for bed in stage.pieces(Kind.BED):
        script.append(Action(do=Do.WALK, to=bed))
        script.append(idle(stage.rng, 3, 15))
        if stage.rng.random() < 0.4:
            script.append(Action(do=Do.BEND, seconds=lasting(stage.rng, 2, 8)))
    _visit(stage, script, Age.ADULT, late=150)
    return prelude


# Days


def _busy(stage: Set, count: int) -> list[Action]:
    """Things to do one after another."""
    rng, script = stage.rng, list[Action]()
    for _ in range(count):
        seat, bed = stage.piece(*_SEATS), stage.piece(Kind.BED)
        basin, cabinet = stage.piece(Kind.BASIN), stage.piece(Kind.CABINET)
        match int(rng.integers(13)):
            case 0 | 1 if seat is not None:
                script.append(Action(do=Do.SIT_DOWN, on=seat, seconds=lasting(rng, 5, 60)))
                if rng.random() < 0.4:
                    script.append(Action(do=Do.TIE_SHOES, seconds=lasting(rng, 4, 15)))
            case 2 if bed is not None:
                script.append(Action(do=Do.LIE_DOWN, on=bed, seconds=lasting(rng, 10, 90)))
            case 3 if basin is not None:
                script.append(Action(do=Do.WASH_HANDS, on=basin, seconds=lasting(rng, 5, 25)))
            case 4 if cabinet is not None:
                script.append(Action(do=Do.WALK, to=cabinet))
                script.append(Action(do=Do.REACH_UP, seconds=lasting(rng, 1, 6)))
            case 5:
                script.append(Action(do=Do.DRESS, seconds=lasting(rng, 6, 25)))
            case 6:
                script.append(Action(do=Do.TIE_SHOES, seconds=lasting(rng, 5, 20)))
            case 7:
                script.append(Action(do=Do.KNEEL, seconds=lasting(rng, 4, 30)))
            case 8:
                script.append(Action(do=Do.PICK_UP))
            case 9:
                script.append(Action(do=Do.DRINK, seconds=lasting(rng, 5, 20)))
            case 10:
                script.append(Action(do=Do.PHONE, seconds=lasting(rng, 10, 60)))
            case 11:
                do = Do.BEND if rng.random() < 0.5 else Do.SQUAT
                script.append(Action(do=do, seconds=lasting(rng, 2, 12)))
            case _:
                script.append(idle(rng, 5, 40))
        script.extend(wander(stage, int(rng.integers(0, 3))))
    return script


def _alone(stage: Set) -> float:
    _visit(stage, _busy(stage, 6))
    return 0.0


def _several(stage: Set) -> float:
    for _ in range(int(stage.rng.integers(2, 4))):
        _visit(stage, _busy(stage, 4))
    return 0.0


def _patient(stage: Set) -> float:
    """In bed by day, sitting up, up and about, a nap."""
    rng = stage.rng
    bed = stage.piece(Kind.BED)
    if bed is None:
        return _alone(stage)
    stage.enter(
        Action(do=Do.LIE_DOWN, on=bed, seconds=float(rng.uniform(30, 100))),
        Action(do=Do.TURN_OVER, seconds=lasting(rng, 5, 40)),
        Action(do=Do.STAND_UP),
        _busy(stage, 2),
        Action(do=Do.SIT_DOWN, on=bed, seconds=lasting(rng, 10, 60)),
        Action(do=Do.LIE_DOWN, on=bed, seconds=200.0),
        start=stage.at(bed),
        age=Age.ELDER if rng.random() < 0.6 else Age.ADULT,
    )
    return 25.0


def _care(stage: Set) -> float:
    """Somebody helped with dressing and up from a seat."""
    rng = stage.rng
    seat = stage.piece(*_SEATS, Kind.BED)
    if seat is None:
        return _alone(stage)
    patient = stage.enter(
        Action(do=Do.SIT_DOWN, on=seat, seconds=60.0),
        Action(do=Do.STAND_UP, at=100.0),
        idle(rng, 5, 20),
        wander(stage, 2),
        _leave(stage),
        start=stage.at(seat),
        age=Age.ELDER,
    )
    touches = [
        Action(do=Do.TOUCH, who=patient, seconds=lasting(rng, 3, 12))
        for _ in range(int(rng.integers(2, 6)))
    ]
    late = Action(do=Do.HELP_UP, who=patient, seconds=8.0, at=96.0)
    _visit(stage, [*touches, late, Action(do=Do.HANDSHAKE, who=patient)], Age.ADULT, late=20.0)
    return 8.0


def _family(stage: Set) -> float:
    """A visitor with a child that plays; they embrace whom they visit."""
    rng = stage.rng
    host = stage.enter(Action(do=Do.WAIT, seconds=30.0), _busy(stage, 3))
    play: list[Action] = []
    for _ in range(8):
        match int(rng.integers(6)):
            case 0:
                play.append(Action(do=Do.JUMP, seconds=lasting(rng, 1, 8)))
            case 1:
                play.append(Action(do=Do.SIT_FLOOR, seconds=lasting(rng, 5, 40)))
            case 2:
                play.append(Action(do=Do.CRAWL, seconds=lasting(rng, 3, 8)))
            case 3:
                play.append(Action(do=Do.LIE_DOWN, seconds=lasting(rng, 3, 20)))
            case _:
                speed = float(rng.uniform(0.8, 2.2))
                play.append(Action(do=Do.WALK, to=stage.spot(), speed=speed))
    _visit(stage, play, Age.CHILD, late=15.0)
    _visit(stage, [Action(do=Do.EMBRACE, who=host), *_busy(stage, 3)], Age.ADULT, late=15.0)
    return 0.0


def _wheels(stage: Set) -> float:
    """In by wheelchair, about, to bed or out again."""
    rng = stage.rng
    bed = stage.piece(Kind.BED)
    script = [Action(do=Do.WHEEL, to=stage.doorway)]
    for _ in range(int(rng.integers(2, 5))):
        script.append(Action(do=Do.WHEEL, to=stage.spot()))
        script.append(idle(rng, 5, 40))
    if bed is not None and rng.random() < 0.7:
        script.append(Action(do=Do.SIT_DOWN, on=bed, seconds=lasting(rng, 5, 30)))
        script.append(Action(do=Do.LIE_DOWN, on=bed, seconds=250.0))
    else:
        script.append(Action(do=Do.WHEEL, to=stage.doorway))
        script.append(Action(do=Do.WHEEL, to=stage.outside))
        script.append(Action(do=Do.WAIT, seconds=600))
    stage.enter(script, start=stage.outside, heading=90.0)
    if rng.random() < 0.5:
        _visit(stage, _busy(stage, 3), Age.ADULT)
    return 4.0


def _gymnastics(stage: Set) -> float:
    """Exercises, standing and on the floor."""
    script: list[Action] = []
    for _ in range(4):
        script.append(Action(do=Do.EXERCISE, seconds=lasting(stage.rng, 8, 25)))
        script.append(Action(do=Do.STAND_UP))
        script.append(idle(stage.rng, 5, 20))
    _visit(stage, script)
    return 0.0


_Plan = tuple[tuple[float, str, Callable[[Set], float]], ...]
_NIGHTLY: Final[_Plan] = (
    (0.72, "sleep", _sleep),
    (0.10, "empty", _empty),
    (0.10, "up", _night_walk),
    (0.08, "round", _round),
)
"""How often, name, and what fills a room; it says how long its prelude is."""
_DAILY: Final[_Plan] = (
    (0.36, "empty", _empty),
    (0.20, "alone", _alone),
    (0.10, "several", _several),
    (0.14, "patient", _patient),
    (0.07, "care", _care),
    (0.05, "family", _family),
    (0.05, "wheels", _wheels),
    (0.03, "exercise", _gymnastics),
)
