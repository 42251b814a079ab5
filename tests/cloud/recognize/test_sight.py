"""Who is who: ids come and go, people stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mizaru.cloud.recognize.sight import Sight
from mizaru.cloud.recognize.subject import Subject

Studio = Any


@pytest.mark.parametrize("apart", [3.0, 0.7, 0.5])
def test_ids_that_change_over_take_nobody_along(studio: Studio, apart: float) -> None:
    """A subject is a body: whoever stood stands on, whoever sat sits on, under whatever id."""
    stands = studio.move((0.0, studio.STANDING), (10.0, studio.STANDING))
    sits = studio.move((0.0, studio.SITTING), (10.0, studio.SITTING))
    sight, owners = Sight(), {}
    film = studio.film(
        [
            studio.Actor(stands, subject_id=7, leaves=2.0, x=-apart / 2),
            studio.Actor(sits, subject_id=9, leaves=2.0, x=apart / 2),
            studio.Actor(stands, subject_id=9, enters=2.0, x=-apart / 2),
            studio.Actor(sits, subject_id=7, enters=2.0, x=apart / 2),
        ],
        seconds=4,
    )
    for observation in film:
        now = {one.subject.subject_id: one.subject for one in sight.observe(observation)}
        owners = owners or now
        changed = observation.key.t_ms >= studio.START_MS + 2000
        assert now[7] is owners[9 if changed else 7]
        assert now[9] is owners[7 if changed else 9]


def test_two_who_pass_each_other_keep_their_ids(studio: Studio) -> None:
    """However close: neither way would be shorter the other way round."""
    left, right = (
        (replace(studio.STANDING, x=x), replace(studio.STANDING, t=4.0, x=-x)) for x in (-1.5, 1.5)
    )
    film = studio.film(
        [studio.Actor(left, subject_id=7), studio.Actor(right, subject_id=9)], seconds=4
    )
    _nobody_changes(film)


def test_who_falls_onto_somebody_stays_who_they_are(studio: Studio) -> None:
    fall = studio.fall("right", begins=1.0, seconds=0.5)
    lies = studio.fall("right", begins=0.0, seconds=0.1)
    film = studio.film(
        [studio.Actor(fall, subject_id=7, x=-0.3), studio.Actor(lies, subject_id=9, x=0.3)],
        seconds=4,
    )
    _nobody_changes(film)


def _nobody_changes(film: Any) -> None:
    sight = Sight()
    owners: dict[int, Subject] = {}
    for observation in film:
        for one in sight.observe(observation):
            assert owners.setdefault(one.subject.subject_id, one.subject) is one.subject
