"""From logits to probabilities that mean what they say, fitted on people who taught nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_STEPS: Final = 60
_HALVINGS: Final = 25
"""Each narrows the search to 0.62 of what it was."""


@dataclass(frozen=True, slots=True)
class Platt:
    """p = σ(scale · logit + shift); scale > 0, so that the order of logits stays."""

    scale: float = 1.0
    shift: float = 0.0

    def __call__(self, logits: npt.NDArray[np.floating]) -> Vector:
        return sigmoid(self.scale * logits.astype(np.float64) + self.shift)

    def logit(self, probability: float) -> float:
        """The logit that gives a probability in (0, 1)."""
        return float((np.log(probability / (1.0 - probability)) - self.shift) / self.scale)


def sigmoid(x: npt.NDArray[np.floating]) -> Vector:
    """1 / (1 + e⁻ˣ), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), np.float64)


def softmax(x: npt.NDArray[np.floating]) -> Vector:
    """Over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float64)


def fit_platt(
    logits: npt.NDArray[np.floating], truth: npt.NDArray[np.integer], weight: Vector | None = None
) -> Platt:
    """Most likely scale and shift; targets of neither 0 nor 1 are left out.

    A little of both answers is added (Platt's own prior), so that a perfect split stays finite.

    Args:
        weight: how much each window counts.
    """
    said = (truth == 0) | (truth == 1)
    z, y = logits[said].astype(np.float64), truth[said].astype(np.float64)
    w = np.ones(len(z)) if weight is None else weight[said]
    yes, no = float((w * y).sum()), float((w * (1 - y)).sum())
    if yes == 0 or no == 0:
        return Platt()
    y = np.where(y > 0, (yes + 1) / (yes + 2), 1 / (no + 2))
    a, b = 1.0, 0.0
    for _ in range(_STEPS):
        p = sigmoid(a * z + b)
        slope = w * p * (1 - p)
        gradient = np.array([(w * (p - y) * z).sum(), (w * (p - y)).sum()])
        mixed = (slope * z).sum()
        hessian = np.array([[(slope * z * z).sum(), mixed], [mixed, slope.sum()]])
        step = np.linalg.solve(hessian + 1e-6 * np.eye(2) * (1 + np.trace(hessian)), gradient)
        a, b = a - float(np.clip(step[0], -1, 1)), b - float(np.clip(step[1], -2, 2))
        a = max(a, 0.05)
        if np.abs(step).max() < 1e-7:
            break
    return Platt(a, b)


def fit_temperature(logits: npt.NDArray[np.floating], truth: npt.NDArray[np.integer]) -> float:
    """Divides action logits so that hold-out truth is likeliest; targets < 0 are left out."""
    said = truth >= 0
    z, y = logits[said].astype(np.float64), truth[said]
    if not len(z):
        return 1.0

    def loss(log_t: float) -> float:
        scaled = z / np.exp(log_t)
        top = scaled.max(axis=1)
        mass = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
        return float((mass - scaled[np.arange(len(y)), y]).mean())

    low, high = np.log(0.2), np.log(10.0)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(_HALVINGS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def expected_error(probability: Vector, truth: npt.NDArray[np.integer], bins: int = 10) -> float:
    """Expected calibration error: |said - true| per tenth of what was said, weighted; [0, 1]."""
    said = (truth == 0) | (truth == 1)
    p, y = probability[said], truth[said]
    if not len(p):
        return 0.0
    place = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [
        abs(float(p[place == k].mean() - y[place == k].mean())) * float((place == k).mean())
        for k in range(bins)
        if (place == k).any()
    ]
    return float(sum(gaps))
