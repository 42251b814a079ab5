"""The One-Euro filter (Casiez, Roussel, Vogel 2012) that BlazePose puts on its landmarks."""

from __future__ import annotations

import math

import numpy as np

from mizaru.edge.darkroom.perceive.region import Array


class OneEuro:
    """Smooths little when something moves fast, much when it rests. Causal.

    Args:
        min_cutoff: hertz, cut-off at rest.
        beta: how much the cut-off rises with speed (in body sizes a second).
        derivative_cutoff: hertz, cut-off of the speed.
    """

    def __init__(self, min_cutoff: float, beta: float, derivative_cutoff: float = 1.0) -> None:
        self._min_cutoff, self._beta = min_cutoff, beta
        self._derivative_cutoff = derivative_cutoff
        self._value: Array | None = None
        self._speed: Array | None = None

    def __call__(self, value: Array, dt: float, size: float) -> Array:
        """Next value, shape of the first; `dt` seconds since the last; `size` of the body in
        the value's unit."""
        if self._value is None or self._speed is None or dt <= 0:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        speed = (value - self._value) / (dt * size)
        self._speed = self._speed + _alpha(self._derivative_cutoff, dt) * (speed - self._speed)
        cutoff = self._min_cutoff + self._beta * np.abs(self._speed)
        weight = 1 / (1 + 1 / (2 * math.pi * cutoff * dt))
        self._value = (self._value + weight * (value - self._value)).astype(np.float32)
        return self._value


def _alpha(cutoff: float, dt: float) -> float:
    return 1 / (1 + 1 / (2 * math.pi * cutoff * dt))
