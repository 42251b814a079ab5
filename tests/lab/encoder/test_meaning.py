"""The truth of a frame, on people placed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mizaru.lab.encoder.meaning import UNSAID, Count, Doing, Place, Relation, meaning_of
from mizaru.lab.motion import Event, Motion
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Furniture, Kind
from mizaru.vocabulary import Behavior

EYE = Eye.at((0.2, 0.2, 2.3), (2.5, 2.5, 0.6), fov_deg=90)
BED = Piece.of(Furniture(name="bed", kind=Kind.BED, position=(2.5, 2.5), heading=90))
BASIN = Piece.of(Furniture(name="basin", kind=Kind.BASIN, position=(2.5, 2.5), heading=0))


def standing(x: float, y: float, lift: float = 0.0) -> np.ndarray:
    """Upright, 1.7 m, facing +x."""
    heights = (
        1.6,
        1.63,
        1.63,
        1.6,
        1.6,
        1.4,
        1.4,
        1.1,
        1.1,
        0.85,
        0.85,
        0.9,
        0.9,
        0.5,
        0.5,
        0.1,
        0.1,
    )
    sides = (0, 1, -1, 1, -1, 2, -2, 2, -2, 2, -2, 1, -1, 1, -1, 1, -1)
    joints = [(x, y + 0.1 * side, z + lift) for z, side in zip(heights, sides, strict=True)]
    return np.array(joints, np.float32)


def lying(x: float, y: float, height: float) -> np.ndarray:
    """Along x, the hips at (x, y)."""
    up = standing(x, y)
    flat = np.stack([x + up[:, 2] - 0.9, up[:, 1], np.full(17, height)], axis=1)
    return np.asarray(flat, np.float32)


def motion(*people: np.ndarray, words: tuple[Behavior, ...] = (), events=()) -> Motion:
    said = words or (Behavior.STAND,) * len(people)
    behaviors = np.empty((1, len(people)), object)
    behaviors[0] = said
    names = tuple(f"sim:{k}" for k in range(len(people)))
    return Motion(
        "m", "sim", "", 10.0, np.stack(people)[None], behaviors, events=events, people=names
    )


def test_nobody_in_the_picture_means_nothing() -> None:
    assert meaning_of(motion(standing(-5, -5)), EYE, 0.0) is None


@pytest.mark.parametrize(
    ("gap", "relation"),
    [(0.3, Relation.CONTACT), (0.9, Relation.NEAR), (2.0, Relation.APART)],
)
def test_relation_is_that_of_the_closest_two(gap: float, relation: Relation) -> None:
    found = meaning_of(motion(standing(2, 2), standing(2 + gap, 2)), EYE, 0.0)
    assert found is not None
    assert found.relation == relation
    assert found.count == Count.TWO


@pytest.mark.parametrize(
    ("joints", "pieces", "place"),
    [
        (lying(2.5, 2.5, 0.55), (BED,), Place.BED),
        (lying(2.5, 2.5, 0.12), (), Place.FLOOR),
        (lying(1.2, 1.2, 0.12), (BED,), Place.FLOOR),
        (standing(2.9, 2.5), (BASIN,), Place.BASIN),
        (standing(1.5, 1.5), (BASIN, BED), Place.OPEN),
        (standing(2.5, 2.5), (), Place.OPEN),
    ],
)
def test_place_follows_from_furniture_and_height(joints, pieces, place) -> None:
    found = meaning_of(motion(joints), EYE, 0.0, pieces)
    assert found is not None
    assert found.place == place


def test_an_unknown_room_says_no_place() -> None:
    found = meaning_of(motion(standing(2, 2)), EYE, 0.0, None)
    assert found is not None
    assert found.place == UNSAID


def test_the_most_telling_of_several_counts_and_unknown_says_nothing() -> None:
    two = motion(standing(1.5, 1.5), standing(3, 3), words=(Behavior.WALK, Behavior.STRIKE))
    assert meaning_of(two, EYE, 0.0).behavior == Doing.BLOW
    one = motion(standing(2, 2), words=(Behavior.UNKNOWN,))
    assert meaning_of(one, EYE, 0.0).behavior == UNSAID


def test_who_fell_is_fallen_for_three_seconds_after_the_impact() -> None:
    fall = Event(Behavior.FALL, 0, 1.0, 1.8, impact_s=1.5)
    lies = motion(lying(2, 2, 0.1), words=(Behavior.LIE,), events=(fall,))
    said = {t: meaning_of(lies, EYE, t).behavior for t in (0.9, 1.0, 4.4, 4.6)}
    assert said == {0.9: Doing.LIE, 1.0: Doing.FALLEN, 4.4: Doing.FALLEN, 4.6: Doing.LIE}


def test_turned_furniture_is_turned() -> None:
    turned = Piece.of(Furniture(name="b", kind=Kind.BED, position=(2.5, 2.5), heading=0))
    across = math.pi / 2
    assert abs(turned.heading - BED.heading) == pytest.approx(across)
    # A bed is 2 m long across its heading: the same spot is on one and beside the other.
    spot = lying(2.5, 3.2, 0.55)
    assert meaning_of(motion(spot), EYE, 0.0, (turned,)).place == Place.BED
    assert meaning_of(motion(spot), EYE, 0.0, (BED,)).place == Place.OPEN
