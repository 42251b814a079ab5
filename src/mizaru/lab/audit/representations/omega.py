"""Ω of proxy mode: everything that leaves about a frame, poses, plate and z together."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.lab.audit.contract import Medium, Visit
from mizaru.lab.audit.representations.embedding import embedded
from mizaru.lab.audit.representations.poses import released

Shown = npt.NDArray[np.float32]

PLATE_WH = (16, 9)
"""The plate as attackers get it here; the room tells rooms apart, not people."""


@dataclass(frozen=True, slots=True)
class Omega:
    """Poses, plate and z."""

    name: str = "omega"
    words: str = "all that leaves in proxy mode: poses on one body, the room without people, and z"
    medium: Medium = Medium.POSES
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        """Shape (T, 18 + rows, 3): poses as in `released`, then z, then the plate's colours.

        Rows of z and of the plate are missing where a set has no plate.
        """
        poses = released(visit.poses, visit.resolution_wh)
        if visit.plate is None or not any(visit.poses):
            return poses
        z = embedded(visit, rng)
        z = np.pad(z, ((0, 0), (0, -z.shape[1] % 3)), constant_values=np.nan)
        small = cv2.resize(visit.plate, PLATE_WH, interpolation=cv2.INTER_AREA).reshape(-1, 3)
        plate = np.broadcast_to(
            small.astype(np.float32) / np.float32(255), (len(poses), *small.shape)
        )
        return np.concatenate([poses, z.reshape(len(poses), -1, 3), plate], axis=1)
