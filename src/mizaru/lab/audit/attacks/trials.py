"""How each trial of an attack went, and whose it was: what intervals are drawn over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


def chosen(
    attempts: Mapping[str, Sequence[Trial]], second: npt.NDArray[np.bool_]
) -> tuple[list[Trial], str]:
    """The best attacker without its luck: in each of two fights the one that was best in the other
    is judged; in a single fight, the best.

    Args:
        attempts: attacker → its trials, n of each, in the same order.
        second: shape (n,), which trials are of the second fight.

    Returns:
        The trials, in order, and the names of the attackers.
    """
    values = np.array([[trial.value for trial in trials] for trials in attempts.values()])
    names, out, families = list(attempts), np.zeros(len(second)), []
    for part in (~second, second):
        if part.any():
            other = part if part.all() else ~part
            best = int(values[:, other].mean(axis=1).argmax())
            out[part] = values[best, part]
            families.append(names[best])
    people = [trial.person for trial in next(iter(attempts.values()))]
    trials = [Trial(person, float(v)) for person, v in zip(people, out, strict=True)]
    return trials, " | ".join(dict.fromkeys(families))


def share(trials: Sequence[Trial]) -> Interval:
    """See `mizaru.lab.audit.statistics.share`."""
    return statistics.share([t.person for t in trials], [t.value for t in trials])


def mean(trials: Sequence[Trial]) -> Interval:
    """See `mizaru.lab.audit.statistics.mean`."""
    return statistics.mean([t.person for t in trials], [t.value for t in trials])
