from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from mizaru.errors import DataError
from mizaru.lab.audit.attacks.identity import Identity
from mizaru.lab.audit.contract import Profile, Row, Visit

from .conftest import PEOPLE, Telling, visit


def _rows(loudness: float, visits: tuple[Visit, ...]) -> dict[tuple[str, str], Row]:
    found = Identity().run(Telling(loudness), visits, Profile.QUICK, np.random.default_rng(3))
    return {(row.measure, row.setting): row for row in found.rows}


def test_who_is_told_is_named_and_noise_comes_out_at_chance(visits: tuple[Visit, ...]) -> None:
    loud, silent = _rows(3.0, visits), _rows(0.0, visits)
    for setting in ("T=1, clothes constant", "T=5, clothes constant", "T=1, clothes changed"):
        assert loud["top-1", setting].value > 0.85  # nothing is seen in one tick of eight
        assert silent["top-1", setting].low <= 1 / PEOPLE <= silent["top-1", setting].high
        assert silent["top-1", setting].chance == pytest.approx(1 / PEOPLE)
    assert loud["EER", "T=5, clothes constant"].value < 0.15
    assert silent["EER", "T=1, clothes constant"].value == pytest.approx(0.5, abs=0.1)
    assert not loud["EER", "T=1, clothes constant"].higher_leaks


def test_more_frames_name_more(visits: tuple[Visit, ...]) -> None:
    rows = _rows(0.7, visits)
    one, five = rows["top-1", "T=1, clothes constant"], rows["top-1", "T=5, clothes constant"]
    assert five.value > one.value + 0.1
    assert five.tried > one.tried
    assert [x for x, _ in five.curve] == [1.0, 5.0]
    assert five.curve[1][1] == pytest.approx(five.value)


def test_other_cameras_are_a_contest_of_their_own() -> None:
    some = tuple(visit(p, "day1", camera) for p in range(PEOPLE) for camera in "ab")
    settings = {setting for _, setting in _rows(3.0, some)}
    assert settings == {"T=1, other camera", "T=5, other camera"}


def test_who_comes_once_cannot_come_again() -> None:
    with pytest.raises(DataError, match="nobody comes twice"):
        _rows(3.0, tuple(visit(p, "day1") for p in range(PEOPLE)))
