"""How somebody does things: the usual way, or each time a little differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np

from mizaru.lab.sim.humanoid import Vector
from mizaru.lab.sim.kinematics import LEFT, RIGHT

T = TypeVar("T")
_LEFT_HANDED: Final = 0.2
_OTHER_HAND: Final = 0.15


class Manner:
    """Draws what scripts leave open.

    Args:
        rng: None for somebody who does everything the usual way, always alike.
    """

    def __init__(self, rng: np.random.Generator | None) -> None:
        self._rng = rng
        self._hand = LEFT if rng is not None and rng.random() < _LEFT_HANDED else RIGHT

    @property
    def plain(self) -> bool:
        """True for the usual way."""
        return self._rng is None

    @property
    def hand(self) -> int:
        """The hand for the next thing: mostly the better one."""
        if self._rng is not None and self._rng.random() < _OTHER_HAND:
            return 1 - self._hand
        return self._hand

    def vary(self, usual: float, spread: float = 0.2) -> float:
        """Around the usual value, log-normal, at most two spreads away."""
        if self._rng is None:
            return usual
        return usual * float(np.exp(np.clip(self._rng.normal(0, spread), -2 * spread, 2 * spread)))

    def within(self, usual: float, low: float, high: float) -> float:
        """Anywhere in a range."""
        return usual if self._rng is None else float(self._rng.uniform(low, high))

    def around(self, usual: Vector, size: float) -> Vector:
        """Each number by a normal error of a size, at most twice that."""
        if self._rng is None:
            return usual
        return np.asarray(usual + size * np.clip(self._rng.normal(size=usual.shape), -2, 2))

    def pick(self, options: Sequence[T]) -> T:
        """One of several; the first is the usual one."""
        return options[0] if self._rng is None else options[int(self._rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        """True in a share of cases; never for the usual way."""
        return self._rng is not None and bool(self._rng.random() < share)
