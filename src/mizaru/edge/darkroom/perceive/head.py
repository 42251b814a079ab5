"""Head orientation h_t^i from the landmarks of the face.

Roll is the tilt of the head's long axis as it is seen in the image; yaw and pitch say where
the face looks once that tilt is undone: R = R_z(roll) · R_y(yaw) · R_x(pitch) takes the gaze
of a head that looks into the camera to ours (axes of the camera: x right, y down, z away).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mizaru.edge.darkroom.perceive.region import Array
from mizaru.vocabulary import BLAZEPOSE33, HeadOrientation

_NOSE: Final = BLAZEPOSE33.index("nose")
_LEFT_EAR, _RIGHT_EAR = BLAZEPOSE33.index("left_ear"), BLAZEPOSE33.index("right_ear")
_LEFT_EYE, _RIGHT_EYE = (
    BLAZEPOSE33.index("left_eye_outer"),
    BLAZEPOSE33.index("right_eye_outer"),
)
_MOUTH: Final = (BLAZEPOSE33.index("mouth_left"), BLAZEPOSE33.index("mouth_right"))
_FACE: Final = (_NOSE, _LEFT_EAR, _RIGHT_EAR, _LEFT_EYE, _RIGHT_EYE, *_MOUTH)
_MIN_VISIBILITY: Final = 0.3
_MIN_AXIS: Final = 0.2  # length of the long axis in the image, of 1


def head_orientation(world: Array, visibility: Array) -> HeadOrientation | None:
    """Orientation of the head, or None if the face landmarks are not to be trusted.

    Args:
        world: shape (33, 3), metres, camera axes.
        visibility: shape (33,), [0, 1].
    """
    if float(np.median(visibility[list(_FACE)])) < _MIN_VISIBILITY:
        return None
    points = world.astype(np.float64)
    left = _unit(points[_LEFT_EAR] - points[_RIGHT_EAR] + (points[_LEFT_EYE] - points[_RIGHT_EYE]))
    # The eye-mouth line is upright in a face that looks straight ahead; the nose is not at
    # the height of the ear canals, so the ear-nose line would need a personal offset.
    eyes = (points[_LEFT_EYE] + points[_RIGHT_EYE]) / 2
    upward = eyes - points[list(_MOUTH)].mean(axis=0)
    ears = (points[_LEFT_EAR] + points[_RIGHT_EAR]) / 2
    ahead = (eyes + points[list(_MOUTH)].mean(axis=0)) / 2 - ears
    if left is None:
        return None
    up = _unit(upward - (upward @ left) * left)
    forward = _unit(ahead - (ahead @ left) * left)
    if up is None or forward is None:
        return None
    # Two estimates of where the face looks, 90° apart in principle: share the difference.
    face = _unit(forward + np.cross(left, up))
    return None if face is None else angles(face, up)


def angles(face: Array, up: Array) -> HeadOrientation:
    """Yaw, pitch, roll of a head.

    Args:
        face: unit vector, shape (3,), where the face looks.
        up: unit vector, shape (3,), from the neck to the crown.
    """
    # Seen from above or below, the long axis has no direction in the image: no tilt then.
    roll = math.atan2(up[0], -up[1]) if math.hypot(up[0], up[1]) > _MIN_AXIS else 0.0
    x = math.cos(roll) * face[0] + math.sin(roll) * face[1]
    y = math.cos(roll) * face[1] - math.sin(roll) * face[0]
    yaw = math.atan2(x, -face[2])
    pitch = math.asin(max(-1.0, min(1.0, -float(y))))
    return HeadOrientation(math.degrees(yaw), math.degrees(pitch), math.degrees(roll))


def _unit(vector: Array) -> Array | None:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-6 else None
