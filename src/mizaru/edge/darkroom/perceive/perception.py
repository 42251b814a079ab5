"""What perception says about one frame. Darkroom only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.frame import Frame
from mizaru.vocabulary import HeadOrientation, Topology


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One tracked person in one frame.

    Attributes:
        subject_id: ephemeral id of the track.
        box_xyxy: float (x0, y0, x1, y1), pixels, around the whole body; may leave the image.
        topology: of the keypoints.
        keypoints: shape (K, 3) float32: x, y in pixels (may leave the image), ρ in [0, 1].
        world: shape (K, 3) float32, metres, hip centre at the origin, x right, y down,
            z away from the camera; None where the model gives none.
        head: head orientation or None.
        score: confidence that this is a person, [0, 1].
        lost_frames: frames since the person was last really seen; 0 means seen in this one.
    """

    subject_id: int
    box_xyxy: tuple[float, float, float, float]
    topology: Topology
    keypoints: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32] | None
    head: HeadOrientation | None
    score: float
    lost_frames: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Perception:
    """All that perception found in a frame.

    Attributes:
        persons: confirmed subjects in occlusion order π_t, the farthest first.
        mask: joint mask m_t, shape (ceil(H/2), ceil(W/2)) bool, True where a person, a
            candidate below confirmation, or a recently lost track may be. Generous on purpose:
            it guards the plate.
        hints_xyxy: boxes, pixels, of weak evidence for a person (pose, face or selfie hit
            below threshold): the plate must not absorb anything there.
    """

    persons: tuple[Person, ...]
    mask: npt.NDArray[np.bool_]
    hints_xyxy: tuple[tuple[float, float, float, float], ...] = ()


class Perceiver(Protocol):
    """Frames in time order in, perceptions out. Raises `PerceptionTimeoutError`."""

    def perceive(self, frame: Frame) -> Perception:
        """Find and follow people in the next frame of a stream."""
        ...
