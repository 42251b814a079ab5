from __future__ import annotations

import numpy as np
import pytest

from mizaru.lab.sim.identity import draw_identity
from mizaru.lab.sim.taint import TAINT_SIDE, taint_pattern


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_is_a_person(seed: int) -> None:
    assert draw_identity(seed) == draw_identity(seed)
    assert draw_identity(seed).colours != draw_identity(seed + 1).colours
    assert draw_identity(seed).proportions != draw_identity(seed + 1).proportions
    assert draw_identity(seed).gait != draw_identity(seed + 1).gait


def test_nobody_is_out_of_proportion() -> None:
    for seed in range(200):
        identity = draw_identity(seed)
        p = identity.proportions
        for value in (p.height, p.legs, p.arms, p.torso, p.shoulders, p.hips):
            assert 0.9 <= value <= 1.1
        assert 0.5 <= identity.gait.speed <= 1.6
        for colour in (identity.colours.skin, identity.colours.shirt, identity.colours.lips):
            assert all(0 <= channel <= 1 for channel in colour)


def test_a_taint_pattern_belongs_to_one_identity_and_seed() -> None:
    pattern = taint_pattern(1, 2)
    assert pattern.shape == (TAINT_SIDE, TAINT_SIDE, 3)
    assert np.array_equal(pattern, taint_pattern(1, 2))
    for other in (taint_pattern(1, 3), taint_pattern(2, 2)):
        a, b = (x.astype(float).ravel() - x.mean() for x in (pattern, other))
        assert abs(a @ b / np.sqrt((a @ a) * (b @ b))) < 0.25
