"""Figures with their uncertainty: what a number from few clips may claim.

Proportions get Wilson's interval, rates the exact interval of Poisson counts, everything else a
bootstrap over clusters: clips of one person or one source resemble each other, so that whole
clusters are drawn and not clips. All intervals are two-sided at `LEVEL`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

LEVEL: Final = 0.95
DRAWS: Final = 1000
"""Bootstrap samples; the ends of an interval wobble by a few per cent of its width."""
LEAST_CLUSTERS: Final = 5
"""Fewer clusters than this say nothing about other clusters: no interval is given."""

_Z: Final = 1.959963984540054

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and between what it may lie.

    Attributes:
        value: as measured.
        low, high: ends of the interval, ``low ≤ high``; None where none can be given.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if (self.low is None) is not (self.high is None):
            raise ValueError("an interval has two ends")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"an interval must satisfy low ≤ high, got {self.low}, {self.high}")

    def times(self, factor: float) -> Estimate:
        """The same in another unit."""
        ends = (None if end is None else end * factor for end in (self.low, self.high))
        return Estimate(self.value * factor, *ends)


def proportion(hits: int, total: int) -> Estimate | None:
    """Wilson's interval (1927) of `hits` out of `total`; None where nothing was tried."""
    if not 0 <= hits <= total:
        raise ValueError(f"hits must lie in [0, {total}], got {hits}")
    if not total:
        return None
    share, z2 = hits / total, _Z * _Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    spread = (
        _Z / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    )
    # Rounding must not push the ends beyond the share itself or what shares can be.
    return Estimate(
        share, max(0.0, min(share, middle - spread)), min(1.0, max(share, middle + spread))
    )


def rate(count: int, exposure: float) -> Estimate | None:
    """Events per unit of exposure with Garwood's exact interval (1936); None without exposure."""
    from scipy.stats import chi2

    if count < 0:
        raise ValueError(f"a count must be ≥ 0, got {count}")
    if not exposure > 0:
        return None
    tail = (1 - LEVEL) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    high = float(chi2.ppf(1 - tail, 2 * count + 2)) / 2
    return Estimate(count / exposure, low / exposure, high / exposure)


def bootstrap(
    items: Sequence[T],
    statistic: Callable[[Sequence[T]], float | None],
    *,
    cluster: Callable[[T], Hashable],
    order: Callable[[T], str],
    seed: int,
) -> Estimate | None:
    """`statistic` of `items`, with the percentile interval of a bootstrap over clusters.

    The order of `items` changes nothing: they are put into that of `order` first.

    Args:
        statistic: None where it is not defined, e.g. an AUC of one class; draws for which it is
            None are left out.
        cluster: what an item is drawn together with.
    """
    items = sorted(items, key=order)
    value = statistic(items)
    if value is None:
        return None
    clusters: dict[Hashable, list[T]] = {}
    for item in items:
        clusters.setdefault(cluster(item), []).append(item)
    if len(clusters) < LEAST_CLUSTERS:
        return Estimate(value)
    rng = np.random.default_rng(seed)
    groups = list(clusters.values())
    drawn: list[float] = []
    for _ in range(DRAWS):
        picks = rng.integers(len(groups), size=len(groups))
        seen = statistic([item for pick in picks for item in groups[pick]])
        if seen is not None:
            drawn.append(seen)
    if len(drawn) < DRAWS / 2:
        return Estimate(value)
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(value, min(float(low), value), max(float(high), value))


def quantile(values: Sequence[float], share: float) -> float | None:
    """Linear between order statistics; None without values."""
    return float(np.quantile(values, share)) if values else None


def auc(scores: Sequence[float], positives: Sequence[bool]) -> float | None:
    """Area under the ROC curve: how often a positive scores higher than a negative, ties half.

    None unless there are both.
    """
    s, y = np.asarray(scores, np.float64), np.asarray(positives, np.bool_)
    hits, misses = int(y.sum()), int((~y).sum())
    if not hits or not misses:
        return None
    _, rank_of, counts = np.unique(s, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[rank_of]
    return float((ranks[y].sum() - hits * (hits + 1) / 2) / (hits * misses))


def roc(
    scores: Sequence[float], positives: Sequence[bool]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(false-positive rate, true-positive rate) from (0, 0) to (1, 1), one point per score."""
    s, y = np.asarray(scores, np.float64), np.asarray(positives, np.bool_)
    limits = np.unique(s)[::-1]
    true = [float((s[y] >= limit).mean()) for limit in limits]
    false = [float((s[~y] >= limit).mean()) for limit in limits]
    return np.array([0.0, *false, 1.0]), np.array([0.0, *true, 1.0])


Confusion = Mapping[tuple[str, str], int]
"""(truth, decision) → how often."""


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Mean F1 over the classes that occur as truth in (truth, decision) pairs; None without."""
    classes = {truth for truth, _ in pairs}
    if not classes:
        return None
    f1 = []
    for name in sorted(classes):
        both = sum(1 for truth, said in pairs if truth == said == name)
        either = sum((truth == name) + (said == name) for truth, said in pairs)
        f1.append(2 * both / either)
    return sum(f1) / len(f1)
