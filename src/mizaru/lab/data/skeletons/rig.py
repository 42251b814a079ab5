"""From a source's joints to `COCO17`: which joint is which, and where the face must be.

No source here has eyes or ears. They are placed on the head by mean measures of an adult's
head, upright along the neck, and facing where the shoulders face: so a head that turns on the
neck is not seen to turn, except in DeepMimic, which records it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.vocabulary import COCO17

Array = npt.NDArray[np.float64]

_FACE: Final = {
    # metres from the head's middle: (right, forward, up)
    "nose": (0.0, 0.115, -0.02),
    "left_eye": (-0.033, 0.09, 0.015),
    "right_eye": (0.033, 0.09, 0.015),
    "left_ear": (-0.075, 0.0, 0.0),
    "right_ear": (0.075, 0.0, 0.0),
}
LIMBS: Final = COCO17.keypoints[5:]
"""The keypoints below the head: shoulders, elbows, wrists, hips, knees, ankles."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Where a source keeps what `COCO17` names.

    Attributes:
        limbs: a joint's name for each of `LIMBS`, in their order.
        neck, head: joints that say which way the head is up.
        beyond: how far the head's middle lies beyond the joint `head`, metres along the neck.
        feet: joints that touch the floor.
        sole: height of these joints above the floor when a foot stands, metres.
    """

    limbs: tuple[str, ...]
    neck: str
    head: str
    beyond: float
    feet: tuple[str, ...]
    sole: float

    def __post_init__(self) -> None:
        if len(self.limbs) != len(LIMBS):
            raise ValueError(f"{len(LIMBS)} limbs are needed, got {len(self.limbs)}")

    @property
    def needed(self) -> frozenset[str]:
        """Joints without which nothing can be mapped."""
        return frozenset((*self.limbs, self.neck, self.head, *self.feet))

    def coco17(self, joints: Mapping[str, Array]) -> npt.NDArray[np.float32]:
        """Joints (each of shape (T, 3), z up, right-handed) as (T, 17, 3), metres."""
        left, right = joints[self.limbs[0]], joints[self.limbs[1]]
        up = unit(joints[self.head] - joints[self.neck])
        middle = joints[self.head] + self.beyond * up
        return assemble(middle, right - left, up, [joints[name] for name in self.limbs])


def assemble(
    middle: Array, right: Array, up: Array, limbs: list[Array]
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Joints in the order of `COCO17`: a face at the head's middle, and the limbs.

    Args:
        middle: shape (T, 3), of the head.
        right, up: shape (T, 3), the head's axes; need not be unit nor at right angles.
        limbs: of shape (T, 3), in the order of `LIMBS`.
    """
    up = unit(up)
    right = unit(right - (right * up).sum(-1, keepdims=True) * up)
    forward = np.cross(up, right)
    face = [
        middle + x * right + y * forward + z * up
        for x, y, z in (_FACE[name] for name in COCO17.keypoints[:5])
    ]
    return np.stack([*face, *limbs], axis=1).astype(np.float32)


def unit(vectors: Array) -> Array:
    """Vectors of length one; NaN where there is no direction."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    out = np.full_like(vectors, np.nan)
    np.divide(vectors, length, out=out, where=length > 1e-9)
    return out


def _limbs(pattern: tuple[str, ...], left: str, right: str) -> tuple[str, ...]:
    return tuple(name.format(side) for name in pattern for side in (left, right))


KINECT20: Final = Rig(
    limbs=_limbs(
        ("Shoulder{}", "Elbow{}", "Wrist{}", "Hip{}", "Knee{}", "Ankle{}"), "Left", "Right"
    ),
    neck="ShoulderCenter",
    head="Head",
    beyond=0.0,
    feet=("FootLeft", "FootRight"),
    sole=0.03,
)
OPENNI15: Final = Rig(
    # OpenNI has hands and feet instead of wrists and ankles; its hand is near the wrist
    limbs=_limbs(
        ("{}_SHOULDER", "{}_ELBOW", "{}_HAND", "{}_HIP", "{}_KNEE", "{}_FOOT"), "LEFT", "RIGHT"
    ),
    neck="NECK",
    head="HEAD",
    beyond=0.0,
    feet=("LEFT_FOOT", "RIGHT_FOOT"),
    sole=0.08,
)
CMU31: Final = Rig(
    # positions are the ends of bones: the femur ends at the knee
    limbs=_limbs(
        ("{}clavicle", "{}humerus", "{}wrist", "{}hipjoint", "{}femur", "{}tibia"), "l", "r"
    ),
    neck="upperneck",
    head="head",
    beyond=0.0,
    feet=("ltoes", "rtoes"),
    sole=0.03,
)
BVH22: Final = Rig(
    # positions are the beginnings of bones: the lower leg begins at the knee
    limbs=_limbs(
        ("UpperArm_{}", "LowerArm_{}", "Hand_{}", "UpperLeg_{}", "LowerLeg_{}", "Foot_{}"),
        "L",
        "R",
    ),
    neck="Neck",
    head="Head",
    beyond=0.09,
    feet=("Toes_L", "Toes_R"),
    sole=0.04,
)
