"""Pictures: as they are, and as people usually hide others in them.

These are the baselines of the audit. What they are put on is the person's true box, so that no
detector's miss flatters or harms them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.contract import CROP_HW, Medium, Visit

Shown = npt.NDArray[np.float32]

SIGMA: Final = CROP_HW[0] / 20
"""Of the blur, pixels of the crop: 5 % of the person's height, about half a head."""
BLOCK: Final = CROP_HW[0] // 8
"""Side of a pixelation block, pixels of the crop: eight blocks from head to foot."""


@dataclass(frozen=True, slots=True)
class Raw:
    """The picture itself: the anchor on which attacks on pictures must succeed."""

    name: str = "raw"
    words: str = "the camera's picture of the person, unprotected"
    medium: Medium = Medium.PIXELS
    control: bool = True

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, *CROP_HW, 3)."""
        return _crops(visit).astype(np.float32) / np.float32(255)


@dataclass(frozen=True, slots=True)
class Blur:
    """Gaussian blur of the whole box, σ = `SIGMA`."""

    name: str = "blur"
    words: str = f"Gaussian blur, σ = {SIGMA:g} px on a person {CROP_HW[0]} px tall"
    medium: Medium = Medium.PIXELS
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, *CROP_HW, 3)."""
        blurred = [cv2.GaussianBlur(crop, (0, 0), SIGMA) for crop in _crops(visit)]
        return np.stack(blurred).astype(np.float32) / np.float32(255)


@dataclass(frozen=True, slots=True)
class Pixelation:
    """Mosaic of the whole box, blocks of `BLOCK` × `BLOCK`; one pixel a block is shown."""

    name: str = "pixelation"
    words: str = f"mosaic of {CROP_HW[1] // BLOCK} × {CROP_HW[0] // BLOCK} blocks on the person"
    medium: Medium = Medium.PIXELS
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, CROP_HW[0] / BLOCK, CROP_HW[1] / BLOCK, 3)."""
        size = (CROP_HW[1] // BLOCK, CROP_HW[0] // BLOCK)
        small = [cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in _crops(visit)]
        return np.stack(small).astype(np.float32) / np.float32(255)


@dataclass(frozen=True, slots=True)
class Silhouette:
    """The outline, white on black."""

    name: str = "silhouette"
    words: str = "the person's outline, filled"
    medium: Medium = Medium.PIXELS
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, *CROP_HW, 3)."""
        if visit.masks is None:
            raise DataError(f"{visit.dataset}/{visit.person}: has no masks for silhouettes")
        return np.repeat(visit.masks[..., None].astype(np.float32), 3, axis=3)


def _crops(visit: Visit) -> npt.NDArray[np.uint8]:
    if visit.crops is None:
        raise DataError(f"{visit.dataset}/{visit.person}: has no pictures")
    return visit.crops
