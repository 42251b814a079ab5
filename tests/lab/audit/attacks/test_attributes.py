"""Attributes and utility: what is said is read, what is not said is guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mizaru.lab.audit.attacks.attributes import Attributes
from mizaru.lab.audit.attacks.utility import Utility, macro_f1
from mizaru.lab.audit.contract import Profile, Row, Visit
from mizaru.vocabulary import Behavior


def run(attack: Any, representation: Any, visits: tuple[Visit, ...]) -> dict[str, Row]:
    outcome = attack.run(representation, visits, Profile.QUICK, np.random.default_rng(0))
    return {row.measure: row for row in outcome.rows}


def test_a_stature_that_is_told_is_read_off_strangers(
    visits: tuple[Visit, ...], telling: Any, nothing: Any
) -> None:
    def stature(visit: Visit, rng: np.random.Generator) -> np.ndarray:
        own = float(visit.attributes["height"])
        return rng.normal(own, 0.01, (len(visit.behaviors), 2)).astype(np.float32)

    told = run(Attributes(), telling(stature), visits)
    assert told["AP height"].value > 0.9
    assert 0.4 < told["cMAP"].chance < 0.7
    assert "AP clothes" not in told, "the number of an outfit is the lab's bookkeeping"
    silent = run(Attributes(), nothing, visits)["AP height"]
    assert silent.low < 0.6


def test_a_behaviour_that_is_told_is_read_and_noise_is_guessed(
    visits: tuple[Visit, ...], telling: Any, nothing: Any
) -> None:
    def doing(visit: Visit, rng: np.random.Generator) -> np.ndarray:
        walks = np.array([b is Behavior.WALK for b in visit.behaviors], float)
        return np.stack([walks, rng.normal(size=len(walks))], axis=1).astype(np.float32)

    told = run(Utility(), telling(doing), visits)["macro-F1"]
    assert told.value > 0.95
    assert run(Utility(), nothing, visits)["macro-F1"].value < 0.8
    assert told.chance == pytest.approx(1 / 3, abs=0.05)


def test_macro_f1_of_a_small_table() -> None:
    said, label = np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1])
    assert macro_f1(said, label) == pytest.approx((2 / 3 + 4 / 5) / 2)
