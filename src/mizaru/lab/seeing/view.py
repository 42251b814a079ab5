"""What a camera could know: where joints are in its picture, and what hides them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.motion import Motion
from mizaru.lab.seeing.eye import Eye
from mizaru.proxy import body

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LIMBS: Final = np.array((7, 8, 9, 10, 13, 14, 15, 16))
_TRUNK_M: Final = 0.13
"""Half the breadth of a trunk as far as it hides."""
_BEHIND_M: Final = 0.06
_TEMPLATE: Final = np.array(body.HEAD_POINTS) * body.STATURE


@dataclass(slots=True, eq=False)
class View:
    """P people in N frames, as the picture has them.

    Attributes:
        times_s: shape (N,), seconds of the motion.
        known: shape (N, P, 17): there is such a joint, in front of the camera.
        xy: shape (N, P, 17, 2), pixels; NaN where not known.
        xyz: shape (N, P, 17, 3), metres from the middle of the hips, along the axes of a camera
            that is turned to the person: the model sees only the part of the picture around it.
        depth: shape (N, P), metres from the camera's plane to the middle of the hips.
        outside, behind_self, behind_other, behind_thing: shape (N, P, 17).
        head: shape (N, P, 3, 3), what turns a head that faces such a camera; NaN: not known.
        lying, falling, short, crowded: shape (N, P), [0, 1], see `mizaru.lab.seeing.flaws.Flaws`.
        stature: shape (P,), metres.
        scale: shape (N, P), pixels per metre at the person.
    """

    times_s: Array
    known: Flags
    xy: Array
    xyz: Array
    depth: Array
    outside: Flags
    behind_self: Flags
    behind_other: Flags
    behind_thing: Flags
    head: Array
    lying: Array
    falling: Array
    short: Array
    crowded: Array
    stature: Array
    scale: Array

    @property
    def hidden(self) -> Flags:
        """Shape (N, P, 17): known, but not to be seen."""
        return self.known & (
            self.outside | self.behind_self | self.behind_other | self.behind_thing
        )


def joints_at(motion: Motion, times_s: Array) -> Array:
    """Joints (N, P, 17, 3) at any times, between frames on straight lines; NaN where one of
    the two frames has none."""
    place = np.clip(times_s * motion.fps, 0.0, max(len(motion.joints) - 1, 0))
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, len(motion.joints) - 1)
    share = (place - before)[:, None, None, None]
    joints = motion.joints.astype(np.float64)
    return np.where(share > 0, joints[before] * (1 - share) + joints[after] * share, joints[before])


def watch(motion: Motion, eye: Eye, times_s: Array, screen: Array | None = None) -> View:
    """The motion in front of a camera.

    Args:
        times_s: shape (N,), when the camera looks.
        screen: something that hides whoever is behind it: pixels (x0, y0, x1, y1) and metres
            from the camera, or None.
    """
    joints = joints_at(motion, times_s)
    seen = eye.look(joints)
    known = np.isfinite(seen).all(axis=-1) & (np.nan_to_num(seen[..., 2]) > 0.25)
    seen[~known] = np.nan
    xy = eye.project(seen)
    hips, chest = _middle(seen, 11, 12), _middle(seen, 5, 6)
    centre = np.where(np.isfinite(hips), hips, np.where(np.isfinite(chest), chest, seen[..., 0, :]))
    depth = centre[..., 2]
    with np.errstate(invalid="ignore"):
        outside = known & ~((xy >= 0) & (xy <= eye.resolution_wh)).all(axis=-1)
    scale = eye.focal * eye.height_px / np.where(depth > 0.25, depth, np.nan)
    behind_thing = np.zeros_like(known)
    if screen is not None:
        with np.errstate(invalid="ignore"):
            covered = (xy >= screen[:2]).all(-1) & (xy <= screen[2:4]).all(-1)
            behind_thing = known & covered & (depth > screen[4])[..., None]
    turn = _turned_to(centre)
    room = (_middle(joints, 11, 12), _middle(joints, 5, 6))
    lying, falling = _posture(*room, times_s)
    return View(
        times_s=times_s,
        known=known,
        xy=xy,
        xyz=np.einsum("npij,npkj->npki", turn, seen - centre[:, :, None]),
        depth=depth,
        outside=outside,
        behind_self=_behind_self(xy, seen, scale, known),
        behind_other=_behind_other(xy, seen, scale, known),
        behind_thing=behind_thing,
        head=turn @ _heads(seen),
        lying=lying,
        falling=falling,
        short=_short(hips, chest),
        crowded=_crowded(xy, known),
        stature=_statures(motion),
        scale=scale,
    )


def _turned_to(centre: Array) -> Array:
    """Shortest turn (N, P, 3, 3) that brings the line of sight to each centre onto z."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y, z = np.moveaxis(centre / np.linalg.norm(centre, axis=-1, keepdims=True), -1, 0)
        less = 1.0 / (1.0 + z)
    rows = (1 - x * x * less, -x * y * less, -x, -x * y * less, 1 - y * y * less, -y, x, y, z)
    return np.asarray(np.stack(rows, axis=-1).reshape(*centre.shape[:-1], 3, 3))


def _middle(points: Array, left: int, right: int) -> Array:
    return np.asarray((points[..., left, :] + points[..., right, :]) / 2)


