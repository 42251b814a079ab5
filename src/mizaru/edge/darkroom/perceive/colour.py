"""The colours somebody wears, as a small histogram: the cue that costs nothing. Darkroom only."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.region import Array

_HUES: Final = 12
_SATURATIONS: Final = 4
_GREYS: Final = 8
_GREY_BELOW: Final = 40  # saturation, of 255, below which a hue is noise
BINS: Final = _HUES * _SATURATIONS + _GREYS


def histogram(pixels: npt.NDArray[np.uint8], weight: npt.NDArray[np.bool_] | None = None) -> Array:
    """Histogram of an RGB image.

    Args:
        pixels: shape (H, W, 3) uint8.
        weight: shape (H, W), which pixels count; None for all.

    Returns:
        Shape (`BINS`,) float32 that sums to 1 (uniform if no pixel counts).
    """
    hue, saturation, value = np.moveaxis(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV), 2, 0)
    colourful = (hue.astype(np.int32) * _HUES // 180) * _SATURATIONS + (
        np.maximum(saturation.astype(np.int32) - _GREY_BELOW, 0)
        * _SATURATIONS
        // (256 - _GREY_BELOW)
    )
    grey = _HUES * _SATURATIONS + value.astype(np.int32) * _GREYS // 256
    bins = np.where(saturation < _GREY_BELOW, grey, colourful)
    counts = np.bincount((bins if weight is None else bins[weight]).ravel(), minlength=BINS)
    total = counts.sum()
    if not total:
        return np.full(BINS, 1 / BINS, np.float32)
    return np.asarray(counts / total, np.float32)


def distance(a: Array, b: Array) -> float:
    """Bhattacharyya (Hellinger) distance of two histograms, [0, 1]."""
    return float(np.sqrt(max(0.0, 1.0 - float(np.sqrt(a * b).sum()))))
