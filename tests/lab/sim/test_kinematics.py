"""Shortcuts for three numbers say what numpy says, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("sim")


def test_shortcuts_for_three_numbers_are_numpys_to_the_last_bit() -> None:
    from mizaru.lab.sim import kinematics

    rng = np.random.default_rng(0)
    for a, b in rng.standard_normal((300, 2, 3)) * 10.0 ** rng.integers(-9, 9, (300, 2, 1)):
        assert kinematics._cross(a, b).tobytes() == np.cross(a, b).tobytes()
        assert kinematics._norm(a) == float(np.linalg.norm(a))
        assert kinematics._clip(float(a[0]), -0.5, 0.5) == float(np.clip(a[0], -0.5, 0.5))
