"""How each trial of an attack went, and whose it was: what intervals are drawn over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mizaru.lab.audit import statistics
from mizaru.lab.audit.statistics import Interval


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Attributes:
        person: whose visit; drawn together in the bootstrap.
        value: what came out: the share of attempts that succeeded, decibels, ….
    """

    person: str
    value: float


def average(trials: Sequence[Trial]) -> float:
    """Mean over trials."""
    return float(np.mean([trial.value for trial in trials]))


def share(trials: Sequence[Trial]) -> Interval:
    """See `mizaru.lab.audit.statistics.share`."""
    return statistics.share([t.person for t in trials], [t.value for t in trials])


def mean(trials: Sequence[Trial]) -> Interval:
    """See `mizaru.lab.audit.statistics.mean`."""
    return statistics.mean([t.person for t in trials], [t.value for t in trials])
