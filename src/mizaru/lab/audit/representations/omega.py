"""Ω of proxy mode: everything that leaves about a frame, poses and plate together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.lab.audit.contract import Medium, Visit
from mizaru.lab.audit.representations.poses import released

Shown = npt.NDArray[np.float32]

PLATE_WH = (16, 9)
"""The plate as attackers get it here; the room tells rooms apart, not people."""


@dataclass(frozen=True, slots=True)
class Omega:
    """Poses, plate, and z where this release has an encoder."""

    name: str = "omega"
    words: str = "all that leaves in proxy mode: poses on one body and the room without people"
    medium: Medium = Medium.POSES
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, 18 + rows, 3): poses as in `released`, then the plate's colours row by row."""
        poses = released(visit.poses, visit.resolution_wh)
        if visit.plate is None:
            return poses
        small = cv2.resize(visit.plate, PLATE_WH, interpolation=cv2.INTER_AREA).reshape(-1, 3)
        plate = np.broadcast_to(
            small.astype(np.float32) / np.float32(255), (len(poses), *small.shape)
        )
        return np.concatenate([poses, plate], axis=1)
