"""Traffic: how many are there lies open, unless every message is as long as any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mizaru.lab.audit.attacks import traffic
from mizaru.lab.audit.attacks.traffic import Traffic
from mizaru.lab.audit.contract import Profile, Row, Visit
from mizaru.lab.audit.representations.poses import RetargetedSkeleton


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(traffic._STREAMS, Profile.QUICK, 30)


def attack(representation: Any, visits: tuple[Visit, ...]) -> dict[str, Row]:
    outcome = Traffic().run(representation, visits, Profile.QUICK, np.random.default_rng(0))
    return {row.measure: row for row in outcome.rows}


def test_sizes_of_segments_tell_how_many_are_there(visits: tuple[Visit, ...]) -> None:
    row = attack(RetargetedSkeleton(), visits)["people in view"]
    assert row.value > 0.95
    assert row.chance == pytest.approx(1 / 3, abs=0.02)


def test_messages_of_one_length_tell_nothing(
    visits: tuple[Visit, ...], nothing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cover(frames: Any, *_: Any) -> np.ndarray:
        return np.full(len(frames), 300.0, np.float32)

    monkeypatch.setattr(traffic, "_sent", cover)
    row = attack(nothing, visits)["people in view"]
    assert row.low <= row.chance
    assert row.value < 0.5


def test_every_representation_is_asked_about_the_same_windows(
    visits: tuple[Visit, ...], nothing: Any
) -> None:
    a, b = attack(nothing, visits), attack(RetargetedSkeleton(), visits)
    for measure in a.keys() & b.keys():
        assert a[measure].chance == b[measure].chance
