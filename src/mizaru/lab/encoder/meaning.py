"""What an anonymous frame means: the four questions its embedding is to answer, and the truth.

A frame is one still picture of everybody, so a question has one answer per frame: of several
people the most telling one counts, and words that no still picture tells apart are one class.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.motion import Motion
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Kind
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float64]

UNSAID: Final = -1
"""Nobody knows."""


class Doing(enum.IntEnum):
    """Behaviours as far as a still picture shows them, the most telling first."""

    FALLEN = 0
    BLOW = 1
    WAVE = 2
    TO_FACE = 3
    WASH = 4
    RISE_OR_SINK = 5
    LOW = 6
    LIE = 7
    SIT = 8
    WALK = 9
    STAND = 10


class Relation(enum.IntEnum):
    """Between the two who are closest, the most telling first."""

    CONTACT = 0
    NEAR = 1
    APART = 2


class Place(enum.IntEnum):
    """Where somebody is, the most telling first."""

    FLOOR = 0
    BED = 1
    BASIN = 2
    SEAT = 3
    OPEN = 4


class Count(enum.IntEnum):
    """How many are in the picture."""

    ONE = 0
    TWO = 1
    THREE = 2
    MORE = 3


QUESTIONS: Final[dict[str, type[enum.IntEnum]]] = {
    "behavior": Doing,
    "relation": Relation,
    "place": Place,
    "count": Count,
}
"""Heads, in the order of `Meaning`."""

HINTS: Final = (
    "trunk_up", "hips_m", "nose_m", "knees", "hips_bent", "elbows", "wrist_above_m",
    "wrist_to_nose_m", "stride_m", "gap_m", "reach_m",
)  # fmt: skip
"""Of the most telling one: how upright the trunk is (cosine), heights, cosines across knees, hips
and elbows, the higher wrist above the shoulders, the nearer wrist to the nose, how far the feet are
apart, and how far the hips of the nearest are and whatever of them wrists reach. Lengths up to 3 m
or 2 m."""

DOING_OF: Final = {
    Behavior.FALL: Doing.FALLEN,
    Behavior.STRIKE: Doing.BLOW,
    Behavior.PUSH: Doing.BLOW,
    Behavior.WAVE_FOR_HELP: Doing.WAVE,
    Behavior.DRINK: Doing.TO_FACE,
    Behavior.PHONE: Doing.TO_FACE,
    Behavior.SMOKE: Doing.TO_FACE,
    Behavior.WASH_HANDS: Doing.WASH,
    Behavior.SIT_DOWN: Doing.RISE_OR_SINK,
    Behavior.STAND_UP: Doing.RISE_OR_SINK,
    Behavior.LIE_DOWN: Doing.RISE_OR_SINK,
    Behavior.BEND: Doing.LOW,
    Behavior.SQUAT: Doing.LOW,
    Behavior.LIE: Doing.LIE,
    Behavior.LONG_LIE: Doing.LIE,
    Behavior.SIT: Doing.SIT,
    Behavior.WALK: Doing.WALK,
    Behavior.STAND: Doing.STAND,
}
"""What is not here (`unknown`) is `UNSAID`."""

_FALLEN_FOR_S: Final = 3.0
"""After the impact."""
_NEAR_M: Final = 1.2
_TOUCH_M: Final = 0.22
_EMBRACE_M: Final = 0.40
_WRISTS: Final = [9, 10]
_BODY: Final = [0, 5, 6, 7, 8, 9, 10, 11, 12]
_LOW_M: Final = 0.38
"""Hips of who is on the floor are below this."""
_BESIDE_M: Final = 0.12
"""This far beside furniture is on it still."""
_AT_BASIN_M: Final = 0.55


@dataclass(frozen=True, slots=True)
class Meaning:
    """Answers for one frame: values of the enums above, or `UNSAID`.

    Attributes:
        people: indices of the motion's people who are in the picture.
        telling: which of them the behaviour is of; of nobody's, the first.
    """

    behavior: int
    relation: int
    place: int
    count: int
    people: tuple[int, ...]
    telling: int


def meaning_of(
    motion: Motion, eye: Eye, t_s: float, pieces: Sequence[Piece] | None = ()
) -> Meaning | None:
    """What is true of a moment; None where nobody is in the picture.

    Args:
        t_s: seconds of the motion.
        pieces: furniture; None: not known, and so is the place.
    """
    frame = min(round(t_s * motion.fps), len(motion.joints) - 1)
    joints = motion.joints[frame].astype(np.float64)
    people = _in_picture(joints, eye)
    if not people:
        return None
    doing = [_doing(motion, frame, t_s, k) for k in people]
    said = [one for one in doing if one != UNSAID]
    place = UNSAID if pieces is None else min(_place(joints[k], pieces) for k in people)
    return Meaning(
        behavior=min(said, default=UNSAID),
        relation=_relation(joints[list(people)]),
        place=int(place),
        count=min(len(people), len(Count)) - 1,
        people=people,
        telling=people[doing.index(min(said))] if said else people[0],
    )


def hints_of(motion: Motion, t_s: float, meaning: Meaning) -> npt.NDArray[np.float16]:
    """What whoever tells most looks like in the room, whatever camera sees it: see `HINTS`.

    Returns:
        Shape (len(HINTS),); NaN where there is no such thing.
    """
    frame = min(round(t_s * motion.fps), len(motion.joints) - 1)
    joints = motion.joints[frame].astype(np.float64)
    body = joints[meaning.telling]
    hips, neck = body[[11, 12]].mean(axis=0), body[[5, 6]].mean(axis=0)
    trunk = _unit(neck - hips)
    thighs = _unit(body[[13, 14]] - body[[11, 12]])
    shins = _unit(body[[15, 16]] - body[[13, 14]])
    upper, lower = _unit(body[[7, 8]] - body[[5, 6]]), _unit(body[[9, 10]] - body[[7, 8]])
    others = [joints[k] for k in meaning.people if k != meaning.telling]
    gap, reach = np.nan, np.nan
    if others:
        gap = min(float(np.linalg.norm(o[[11, 12]].mean(axis=0) - hips)) for o in others)
        reach = min(_reach(body, other) for other in others)
    return np.array(
        [
            trunk[2],
            hips[2],
            body[0, 2],
            (thighs * shins).sum(axis=1).mean(),
            (thighs @ trunk).mean(),
            (upper * lower).sum(axis=1).mean(),
            body[_WRISTS, 2].max() - neck[2],
            np.linalg.norm(body[_WRISTS] - body[0], axis=1).min(),
            np.linalg.norm(body[15, :2] - body[16, :2]),
            min(gap, 3.0),
            min(reach, 2.0),
        ],
        np.float16,
    )


def _unit(v: Array) -> Array:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-6))


def _in_picture(joints: Array, eye: Eye) -> tuple[int, ...]:
    hips = joints[:, [11, 12]].mean(axis=1)
    pixels = eye.project(eye.look(hips))
    with np.errstate(invalid="ignore"):
        inside = ((pixels >= 0) & (pixels <= eye.resolution_wh)).all(axis=-1)
    return tuple(int(k) for k in np.flatnonzero(inside))


def _doing(motion: Motion, frame: int, t_s: float, who: int) -> int:
    for event in motion.events:
        if event.behavior is Behavior.FALL and event.person == who:
            end = event.end_s if event.impact_s is None else event.impact_s
            if event.start_s <= t_s < end + _FALLEN_FOR_S:
                return int(Doing.FALLEN)
    return int(DOING_OF.get(motion.behaviors[frame, who], UNSAID))


def _relation(joints: Array) -> int:
    """Of people (P, 17, 3), all of them there."""
    closest = Relation.APART
    for a, b in combinations(range(len(joints)), 2):
        closest = min(closest, _between(joints[a], joints[b]))
    return int(closest)


def _between(a: Array, b: Array) -> Relation:
    reach = min(_reach(a, b), _reach(b, a))
    hips = float(np.linalg.norm(a[[11, 12]].mean(0) - b[[11, 12]].mean(0)))
    if reach < _TOUCH_M or hips < _EMBRACE_M:
        return Relation.CONTACT
    return Relation.NEAR if hips < _NEAR_M else Relation.APART


def _reach(one: Array, other: Array) -> float:
    """From the wrists of one to the nearest of another."""
    return float(np.nanmin(np.linalg.norm(one[_WRISTS][:, None] - other[_BODY][None], axis=-1)))


def _place(joints: Array, pieces: Sequence[Piece]) -> Place:
    """Of one person (17, 3): furniture below the hips, or the floor."""
    hips = joints[[11, 12]].mean(axis=0)
    found = Place.OPEN
    for piece in pieces:
        found = min(found, _on(joints, hips, piece))
    if found is Place.OPEN and hips[2] < _LOW_M:
        return Place.FLOOR
    return found


def _on(joints: Array, hips: Array, piece: Piece) -> Place:
    along, across = _within(hips, piece)
    if piece.kind is Kind.BASIN:
        at = math.dist(hips[:2], piece.point(piece.edge + 0.25))
        return Place.BASIN if at < _AT_BASIN_M and hips[2] > 2 * _LOW_M else Place.OPEN
    if along > 0 or across > 0 or not 0.6 * piece.height < hips[2] < piece.height + 0.4:
        return Place.OPEN
    if piece.kind is Kind.BED:
        return Place.BED
    if piece.kind is Kind.SOFA:
        trunk = joints[[5, 6]].mean(axis=0) - hips
        level = abs(trunk[2]) < 0.5 * float(np.linalg.norm(trunk))
        return Place.BED if level else Place.SEAT
    return Place.SEAT if piece.kind in (Kind.CHAIR, Kind.BENCH) else Place.OPEN


def _within(point: Array, piece: Piece) -> tuple[float, float]:
    """How far beyond the edges along and across the heading; negative: above it."""
    c, s = math.cos(piece.heading), math.sin(piece.heading)
    x, y = point[0] - piece.centre[0], point[1] - piece.centre[1]
    deep = piece.edge + _BESIDE_M
    long = (piece.width + piece.depth) / 2 - piece.edge + _BESIDE_M
    return abs(x * c + y * s) - deep, abs(y * c - x * s) - long
