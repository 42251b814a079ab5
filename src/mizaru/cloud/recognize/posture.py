"""Which everyday posture one pose shows, told from lean, legs and height."""

from __future__ import annotations

from mizaru.cloud.recognize.body import SHANK, THIGH, TORSO, Body
from mizaru.cloud.recognize.thresholds import Thresholds
from mizaru.vocabulary import Behavior


def posture(body: Body, size: float, limits: Thresholds) -> Behavior:
    """STAND, SIT, SQUAT, BEND, LIE, or UNKNOWN where too little is seen.

    Args:
        body: one pose.
        size: body height at its place, image heights, > 0.
        limits: thresholds.
    """
    if body.tilt is None:
        return Behavior.UNKNOWN
    legs = None if body.legs is None else body.legs / size
    if body.tilt > limits.tilt_lie:
        if legs is not None and legs > limits.legs_kneeling:
            return Behavior.BEND if legs > limits.legs_standing else Behavior.SQUAT
        return _lie_if_clear(body, limits)
    height = (body.bottom - body.top) / size
    squats = body.legs is not None and body.legs < body.torso
    if (
        height < limits.height_collapsed
        and body.torso / size < limits.torso_foreshortened
        and not squats
    ):
        # Lying along the line of sight: upright in the picture, but much too short.
        return _lie_if_clear(body, limits)
    if body.thighs is None:
        return Behavior.UNKNOWN
    # Where the feet are out of sight, the thighs alone tell standing from sitting.
    if (legs is None or legs > limits.legs_standing) and body.thighs / size >= limits.thigh_sit:
        return Behavior.BEND if body.tilt > limits.tilt_bend else Behavior.STAND
    if legs is None:
        return Behavior.SIT
    return Behavior.SQUAT if height < limits.height_squat else Behavior.SIT


def _lie_if_clear(body: Body, limits: Thresholds) -> Behavior:
    """Half a person at the side of the picture, or one that is guessed, looks like lying."""
    clear = body.quality >= limits.lie_quality and body.margin >= limits.lie_margin
    return Behavior.LIE if clear else Behavior.UNKNOWN


def stands_by_shape(body: Body, limits: Thresholds) -> bool:
    """Whether a body has the proportions of somebody who stands, whatever its size."""
    return (
        body.tilt is not None
        and body.tilt < limits.shape_tilt
        and body.legs is not None
        and body.torso > limits.shape_share * TORSO * body.size
        and body.legs > limits.shape_share * (THIGH + SHANK) * body.size
    )
