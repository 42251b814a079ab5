"""Who is who: crossings, gaps, furniture, ids."""

from __future__ import annotations

import numpy as np
import pytest
from tests.edge.darkroom.perceive.conftest import candidate

from mizaru.edge.darkroom.perceive.tracker import (
    CONFIRM_FRAMES,
    KEEP_LOST_FRAMES,
    LIKELY,
    POSSIBLE,
    STIRRING,
    SURE,
    Tracker,
)

DT = 0.04


def tracker(seed: int = 0, max_people: int = 8) -> Tracker:
    return Tracker(np.random.default_rng(seed), max_people=max_people)


def step(who: Tracker, *candidates) -> None:
    who.predict(DT)
    who.update(candidates)


def ids(who: Tracker) -> list[int]:
    return sorted(t.subject_id for t in who.tracks if t.confirmed)


def id_at(who: Tracker, x: float) -> int:
    best = min((t for t in who.tracks if not t.lost_frames), key=lambda t: abs(t.last.region.x - x))
    return best.subject_id


def test_somebody_is_nobody_before_he_is_confirmed() -> None:
    who = tracker()
    for n in range(3):
        assert ids(who) == []
        step(who, candidate(50 + n, 90))
    assert len(ids(who)) == 1


@pytest.mark.parametrize(
    ("detections", "people"),
    [
        ([0.0, LIKELY - 0.01], 0),
        ([SURE - 0.01, *[LIKELY - 0.01] * 5], 0),
        ([SURE], 1),
        ([LIKELY, 0.0, LIKELY], 1),
    ],
)
def test_what_never_moves_is_somebody_only_if_surely_detected(
    detections: list[float], people: int
) -> None:
    who = tracker()
    rng = np.random.default_rng(1)
    for n in range(200):
        x, y = rng.normal((100, 90), 2)
        detection = detections[n] if n < len(detections) else 0.0
        step(who, candidate(x, y, detection=detection))
    assert len(ids(who)) == people


@pytest.mark.parametrize(
    ("detection", "stir", "people"),
    [
        (POSSIBLE, STIRRING, 1),
        (POSSIBLE, STIRRING - 0.01, 0),
        (POSSIBLE - 0.01, STIRRING, 0),
    ],
)
def test_what_stays_and_stirs_is_somebody_if_detected_at_all(
    detection: float, stir: float, people: int
) -> None:
    who = tracker()
    for _ in range(20):
        step(who, candidate(100, 90, detection=detection, stir=stir))
    assert len(ids(who)) == people


@pytest.mark.parametrize(("every", "people"), [(3, 1), (10, 0)])
def test_what_stirs_only_now_and_then_is_furniture_before_a_trembling_camera(
    every: int, people: int
) -> None:
    who = tracker()
    for n in range(300):
        stir = STIRRING if n % every == every - 1 else 0.0
        step(who, candidate(100, 90, detection=POSSIBLE, stir=stir))
    assert len(ids(who)) == people


def test_what_walks_is_somebody_even_if_hardly_detected() -> None:
    who = tracker()
    for n in range(30):
        step(who, candidate(50 + 3 * n, 90, detection=0.36))
    assert len(ids(who)) == 1


@pytest.mark.parametrize("height", [0, 15, 40])
def test_people_who_cross_keep_their_ids(height: int) -> None:
    who = tracker()
    for n in range(60):
        left, right = 20 + 5 * n, 315 - 5 * n
        people = [candidate(left, 90, colour=1), candidate(right, 90 + height, colour=5)]
        if abs(left - right) < 25:  # the one behind is hidden
            people = people[1:]
        step(who, *people)
        if n == 20:
            before = id_at(who, left), id_at(who, right)
    assert (id_at(who, left), id_at(who, right)) == before
    assert len(ids(who)) == 2
    assert 0 not in before


def test_clothes_tell_who_turned_back_while_both_were_hidden() -> None:
    """By motion alone they would have passed each other."""
    who = tracker()
    for n in range(15):
        step(who, candidate(80 + 4 * n, 90, colour=1), candidate(236 - 4 * n, 90, colour=5))
    before = id_at(who, 136), id_at(who, 180)
    for _ in range(4):
        step(who)
    step(who, candidate(148, 90, colour=1), candidate(168, 90, colour=5))
    assert (id_at(who, 148), id_at(who, 168)) == before
    for _ in range(4):
        step(who)
    step(who, candidate(168, 90, colour=1), candidate(148, 90, colour=5))
    assert (id_at(who, 168), id_at(who, 148)) == before


def test_people_in_the_same_clothes_who_pass_keep_their_ids() -> None:
    who = tracker()
    for n in range(60):
        step(who, candidate(20 + 5 * n, 60), candidate(315 - 5 * n, 130))
        if n == 20:
            before = id_at(who, 20 + 5 * n), id_at(who, 315 - 5 * n)
    assert (id_at(who, 315), id_at(who, 20)) == before


@pytest.mark.parametrize(("gap", "same"), [(1, True), (20, True), (KEEP_LOST_FRAMES + 1, False)])
def test_a_visit_ends_when_somebody_is_lost_too_long(gap: int, same: bool) -> None:
    who = tracker()
    for _ in range(10):
        step(who, candidate(100, 90))
    (before,) = ids(who)
    for _ in range(gap):
        step(who)
    for _ in range(10):
        step(who, candidate(101, 90))
    (after,) = ids(who)
    assert (before == after) is same


def test_ids_are_never_used_twice() -> None:
    class Stuck:
        """A generator that repeats itself."""

        def __init__(self) -> None:
            self.numbers = iter([7, 7, 7, 9, 9, 11])

        def integers(self, low: int, high: int) -> int:
            return next(self.numbers)

    who = Tracker(Stuck(), max_people=8)  # type: ignore[arg-type]
    for _ in range(CONFIRM_FRAMES):
        step(who, candidate(20, 90), candidate(150, 90), candidate(290, 90))
    assert ids(who) == [7, 9, 11]


def test_ids_fit_in_32_bits_and_follow_the_seed() -> None:
    def run(seed: int) -> list[int]:
        who = tracker(seed)
        for _ in range(CONFIRM_FRAMES):
            step(who, candidate(20, 90), candidate(290, 90))
        return ids(who)

    assert run(5) == run(5) != run(6)
    assert all(1 <= number < 2**32 for number in run(5))


def test_no_more_than_max_people_are_somebody() -> None:
    who = tracker(max_people=2)
    for _ in range(5):
        step(who, *(candidate(40 + 90 * k, 90) for k in range(4)))
    assert len(ids(who)) == 2


def test_who_leaves_does_not_turn_into_the_chair_he_leaves_behind() -> None:
    who = tracker()
    for _ in range(10):
        step(who, candidate(100, 90, size=160))
    (person,) = (t for t in who.tracks if t.confirmed)
    for _ in range(10):
        step(who, candidate(110, 140, size=45, detection=0.4, prior=person.key))
    assert person.lost_frames == 10
    assert [t.subject_id for t in who.tracks if not t.lost_frames] == [0]


def test_who_falls_stays_himself() -> None:
    who = tracker()
    for _ in range(10):
        step(who, candidate(100, 90, size=160))
    (person,) = (t for t in who.tracks if t.confirmed)
    for n in range(12):
        fallen = candidate(100 + 6 * n, 90 + 5 * n, size=160 - 5 * n, detection=0, prior=person.key)
        step(who, fallen)
    assert person.lost_frames == 0
    assert len(ids(who)) == 1
