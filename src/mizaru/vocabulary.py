"""What may be said outside the darkroom: the words and small types of the whole project.

Symbols follow the papers (see ``docs/architecture``). Image coordinates are normalised:
``u`` in [0, 1] grows to the right (fraction of the width), ``v`` in [0, 1] grows downwards
(fraction of the height). Nothing in this module can hold a picture.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt


class Behavior(enum.StrEnum):
    """One word for what a subject, or a scene, does."""

    WALK = "walk"
    STAND = "stand"
    SIT_DOWN = "sit_down"
    SIT = "sit"
    STAND_UP = "stand_up"
    LIE_DOWN = "lie_down"
    LIE = "lie"
    BEND = "bend"
    SQUAT = "squat"
    WASH_HANDS = "wash_hands"
    DRINK = "drink"
    PHONE = "phone"
    FALL = "fall"
    LONG_LIE = "long_lie"
    SMOKE = "smoke"
    STRIKE = "strike"
    PUSH = "push"
    BULLY = "bully"
    INTRUDE = "intrude"
    LOITER = "loiter"
    CROWD = "crowd"
    WAVE_FOR_HELP = "wave_for_help"
    UNKNOWN = "unknown"

    @property
    def is_risk(self) -> bool:
        """True for behaviours that may open an incident."""
        return self in RISK


RISK: Final = frozenset(
    {
        Behavior.FALL,
        Behavior.LONG_LIE,
        Behavior.SMOKE,
        Behavior.STRIKE,
        Behavior.PUSH,
        Behavior.BULLY,
        Behavior.INTRUDE,
        Behavior.LOITER,
        Behavior.CROWD,
        Behavior.WAVE_FOR_HELP,
    }
)


class Severity(enum.StrEnum):
    """How soon a person should look."""

    NOTICE = "notice"
    WARNING = "warning"
    ALARM = "alarm"


class CameraState(enum.StrEnum):
    """What a camera's pipeline is doing; the only words about health that cross the wall."""

    STARTING = "starting"
    STREAMING = "streaming"
    BLIND = "blind"
    RESTARTING = "restarting"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Topology:
    """A named set of keypoints.

    Attributes:
        name: the name on the wire, e.g. ``"coco17"``.
        keypoints: K names, in the order of the arrays.
        bones: pairs of indices (parent, child).
    """

    name: str
    keypoints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]

    def index(self, keypoint: str) -> int:
        """Row of a keypoint in arrays of shape (K, 3); raises ``ValueError`` if unknown."""
        return self.keypoints.index(keypoint)


COCO17: Final = Topology(
    "coco17",
    (
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
        "left_wrist", "right_wrist", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    (
        (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12),
        (11, 13), (13, 15), (12, 14), (14, 16), (0, 1), (0, 2), (1, 3), (2, 4),
    ),
)  # fmt: skip

BLAZEPOSE33: Final = Topology(
    "blazepose33",
    (
        "nose", "left_eye_inner", "left_eye", "left_eye_outer",
        "right_eye_inner", "right_eye", "right_eye_outer", "left_ear", "right_ear",
        "mouth_left", "mouth_right", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_pinky", "right_pinky", "left_index", "right_index",
        "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee",
        "left_ankle", "right_ankle", "left_heel", "right_heel",
        "left_foot_index", "right_foot_index",
    ),
    (
        (11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24),
        (23, 25), (25, 27), (24, 26), (26, 28), (27, 29), (29, 31), (28, 30), (30, 32),
        (15, 17), (15, 19), (15, 21), (16, 18), (16, 20), (16, 22),
        (0, 2), (0, 5), (2, 7), (5, 8), (9, 10),
    ),
)  # fmt: skip

TOPOLOGIES: Final = {t.name: t for t in (COCO17, BLAZEPOSE33)}

COCO17_FROM_BLAZEPOSE33: Final = tuple(BLAZEPOSE33.index(name) for name in COCO17.keypoints)
"""Row of each COCO keypoint in a BlazePose array."""


@dataclass(frozen=True, slots=True)
class SyncKey:
    """κ_t = ⟨camera_id, frame_id, t⟩.

    Attributes:
        camera_id: the operator's name of the camera.
        frame_id: number of the frame since the stream began, ≥ 0.
        t_ms: the camera's clock, milliseconds since 1970-01-01T00:00:00Z, on the time grid.
    """

    camera_id: str
    frame_id: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class HeadOrientation:
    """h_t^i, degrees. At (0, 0, 0) the face looks straight into the camera.

    Attributes:
        yaw: [-180, 180], positive when the face turns to the image's right.
        pitch: [-90, 90], positive when the face looks up.
        roll: [-180, 180], positive when the head tilts clockwise in the image.
    """

    yaw: float
    pitch: float
    roll: float

    def __post_init__(self) -> None:
        for name, bound in (("yaw", 180.0), ("pitch", 90.0), ("roll", 180.0)):
            value = getattr(self, name)
            if not (math.isfinite(value) and -bound <= value <= bound):
                raise ValueError(f"{name} must lie in [-{bound:g}, {bound:g}] degrees, got {value}")


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """P_t^i of one subject: what is left of a person once outside the darkroom.

    Attributes:
        subject_id: ephemeral: random, new for each visit, never the same across cameras,
            days or restarts. 1 … 2³²-1.
        keypoints: shape (17, 3) float32, rows in the order of `COCO17`, columns
            (u, v, ρ): normalised image coordinates (may leave [0, 1] a little: see
            `mizaru.wire.messages`) and confidence ρ in [0, 1]; ρ = 0 means not seen.
        head: head orientation h_t^i, or None where it is not known.
    """

    subject_id: int
    keypoints: npt.NDArray[np.float32]
    head: HeadOrientation | None = None

    def __post_init__(self) -> None:
        shape = (len(COCO17.keypoints), 3)
        if self.keypoints.shape != shape:
            raise ValueError(f"keypoints must have shape {shape}, got {self.keypoints.shape}")
        if not np.isfinite(self.keypoints).all():
            raise ValueError("keypoints must be finite")
