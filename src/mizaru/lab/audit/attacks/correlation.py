"""Is a pattern that people wore in something that left? Correlations, of pictures and of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

Floats = npt.NDArray[np.float32]

RUN: Final = 96
"""Bytes (32 pixels) of a row of a person that are looked for."""
PICTURE_LIMIT: Final = 0.35
BYTE_LIMIT: Final = 0.85
"""Above these a correlation is a hit: no pattern that was not worn comes near."""

_MAX_EDGE: Final = 0.3
_LEAST_PIXELS: Final = 200
_SIGMA: Final = 4.0
_TRIES: Final = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Worn:
    """One frame with people in the pattern.

    Attributes:
        pixels: shape (H, W, 3) uint8 RGB.
        mask: shape (H, W) bool, where people are.
    """

    pixels: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.bool_]


def in_picture(picture: npt.NDArray[np.uint8], worn: Sequence[Worn]) -> float:
    """Highest correlation of an RGB picture with what people looked like, where they were.

    High-passed: the pattern is what is looked for, not that light falls from above.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = (grey.shape[1], grey.shape[0])
    fine = grey - cv2.GaussianBlur(grey, (0, 0), _SIGMA)
    highest = 0.0
    for frame in worn:
        mask = cv2.resize(frame.mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
        if mask.sum() < _LEAST_PIXELS:
            continue
        other = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY)
        other = cv2.resize(other, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        other = other - cv2.GaussianBlur(other, (0, 0), _SIGMA)
        a, b = fine[mask] - fine[mask].mean(), other[mask] - other[mask].mean()
        norm = float(np.linalg.norm(a) * np.linalg.norm(b))
        highest = max(highest, abs(float(a @ b)) / norm if norm > 1e-3 else 0.0)
    return highest


def in_bytes(blob: bytes, rows: Sequence[Floats]) -> float:
    """Highest normalised correlation of any stretch of bytes with any row of a person."""
    if len(blob) < RUN + 3:
        return 0.0
    # Differences of pixels a pixel apart: edges of the pattern count, not light and shade.
    data = np.frombuffer(blob, np.uint8).astype(np.float32)
    data = data[3:] - data[:-3]
    ones = np.ones(RUN, np.float32)
    mean = fftconvolve(data, ones, "valid") / RUN
    energy = fftconvolve(data**2, ones, "valid") - RUN * mean**2
    spread = np.sqrt(np.clip(energy, RUN * 4.0, None))
    highest = 0.0
    for row in rows:
        highest = max(highest, float(np.abs(fftconvolve(data, row[::-1], "valid") / spread).max()))
    return highest


def rows_of(worn: Sequence[Worn], rng: np.random.Generator, count: int = 24) -> list[Floats]:
    """Rows of raw bytes (RGB as in memory) of people, zero mean, unit length.

    Only rows with many edges, none of which is most of it: one edge alone is found in any text.
    """
    rows: list[Floats] = []
    for _ in range(_TRIES):
        if len(rows) == count:
            break
        frame = worn[int(rng.integers(len(worn)))]
        ys, xs = np.nonzero(frame.mask)
        if not len(ys):
            continue
        pick = rng.integers(len(ys))
        row = frame.pixels[ys[pick]].reshape(-1)
        start = min(int(xs[pick]) * 3, row.size - RUN - 3)
        if start < 0:
            continue
        values = row[start : start + RUN + 3].astype(np.float32)
        values = values[3:] - values[:-3]
        values -= values.mean()
        values /= max(float(np.linalg.norm(values)), 200.0)
        if np.linalg.norm(values) > 0.99 and np.abs(values).max() < _MAX_EDGE:
            rows.append(values)
    return rows
