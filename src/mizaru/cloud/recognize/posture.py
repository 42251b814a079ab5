"""Which everyday posture one pose shows, told from lean, legs and height."""

from __future__ import annotations

from mizaru.cloud.recognize.body import Body
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
        return Behavior.BEND if legs is not None and legs > limits.legs_standing else Behavior.LIE
    height = (body.bottom - body.top) / size
    thighs = None if body.thighs is None else body.thighs / size
    squats = legs is not None and thighs is not None and legs - thighs > limits.shank_standing
    if (
        height < limits.height_collapsed
        and body.torso / size < limits.torso_foreshortened
        and not squats
    ):
        # Lying along the line of sight: upright in the picture, but much too short.
        return Behavior.LIE
    if legs is None or thighs is None:
        return Behavior.UNKNOWN
    if legs > limits.legs_standing and thighs >= limits.thigh_sit:
        return Behavior.BEND if body.tilt > limits.tilt_bend else Behavior.STAND
    return Behavior.SQUAT if height < limits.height_squat else Behavior.SIT
