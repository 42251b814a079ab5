"""Which way is up, and where the floor is, in what a depth camera recorded.

A Kinect gives joints in its own axes and hangs at a slant nobody wrote down. Two things tell
the slant: the plane on which the feet stand (good where people cross the room) and the bodies
of those who stand upright (good where they stay in one place, but people lean forward a
little). Their mean is used; on the files of ``../shared/data`` they differ by 1° … 8°.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.data.skeletons.rig import unit

Array = npt.NDArray[np.float64]

Y_UP: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From right-handed axes with y up to z up."""

_STRAIGHT: Final = -0.94
"""Cosine of a knee's angle, below which a leg is straight (160°)."""
_IN_LINE: Final = np.cos(np.radians(20.0))
"""Trunk and legs of who stands upright are at most this much out of line."""
_LOW: Final = 0.15
"""The share of foot positions that may lie below the floor: noise."""
_SPREAD: Final = 0.25
"""Feet must stand this far apart, standard deviation in metres, to span a plane."""
_MOST: Final = np.radians(35.0)
"""A slant beyond this is a mistake of ours."""
_FLOOR: Final = 5.0
"""Percentile of the lower foot's height that is taken for the floor."""


def slant(head: Array, knees: Array, hips: Array, ankles: Array, feet: Array) -> Array:
    """Rotation, shape (3, 3), from a depth camera's axes (x, y up, z away) to z up.

    Args:
        head: shape (T, 3).
        knees, hips, ankles, feet: shape (T, 2, 3), left and right.
    """
    ups = [up for up in (_of_bodies(head, knees, hips, ankles), _of_floor(feet)) if up is not None]
    up = unit(np.sum(ups, axis=0)) if ups else np.array([0.0, 1.0, 0.0])
    if up[1] < np.cos(_MOST):
        up = np.array([0.0, 1.0, 0.0])
    x = unit(np.array([1.0, 0.0, 0.0]) - up[0] * up)
    return np.stack([x, np.cross(up, x), up])


def floor(feet: Array, sole: float) -> float:
    """Height of the floor below feet, (T, k, 3) with z up, that stand `sole` above it; 0.0 if
    no foot is seen."""
    lowest = np.nanmin(np.where(np.isnan(feet[..., 2]), np.inf, feet[..., 2]), axis=1)
    seen = lowest[np.isfinite(lowest)]
    return float(np.percentile(seen, _FLOOR)) - sole if len(seen) else 0.0


def _of_bodies(head: Array, knees: Array, hips: Array, ankles: Array) -> Array | None:
    """Up along those who stand with straight legs; None if nobody does."""
    bend = (unit(hips - knees) * unit(ankles - knees)).sum(-1)
    trunk = unit(head - hips.mean(axis=1)) * unit(hips.mean(axis=1) - ankles.mean(axis=1))
    stands = (bend < _STRAIGHT).all(axis=1) & (trunk.sum(-1) > _IN_LINE)
    if not stands.any():
        return None
    return unit(np.median(unit(head - ankles.mean(axis=1))[stands], axis=0))


def _of_floor(feet: Array) -> Array | None:
    """Up from the plane below the lower foot; None where the feet do not span one.

    y = a x + b z + c as a low quantile, by reweighted least squares.
    """
    height = np.where(np.isnan(feet[..., 1]), np.inf, feet[..., 1])
    lower = feet[np.arange(len(feet)), height.argmin(axis=1)]
    lower = lower[np.isfinite(lower).all(axis=1)]
    if len(lower) < 30 or lower[:, (0, 2)].std(axis=0).min() < _SPREAD:
        return None
    terms = np.column_stack([lower[:, 0], lower[:, 2], np.ones(len(lower))])
    weight = np.ones(len(lower))
    plane = np.zeros(3)
    for _ in range(30):
        root = np.sqrt(weight)[:, None]
        plane = np.linalg.lstsq(terms * root, lower[:, 1:2] * root, rcond=None)[0][:, 0]
        rest = lower[:, 1] - terms @ plane
        weight = np.where(rest > 0, _LOW, 1.0 - _LOW) / np.maximum(np.abs(rest), 0.01)
    return unit(np.array([-plane[0], 1.0, -plane[1]]))
