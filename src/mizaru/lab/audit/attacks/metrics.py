"""Ways to learn, from some people, what tells people apart: then used on people never seen.

Each takes windows X (n, F) with persons y (n,) and gives a function from windows to points, near
each other where the person is the same (by the cosine). All look at the rows the same way first:
standardised columns on principal components, how many is drawn anew for each restart.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.audit.components import components

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Embed = Callable[[Floats], Floats]
Learn = Callable[[Floats, Labels, np.random.Generator], Embed]

_COMPONENTS: Final = (16, 32, 64, 128)


def standard(X: Floats, like: Floats) -> Floats:
    """Columns of X with the mean and spread of `like`'s; NaN counts as the mean."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns that were never seen
        mean, spread = np.nanmean(like, axis=0), np.nanstd(like, axis=0)
    gain = np.where(np.nan_to_num(spread) > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0)
    return np.asarray(np.clip(np.nan_to_num((X - mean) * gain), -6.0, 6.0), np.float32)


def compact(rows: Sequence[Floats], most: int = 96) -> Floats:
    """Summaries of windows (n, ...) as points (n, ≤ most): standardised, on principal components.

    Short windows have no rhythm: such columns are not known there. Who attacks may look at all
    windows, as long as nobody tells what they show.
    """
    X = np.full((len(rows), max(map(len, rows))), np.nan, np.float32)
    for k, row in enumerate(rows):
        X[k, : len(row)] = row
    X = standard(X, X)
    return components(X)(X, most)


def plain(X: Floats, y: Labels, rng: np.random.Generator) -> Embed:
    """Nothing learned of persons: principal components, whitened or not."""
    return _components(X, rng, whiten=bool(rng.random() < 0.5))


def within(X: Floats, y: Labels, rng: np.random.Generator) -> Embed:
    """Relevant component analysis (Bar-Hillel et al. 2003): whiten what varies within persons."""
    look = _components(X, rng, whiten=False)
    points = look(X).astype(np.float64)
    inner = points - _means(points, y)[y]
    turn = _inverse_root(inner.T @ inner / len(X), shrink=float(10 ** rng.uniform(-3, -0.5)))
    return lambda Z: np.asarray(look(Z) @ turn, np.float32)


def discriminants(X: Floats, y: Labels, rng: np.random.Generator) -> Embed:
    """Fisher's discriminants: directions in which persons lie apart, within-person spread 1."""
    look = _components(X, rng, whiten=False)
    points = look(X).astype(np.float64)
    means = _means(points, y)
    inner = points - means[y]
    white = _inverse_root(inner.T @ inner / len(X), shrink=float(10 ** rng.uniform(-3, -0.5)))
    _, vectors = np.linalg.eigh(np.cov((means @ white).T))
    kept = vectors[:, ::-1][:, : max(2, min(len(means) - 1, vectors.shape[1]))]
    turn = white @ kept
    return lambda Z: np.asarray(look(Z) @ turn, np.float32)


def network(X: Floats, y: Labels, rng: np.random.Generator) -> Embed:
    """A network that learns to name the persons; its hidden layer knows more than their names."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    look = _components(X, rng, whiten=bool(rng.random() < 0.5))
    model = MLPClassifier(
        (64,),
        alpha=float(10 ** rng.uniform(-3, 0)),
        learning_rate_init=3e-3,
        batch_size=min(128, len(X)),
        max_iter=30,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(look(X), y)
    weights, offset = model.coefs_[0], model.intercepts_[0]
    return lambda Z: np.asarray(np.maximum(look(Z) @ weights + offset, 0.0), np.float32)


METRICS: Final[dict[str, Learn]] = {
    "plain": plain,
    "within": within,
    "discriminants": discriminants,
    "network": network,
}


def likeness(a: Floats, b: Floats) -> Floats:
    """Cosines between points (n, D) and (m, D), shape (n, m)."""
    return np.asarray(_unit(a) @ _unit(b).T, np.float32)


def _components(X: Floats, rng: np.random.Generator, *, whiten: bool) -> Embed:
    count, turn = int(rng.choice(_COMPONENTS)), components(X)
    return lambda Z: turn(Z, count, whiten=whiten)


def _means(points: npt.NDArray[np.float64], y: Labels) -> npt.NDArray[np.float64]:
    sums = np.zeros((int(y.max()) + 1, points.shape[1]))
    np.add.at(sums, y, points)
    return np.asarray(sums / np.maximum(np.bincount(y), 1)[:, None])


def _inverse_root(covariance: npt.NDArray[np.float64], shrink: float) -> npt.NDArray[np.float64]:
    size = len(covariance)
    level = np.trace(covariance) / size
    values, vectors = np.linalg.eigh((1 - shrink) * covariance + shrink * level * np.eye(size))
    return np.asarray(vectors / np.sqrt(np.maximum(values, 1e-9)))


def _unit(points: Floats) -> Floats:
    return np.asarray(
        points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9), np.float32
    )
