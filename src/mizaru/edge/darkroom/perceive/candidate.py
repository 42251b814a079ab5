"""What a pose model says about one frame, whichever model it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.region import Array, Box, Region
from mizaru.vocabulary import Topology


@dataclass(frozen=True, slots=True, eq=False)
class RegionMask:
    """A soft mask of one body in the pixels of its region.

    Attributes:
        logits: shape (S, S) float32.
        region: where it lies.
    """

    logits: Array
    region: Region


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One skeleton in one frame, not yet anybody.

    Attributes:
        score: confidence that this is a person, [0, 1].
        box_xyxy: pixels, around the whole body.
        topology: of the keypoints.
        keypoints: shape (K, 3) float32: x, y in pixels, ρ in [0, 1].
        world: shape (K, 3) float32, metres, or None.
        region: where the body is, and where to look for it in the next frame.
        colours: shape (B,) float32 histogram that sums to 1; darkroom only.
        mask: of the body, or None where the model gives none.
        prior: key of the track whose region was looked at, or None if newly detected.
        detection: score of the detector if it started this skeleton, else 0.
        stir: share of its box in which the picture has just changed, [0, 1].
    """

    score: float
    box_xyxy: Box
    topology: Topology
    keypoints: Array
    world: Array | None
    region: Region
    colours: Array
    mask: RegionMask | None = None
    prior: int | None = None
    detection: float = 0.0
    stir: float = 0.0


@dataclass(frozen=True, slots=True)
class Prior:
    """Where a track expects its person in this frame.

    Attributes:
        key: of the track.
        region: expected place.
        lost_frames: since it was last seen; 0 means in the frame before.
    """

    key: int
    region: Region
    lost_frames: int


@dataclass(frozen=True, slots=True)
class Found:
    """Everything a pose model found in a frame.

    Attributes:
        candidates: skeletons.
        suspects_xyxy: boxes, pixels, where a body was detected but no skeleton was accepted.
        hints_xyxy: boxes, pixels, of weaker evidence.
    """

    candidates: tuple[Candidate, ...]
    suspects_xyxy: tuple[Box, ...] = ()
    hints_xyxy: tuple[Box, ...] = ()


class Finder(Protocol):
    """A pose model for several people. Images in time order."""

    def find(
        self,
        image: npt.NDArray[np.uint8],
        priors: tuple[Prior, ...],
        check: Callable[[], None],
    ) -> Found:
        """Skeletons of an RGB image, shape (H, W, 3) uint8.

        `check` is called before every inference and raises when the frame took too long.
        """
        ...
