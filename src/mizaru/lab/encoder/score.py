"""How much of the meaning is in z, and whether all tiers speak of the same space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from mizaru.lab.encoder.meaning import QUESTIONS, UNSAID
from mizaru.lab.encoder.network import Heads

Array = npt.NDArray[np.float32]
Integers = npt.NDArray[np.integer]

_DRAWS: Final = 200
_SEED: Final = 20_261_121


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval over bootstrap draws of scenes."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def release(
    mu: Array, width: int, most: float, sigma: float, rng: np.random.Generator,
    owner: Integers | None = None,
) -> Array:  # fmt: skip
    """z = clip_C(μ[:, :D]) + n as `mizaru.edge.darkroom.encode.release` makes it, unquantised.

    Args:
        mu: shape (N, 32).
        width: D.
        most: C.
        sigma: of the noise, half of whose variance is sticky.
        owner: shape (N,): whose sticky part each frame carries; None: everything is fresh.
    """
    z = clipped(mu, width, most)
    if sigma == 0.0:
        return z
    if owner is None:
        return z + rng.normal(0.0, sigma, z.shape).astype(np.float32)
    names, index = np.unique(owner, return_inverse=True)
    half = sigma / np.sqrt(2.0)
    sticky = rng.normal(0.0, half, (len(names), width))[np.ravel(index)]
    return np.asarray(z + sticky + rng.normal(0.0, half, z.shape), np.float32)


def clipped(mu: Array, width: int, most: float) -> Array:
    """clip_C(μ[:, :D]), see `mizaru.lab.encoder.network.clip`."""
    z = mu[:, :width]
    norm = np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
    return np.asarray(z * np.minimum(most / norm, 1.0), np.float32)


def eigenvalues(mu: Array, width: int, most: float) -> tuple[float, ...]:
    """λ of Cov clip_C(μ), the greatest first: what the ledger's calibrated line is made of."""
    z = clipped(mu, width, most).astype(np.float64)
    values = np.linalg.eigvalsh(np.cov(z.T, bias=True))[::-1]
    return tuple(float(round(max(value, 0.0), 8)) for value in values)


def say(heads: Heads, z: Array) -> dict[str, Array]:
    """What the cloud's heads make of z (N, D): probabilities (N, K) for each question."""
    heads.eval()
    with torch.inference_mode():
        logits = heads(torch.from_numpy(np.ascontiguousarray(z)))
        return {name: torch.softmax(said, 1).numpy() for name, said in logits.items()}


def mean_f1(guess: Integers, truth: Integers, classes: int) -> float:
    """Mean over the classes that occur in `truth` of their F1; rows of `UNSAID` do not count."""
    known = truth != UNSAID
    table = np.zeros((classes, classes))
    np.add.at(table, (truth[known].astype(int), guess[known].astype(int)), 1.0)
    occurs = table.sum(axis=1) > 0
    both = table.sum(axis=0) + table.sum(axis=1)
    f1 = 2.0 * np.diag(table) / np.maximum(both, 1e-9)
    return float(f1[occurs].mean()) if occurs.any() else float("nan")


def f1_of(guess: Integers, truth: Integers, scene: Integers, question: str) -> Figure:
    """Mean F1 with its interval; whole scenes are drawn, since frames of one are alike."""
    classes = len(QUESTIONS[question])
    value = mean_f1(guess, truth, classes)
    rng = np.random.default_rng(_SEED)
    names, index = np.unique(scene, return_inverse=True)
    order = np.argsort(np.ravel(index), kind="stable")
    edges = np.searchsorted(np.ravel(index)[order], np.arange(len(names) + 1))
    drawn = []
    for _ in range(_DRAWS):
        some = rng.integers(0, len(names), len(names))
        rows = np.concatenate([order[edges[k] : edges[k + 1]] for k in some])
        drawn.append(mean_f1(guess[rows], truth[rows], classes))
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Figure(value, min(float(low), value), max(float(high), value))


def fused(said: Array, owner: Integers, frames: int) -> Array:
    """Log probabilities (N, K) averaged over the last `frames` rows of the same view, as the
    cloud may do; rows are in time order within a view."""
    logs = np.log(np.maximum(said, 1e-6))
    out = np.zeros_like(logs)
    for name in np.unique(owner):
        rows = np.flatnonzero(owner == name)
        sums = np.cumsum(np.concatenate([np.zeros((1, logs.shape[1])), logs[rows]]), axis=0)
        first = np.maximum(np.arange(len(rows)) + 1 - frames, 0)
        last = np.arange(len(rows)) + 1
        out[rows] = (sums[last] - sums[first]) / (last - first)[:, None]
    return out


def cosine(a: Array, b: Array) -> float:
    """Mean cosine between rows."""
    product = (a * b).sum(axis=1)
    return float((product / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-9)).mean())
