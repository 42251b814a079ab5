"""The attackers: families of classifiers that all attacks share, behind one call.

``FAMILIES[name](X, y, rng)`` learns from rows X (n, F) with labels y in 0 … K-1 and returns a
function from rows to log-probabilities (m, K). A family is a way of choosing a classifier: each
draw of `rng` is one try of what an attacker would turn (principal components, whitened or not,
neighbours, size of the network), so that a restart is another try and not the same one again.

Rows of nothing but NaN are frames in which nothing left: they teach nothing, and who sees one
guesses, log 1/K for everybody. Single NaNs count as the column's mean.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.audit.components import MOST
from mizaru.lab.audit.components import components as of_rows
from mizaru.lab.audit.contract import Profile

Floats = npt.NDArray[np.float32]
Logs = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Scores = Callable[[Floats], Logs]
"""Rows (m, F) → log-probabilities (m, K)."""
Fit = Callable[[Floats, Labels, np.random.Generator], Scores]

RESTARTS: Final = {Profile.QUICK: 3, Profile.FULL: 5}
LEAST: Final = 1e-6
"""Probability of what a classifier rules out: a sum of logs over frames must stay finite."""

_COMPONENTS: Final = (32, 64, 128, MOST)
"""The last stands for all features as they are, as long as there are no more than that: what names
somebody may vary little."""
_CLIP: Final = 8.0
"""Standard deviations; a broken frame must not stretch the axes of all others."""


def attackers(
    profile: Profile, rng: np.random.Generator
) -> Iterator[tuple[str, Callable[[Floats, Labels], Scores]]]:
    """Every family × restart that a profile pays for, as (family, fit(X, y))."""
    for name, fit in FAMILIES.items():
        for _ in range(RESTARTS[profile]):
            yield name, _started(fit, int(rng.integers(2**31)))


def tried(profile: Profile) -> int:
    """How many attackers `attackers` yields."""
    return len(FAMILIES) * RESTARTS[profile]


def discriminant(X: Floats, y: Labels, rng: np.random.Generator) -> Scores:
    """Linear discriminants with Ledoit and Wolf's shrinkage (2004)."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    if int((~_nothing(X)).sum()) <= len(np.unique(y)):
        return neighbours(X, y, rng)  # one row each: there is no spread to shrink
    view = _View(X, int(rng.choice(_COMPONENTS)), whiten=False)
    shrinkage = "auto" if rng.random() < 0.5 else float(10 ** rng.uniform(-2, -0.3))
    return _learn(LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage), view, X, y, rng)


def neighbours(X: Floats, y: Labels, rng: np.random.Generator) -> Scores:
    """Nearest neighbours by the cosine, the nearer the heavier."""
    from sklearn.neighbors import KNeighborsClassifier

    view = _View(X, int(rng.choice(_COMPONENTS)), whiten=bool(rng.random() < 0.5))
    count = min(int(rng.choice((1, 3, 7, 15))), int((~_nothing(X)).sum()))
    model = KNeighborsClassifier(count, metric="cosine", weights=_nearness)
    return _learn(model, view, X, y, rng)


def network(X: Floats, y: Labels, rng: np.random.Generator) -> Scores:
    """A network with one hidden layer, stopped after a fixed number of epochs."""
    from sklearn.neural_network import MLPClassifier

    view = _View(X, int(rng.choice(_COMPONENTS)), whiten=bool(rng.random() < 0.5))
    model = MLPClassifier(
        (int(rng.choice((64, 128))),),
        alpha=float(10 ** rng.uniform(-4, 0)),
        learning_rate_init=5e-3,
        batch_size=min(256, int((~_nothing(X)).sum())),
        max_iter=30,
        random_state=int(rng.integers(2**31)),
    )
    return _learn(model, view, X, y, rng)


def forest(X: Floats, y: Labels, rng: np.random.Generator) -> Scores:
    """Extremely randomised trees (Geurts et al. 2006): asks of single numbers, not of sums."""
    from sklearn.ensemble import ExtraTreesClassifier

    view = _View(X, int(rng.choice(_COMPONENTS)), whiten=False)
    model = ExtraTreesClassifier(
        40,
        min_samples_leaf=int(rng.choice((1, 2, 4))),
        random_state=int(rng.integers(2**31)),
    )
    return _learn(model, view, X, y, rng)


FAMILIES: Final[dict[str, Fit]] = {
    "discriminant": discriminant,
    "neighbours": neighbours,
    "network": network,
    "forest": forest,
}


class _View:
    """What a classifier looks at: standardised columns turned onto principal components.

    Args:
        X: rows (n, F) to learn from.
        components: at most so many.
        whiten: whether all components get the same spread.
    """

    def __init__(self, X: Floats, components: int, *, whiten: bool) -> None:
        known = X[~_nothing(X)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a column that is never there
            mean, spread = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
        self._mean = np.nan_to_num(mean)
        self._gain = np.where(np.nan_to_num(spread) > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0)
        self._count, self._whiten = components, whiten
        self._turn = None
        if components < X.shape[1]:
            self._turn = of_rows(self._standard(known))

    def __call__(self, X: Floats) -> Floats:
        """Rows (m, components), without NaN."""
        standard = self._standard(X)
        if self._turn is None:
            return standard
        return self._turn(standard, self._count, whiten=self._whiten)

    def _standard(self, X: Floats) -> Floats:
        scaled = np.nan_to_num((X - self._mean) * np.nan_to_num(self._gain))
        return np.asarray(np.clip(scaled, -_CLIP, _CLIP), np.float32)


def _started(fit: Fit, seed: int) -> Callable[[Floats, Labels], Scores]:
    return lambda X, y: fit(X, y, np.random.default_rng(seed))


def _learn(model: Any, view: _View, X: Floats, y: Labels, rng: np.random.Generator) -> Scores:
    """Let a classifier of scikit-learn learn; classes it never saw get the least probability."""
    from sklearn.exceptions import ConvergenceWarning

    classes = int(y.max()) + 1
    known = ~_nothing(X)
    if len(np.unique(y[known])) < 2:
        return lambda Z: np.full((len(Z), classes), -np.log(classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(view(X[known]), y[known])

    def scores(Z: Floats) -> Logs:
        logs = np.full((len(Z), classes), -np.log(classes))
        seen = ~_nothing(Z)
        if seen.any():
            shares = np.zeros((int(seen.sum()), classes))
            shares[:, model.classes_] = model.predict_proba(view(Z[seen]))
            logs[seen] = np.log(np.maximum(shares, LEAST))
        return logs

    return scores


def _nothing(X: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(~np.isfinite(X).any(axis=1))


def _nearness(distances: Floats) -> Floats:
    return np.asarray(np.exp(-distances / 0.1), np.float32)