def _posture(hips: Array, chest: Array, times_s: Array) -> tuple[Array, Array]:
    trunk = chest - hips
    length = np.linalg.norm(trunk, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rise = np.abs(trunk[..., 2]) / length
    level = np.clip((0.75 - np.nan_to_num(rise, nan=1.0)) / 0.4, 0.0, 1.0)
    low = np.clip((1.0 - np.nan_to_num(chest[..., 2], nan=9.0)) / 0.4, 0.0, 1.0)
    falling = np.zeros(hips.shape[:2])
    if len(times_s) > 1:
        height = (hips[..., 2] + chest[..., 2]) / 2
        sinks = -np.gradient(height, times_s, axis=0)
        falling = np.clip((np.nan_to_num(sinks) - 0.8) / 1.2, 0.0, 1.0)
    return level * low, falling


def _short(hips: Array, chest: Array) -> Array:
    """How much of a trunk's length is lost along the line of sight."""
    trunk, ray = chest - hips, chest + hips
    lengths = np.linalg.norm(trunk, axis=-1) * np.linalg.norm(ray, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        along = np.abs((trunk * ray).sum(-1)) / lengths
    return np.asarray(np.clip((np.nan_to_num(along) - 0.3) / 0.6, 0.0, 1.0))


def _crowded(xy: Array, known: Flags) -> Array:
    """How much of each one's box, or of the smaller other's, is shared with somebody."""
    low = np.where(known[..., None], xy, np.inf).min(axis=2)
    high = np.where(known[..., None], xy, -np.inf).max(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        area = np.prod(np.maximum(high - low, 0.0), axis=-1)
        width = np.minimum(high[:, :, None], high[:, None]) - np.maximum(
            low[:, :, None], low[:, None]
        )
        both = np.prod(np.maximum(width, 0.0), axis=-1)
        share = np.nan_to_num(both / np.minimum(area[:, :, None], area[:, None]))
    share[:, np.arange(share.shape[1]), np.arange(share.shape[1])] = 0.0
    return np.asarray(np.clip((share.max(axis=2, initial=0.0) - 0.15) / 0.5, 0.0, 1.0))


def _segment(points: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Distance of points (..., 2) from the line between a and b, and where along it, [0, 1]."""
    line = b - a
    square = np.maximum((line**2).sum(-1), 1e-9)
    along = np.clip(((points - a) * line).sum(-1) / square, 0.0, 1.0)
    return np.linalg.norm(points - (a + along[..., None] * line), axis=-1), along


def _behind_self(xy: Array, seen: Array, scale: Array, known: Flags) -> Flags:
    hips, chest = _middle(xy, 11, 12), _middle(xy, 5, 6)
    deep = _middle(seen, 11, 12)[..., 2], _middle(seen, 5, 6)[..., 2]
    away, along = _segment(xy[:, :, _LIMBS], hips[:, :, None], chest[:, :, None])
    trunk = deep[0][..., None] * (1 - along) + deep[1][..., None] * along
    hidden = np.zeros(known.shape, bool)
    with np.errstate(invalid="ignore"):
        hidden[:, :, _LIMBS] = (away < _TRUNK_M * scale[..., None]) & (
            seen[:, :, _LIMBS, 2] > trunk + _BEHIND_M
        )
    return hidden & known


def _behind_other(xy: Array, seen: Array, scale: Array, known: Flags) -> Flags:
    hidden = np.zeros(known.shape, bool)
    people = known.shape[1]
    hips, chest, knees = _middle(xy, 11, 12), _middle(xy, 5, 6), _middle(xy, 13, 14)
    deep = _middle(seen, 11, 12)[..., 2]
    for other in range(people):
        for me in range(people):
            if me == other:
                continue
            points = xy[:, me]
            trunk, _ = _segment(points, hips[:, other, None], chest[:, other, None])
            legs, _ = _segment(points, hips[:, other, None], knees[:, other, None])
            broad = _TRUNK_M * scale[:, other, None]
            with np.errstate(invalid="ignore"):
                covers = (trunk < broad) | (legs < 0.8 * broad)
                nearer = deep[:, other, None] + 0.1 < seen[:, me, :, 2]
            hidden[:, me] |= covers & nearer
    return hidden & known


def _statures(motion: Motion) -> Array:
    """Height of each person from the lengths of its limbs, metres."""
    found = np.full(motion.joints.shape[1], body.STATURE)
    lengths = np.array([length for _, _, length in body.BONES])
    a, b = (np.array([bone[k] for bone in body.BONES]) for k in (0, 1))
    step = max(1, len(motion.joints) // 200)
    joints = motion.joints[::step].astype(np.float64)
    size = np.linalg.norm(joints[:, :, a] - joints[:, :, b], axis=-1)
    for person in range(len(found)):
        own = size[:, person]
        good = np.isfinite(own).all(axis=1)
        if good.any():
            share = float(np.median(own[good].sum(axis=1)) / lengths.sum())
            found[person] = np.clip(share, 0.4, 1.4) * body.STATURE
    return found


def _heads(seen: Array) -> Array:
    """Rotation of each head (N, P, 3, 3) that brings the canonical head's points nearest."""
    points = seen[:, :, :5]
    turned = np.full((*seen.shape[:2], 3, 3), np.nan)
    good = np.isfinite(points).all(axis=(-1, -2))
    if not good.any():
        return turned
    there = points[good] - points[good].mean(axis=1, keepdims=True)
    canonical = _TEMPLATE - _TEMPLATE.mean(axis=0)
    # Kabsch: the nearest rotation from the singular vectors of the covariance.
    u, spread, vt = np.linalg.svd(np.einsum("nki,kj->nij", there, canonical))
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    rotation = u @ vt
    rotation[spread[:, 1] < 1e-6] = np.nan  # all in one line: it could be turned any way
    turned[good] = rotation
    return turned
