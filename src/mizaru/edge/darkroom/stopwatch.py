"""How long each stage takes. Numbers only; benchmarks read them in-process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

KEPT: Final = 20_000


class Stopwatch:
    """Durations per stage, the newest `KEPT` of each.

    Args:
        monotonic_ns: the clock.
    """

    def __init__(self, *, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._durations_ms: dict[str, deque[float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a block; blocks that raise count too."""
        start_ns = self._monotonic_ns()
        try:
            yield
        finally:
            self.add(name, (self._monotonic_ns() - start_ns) / 1e6)

    def add(self, name: str, milliseconds: float) -> None:
        """Record a duration measured elsewhere."""
        self._durations_ms.setdefault(name, deque(maxlen=KEPT)).append(milliseconds)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names in the order of their first measurement."""
        return tuple(self._durations_ms)

    def percentile_ms(self, name: str, percent: float) -> float:
        """Percentile of a stage's durations; 0 where there are none."""
        durations = self._durations_ms.get(name)
        return float(np.percentile(np.fromiter(durations, float), percent)) if durations else 0.0
