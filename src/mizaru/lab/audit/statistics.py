"""Figures of the audit with their uncertainty, over visits and never over frames.

Frames of one visit resemble each other, visits of one person do too: whole persons are drawn in
the bootstrap, with all their visits. Where that is too sure of itself (nobody named in any draw
is no proof that nobody can be) the interval is widened to Wilson's over visits.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.evaluate.statistic import DRAWS, LEVEL, proportion

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]
Interval = tuple[float, float, float]
"""(value, low, high) with low ≤ value ≤ high."""

_BINS: Final = 512
_ENDS: Final = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def share(persons: Sequence[Hashable], shares: Sequence[float], seed: int = 0) -> Interval:
    """Mean over visits, with the wider of bootstrap over persons and Wilson's over visits.

    Args:
        persons: whose visit, shape (visits,).
        shares: of the attempts on a visit that succeeded, [0, 1], shape (visits,).

    Raises:
        ValueError: no visits.
    """
    if not len(shares):
        raise ValueError("a share needs visits")
    return widened(mean(persons, shares, seed), len(shares))


def widened(interval: Interval, visits: int) -> Interval:
    """The wider of an interval of a share and Wilson's over so many visits."""
    value, low, high = interval
    hits = proportion(round(value * visits), visits) if np.isfinite(value) else None
    if hits is not None and hits.low is not None and hits.high is not None:
        low, high = min(low, hits.low), max(high, hits.high)
    return value, min(low, value), max(high, value)


def mean(persons: Sequence[Hashable], values: Sequence[float], seed: int = 0) -> Interval:
    """Mean over visits with the interval of a bootstrap over persons; NaN without visits."""
    if not len(values):
        return float("nan"), float("nan"), float("nan")
    who = _numbered(persons)
    count = np.bincount(who).astype(np.float64)
    total = np.bincount(who, weights=np.asarray(values, np.float64))
    draws = _draws(len(count), seed)
    return _interval(float(np.mean(values)), (draws @ total) / (draws @ count))


def drawn(
    persons: Sequence[Hashable],
    statistic: Callable[[npt.NDArray[np.int64]], float],
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """Any statistic of rows with the interval of a bootstrap over persons.

    Args:
        persons: whose row, shape (n,).
        statistic: of the numbers of the rows drawn; NaN where it is not defined.
    """
    who = _numbered(persons)
    rows = [np.flatnonzero(who == person) for person in range(who.max() + 1)]
    rng = np.random.default_rng(seed)
    found = np.array(
        [
            statistic(np.concatenate([rows[p] for p in rng.integers(len(rows), size=len(rows))]))
            for _ in range(draws)
        ]
    )
    return _interval(statistic(np.arange(len(who))), found)


def top(logs: Array, truth: Labels, k: int = 1) -> Array:
    """Shape (n,): whether the true one of K is among the k likeliest; ties count their share.

    Args:
        logs: shape (n, K); -∞ and NaN: ruled out, and nobody comes before who is ruled out, too.
        truth: shape (n,), in 0 … K-1.
    """
    logs = np.where(np.isnan(logs), -np.inf, logs)
    own = logs[np.arange(len(truth)), truth][:, None]
    above = (logs > own + 1e-12).sum(axis=1)
    with np.errstate(invalid="ignore"):  # -∞ less -∞
        level = ((logs == own) | (np.abs(logs - own) <= 1e-12)).sum(axis=1)
    return np.asarray(np.clip((k - above) / level, 0.0, 1.0), np.float64)


def verification(
    persons: Sequence[Hashable],
    scores: Array,
    same: Flags,
    false_share: float,
    seed: int = 0,
    *,
    intervals: bool = True,
) -> tuple[Interval, Interval]:
    """How well scores tell pairs of one person from pairs of two.

    Args:
        persons: whose probe a pair is; drawn together. Shape (n,).
        scores: higher for more alike, shape (n,).
        same: shape (n,).
        false_share: share of others that may be let in.
        intervals: False: none, which is quick; the ends are the values then.

    Returns:
        (equal error rate, share of the same persons let in at `false_share`), each with its
        interval; NaN without both kinds of pairs.
    """
    who = _numbered(persons)
    limits = np.unique(np.quantile(scores, np.linspace(0, 1, _BINS)))
    place = np.searchsorted(limits, scores, side="left")
    counts = np.zeros((2, who.max() + 1, len(limits) + 1))
    np.add.at(counts, (same.astype(int), who, place), 1.0)
    draws = np.ones((1, counts.shape[1]))
    if intervals:
        draws = np.concatenate([draws, _draws(counts.shape[1], seed)])
    # From the most alike down: what is let in at each limit.
    others, own = (np.cumsum((draws @ kind)[:, ::-1], axis=1) for kind in counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        false, true = others / others[:, -1:], own / own[:, -1:]
    gap = np.abs(false - (1 - true))
    at = np.argmin(np.where(np.isfinite(gap), gap, np.inf), axis=1)
    line = np.arange(len(draws))
    errors = (false[line, at] + 1 - true[line, at]) / 2
    lets = np.array(
        [np.interp(false_share, [0.0, *f], [0.0, *t]) for f, t in zip(false, true, strict=True)]
    )
    return _interval(float(errors[0]), errors[1:]), _interval(float(lets[0]), lets[1:])


def _numbered(persons: Sequence[Hashable]) -> Labels:
    order = {person: number for number, person in enumerate(dict.fromkeys(persons))}
    return np.array([order[person] for person in persons], np.int64)


def _draws(persons: int, seed: int) -> Array:
    """Shape (DRAWS, persons): how often each is drawn."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(persons, np.full(persons, 1 / persons), size=DRAWS).astype(np.float64)


def _interval(value: float, found: Array) -> Interval:
    found = found[np.isfinite(found)]
    if not np.isfinite(value) or len(found) < 2:
        return value, value, value
    low, high = np.quantile(found, _ENDS)
    return value, min(float(low), value), max(float(high), value)
