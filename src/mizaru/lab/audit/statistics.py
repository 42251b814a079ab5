"""Figures of the audit with their uncertainty, over visits and never over frames.

Frames of one visit resemble each other, visits of one person do too: whole persons are drawn in
the bootstrap, with all their visits. Where that is too sure of itself (nobody named in any draw
is no proof that nobody can be) the interval is widened to Wilson's over visits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mizaru.lab.evaluate.statistic import Estimate, bootstrap, proportion

Logs = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tried:
    """How one visit fared.

    Attributes:
        person: whose; drawn together in the bootstrap.
        share: of the attempts on this visit that succeeded, [0, 1].
    """

    person: str
    share: float


def share(visits: Sequence[Tried], seed: int = 0) -> tuple[float, float, float]:
    """Mean over visits with its 95 % interval: (value, low, high).

    The wider of bootstrap over persons and Wilson's (1927) over visits.

    Raises:
        ValueError: no visits.
    """
    if not visits:
        raise ValueError("a share needs visits")
    value, low, high = drawn(visits, lambda some: float(np.mean([v.share for v in some])), seed)
    hits = proportion(round(value * len(visits)), len(visits))
    if hits is not None and hits.low is not None and hits.high is not None:
        low, high = min(low, hits.low), max(high, hits.high)
    return value, min(low, value), max(high, value)


def drawn(
    visits: Sequence[Tried], statistic: Callable[[Sequence[Tried]], float | None], seed: int = 0
) -> tuple[float, float, float]:
    """Any statistic of visits with the interval of a bootstrap over persons."""
    return _ends(
        bootstrap(
            visits, statistic, cluster=lambda v: v.person, order=lambda v: v.person, seed=seed
        )
    )


def _ends(estimate: Estimate | None) -> tuple[float, float, float]:
    if estimate is None:
        return float("nan"), float("nan"), float("nan")
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return estimate.value, low, high


def top(logs: Logs, truth: Labels, k: int = 1) -> npt.NDArray[np.float64]:
    """Shape (n,): whether the true one of K is among the k likeliest; ties count their share.

    Args:
        logs: shape (n, K).
        truth: shape (n,), in 0 … K-1.
    """
    own = logs[np.arange(len(truth)), truth][:, None]
    above = (logs > own + 1e-12).sum(axis=1)
    level = (np.abs(logs - own) <= 1e-12).sum(axis=1)
    return np.asarray(np.clip((k - above) / level, 0.0, 1.0), np.float64)


def equal_error(scores: npt.NDArray[np.float64], same: npt.NDArray[np.bool_]) -> float:
    """Rate at which as many of the same person are refused as others are let in; NaN without
    both kinds."""
    if not same.any() or same.all():
        return float("nan")
    false, true = _rates(scores, same)
    # The two rates cross between two limits: take the mean where they are nearest.
    at = int(np.argmin(np.abs(false - (1 - true))))
    return float((false[at] + 1 - true[at]) / 2)


def accepted(
    scores: npt.NDArray[np.float64], same: npt.NDArray[np.bool_], false_share: float = 0.01
) -> float:
    """Share of the same persons let in where at most `false_share` of others are (TAR at FAR);
    NaN without both kinds."""
    if not same.any() or same.all():
        return float("nan")
    false, true = _rates(scores, same)
    return float(np.interp(false_share, false, true))


def _rates(
    scores: npt.NDArray[np.float64], same: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    order = np.argsort(-scores, kind="stable")
    s, y = scores[order], same[order]
    last = np.append(np.diff(s) != 0, True)  # ties are let in together
    true = np.cumsum(y)[last] / max(1, y.sum())
    false = np.cumsum(~y)[last] / max(1, (~y).sum())
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])
