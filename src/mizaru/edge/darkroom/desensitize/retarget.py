"""Pose retargeting: the posture of a person on the canonical body (architecture §4).

Limb lengths identify (arXiv 2111.15129), so none leaves. Per bone, the 3D direction is kept and
the length replaced by the canonical one (`mizaru.proxy.body`):

    d = normalise(Δx/s, Δy/s, Δz)          p_child = p_parent + L_canonical · d

Δx, Δy are measured in the image, Δz in the model's world landmarks; s, pixels per metre, is the
ratio of the spreads of the two. Where a model gives no world landmarks, Δz follows from the
foreshortening of the longest that this bone has been on this track. The figure is put back
with the joints nearest to the floor where they were, drawn at s rounded to coarse logarithmic
steps, so that stature does not leak through the scale. Head points come from the head
orientation alone.

A joint that is not finite, not seen, or at zero distance from its parent gets ρ = 0, and so
does everything that hangs on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.proxy import body
from mizaru.vocabulary import (
    BLAZEPOSE33,
    COCO17,
    COCO17_FROM_BLAZEPOSE33,
    HeadOrientation,
    Pose,
)
from mizaru.wire.codec import U_MAX, U_MIN

Array = npt.NDArray[np.float64]

LEAST_CONFIDENCE: Final = 0.05
SCALE_STEPS_PER_OCTAVE: Final = 4
"""One step of scale is 19 %, more than three standard deviations of adult stature (6 %)."""
LOST_CONFIDENCE: Final = 0.5
"""Factor on ρ of a person who was not seen in this very frame."""
_STALE_MS: Final = 1000
_SCALE_TAU_S: Final = 0.5
_HYSTERESIS: Final = 0.65  # of a step, before the step changes
_MIN_CUTOFF_HZ: Final = 1.2
_SPEED_GAIN: Final = 1.5  # Hz of cut-off per rad/s, or per canonical metre a second
_LEAST_BONE_M: Final = 0.01
_OUTSIDE: Final = 0.02

# Extra rows behind the 17 of COCO.
_PELVIS, _CHEST, _HEAD, _ROWS = 17, 18, 19, 20
_PAIRS: Final = ((_PELVIS, 11, 12), (_CHEST, 5, 6))
# Parent, child, canonical metres; a parent stands before its children.
_TREE: Final = (
    (_PELVIS, _CHEST, body.TRUNK),
    (_CHEST, _HEAD, body.NECK),
    (5, 7, body.UPPER_ARM),
    (6, 8, body.UPPER_ARM),
    (7, 9, body.FOREARM),
    (8, 10, body.FOREARM),
    (11, 13, body.THIGH),
    (12, 14, body.THIGH),
    (13, 15, body.SHANK),
    (14, 16, body.SHANK),
)
# Middle, left, right, canonical metres between them.
_CROSS: Final = ((_PELVIS, 11, 12, body.HIPS), (_CHEST, 5, 6, body.SHOULDERS))
_BONES: Final = (*((a, b) for a, b, _ in _TREE), *((left, right) for _, left, right, _ in _CROSS))
_LENGTHS: Final = np.array([*(m for *_, m in _TREE), *(m for *_, m in _CROSS)])
_BODY_ROWS: Final = np.arange(5, 17)
_HEAD_ROWS: Final = (0, 1, 2, 3, 4)


@dataclass(slots=True)
class _Track:
    """What is remembered of one subject, in the darkroom only, to steady its mannequin."""

    t_ms: int
    log_scale: float
    step: int
    drawn_log_scale: float
    root: Array  # (1, 2) pixels
    directions: Array  # (bones, 3) unit vectors, NaN where not seen
    longest: Array  # (bones,) metres, longest projection so far

    @staticmethod
    def begin(t_ms: int, scale: float) -> _Track:
        step = round(math.log2(scale) * SCALE_STEPS_PER_OCTAVE)
        return _Track(
            t_ms,
            math.log2(scale),
            step,
            step / SCALE_STEPS_PER_OCTAVE,
            np.full((1, 2), np.nan),
            np.full((len(_BONES), 3), np.nan),
            np.zeros(len(_BONES)),
        )

    def advance(self, t_ms: int, scale: float, flat: Array) -> float:
        """Take this frame's scale and bone lengths in; returns the seconds since the last."""
        dt = (t_ms - self.t_ms) / 1000.0
        self.t_ms = t_ms
        glide = 1.0 - math.exp(-dt / _SCALE_TAU_S)
        self.log_scale += (math.log2(scale) - self.log_scale) * glide
        if abs(self.log_scale * SCALE_STEPS_PER_OCTAVE - self.step) > _HYSTERESIS:
            self.step = round(self.log_scale * SCALE_STEPS_PER_OCTAVE)
        self.drawn_log_scale += (self.step / SCALE_STEPS_PER_OCTAVE - self.drawn_log_scale) * glide
        self.longest = np.clip(flat, self.longest * 0.999, 1.3 * _LENGTHS)
        return dt


class Retargeter:
    """Persons in time order in, canonical poses out. Causal; one per camera."""

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}

    def retarget(self, person: Person, t_ms: int, resolution_wh: tuple[int, int]) -> Pose | None:
        """The person's posture on the canonical body; None if nothing of it can be placed.

        Args:
            person: with keypoints of `BLAZEPOSE33` or `COCO17`.
            t_ms: the camera's clock; steadies over time, never by more than a tenth of a second
                for a fall.
            resolution_wh: of the image.
        """
        seen = _Seen.of(person)
        scale = seen.scale()
        if scale is None:
            return None
        track = self._tracks.get(person.subject_id)
        if track is None or not 0 < t_ms - track.t_ms <= _STALE_MS:
            track = self._tracks[person.subject_id] = _Track.begin(t_ms, scale)
        bones, flat = seen.bones(scale, track.longest)
        usable = np.linalg.norm(bones, axis=1) > _LEAST_BONE_M
        directions = np.full(bones.shape, np.nan)
        directions[usable] = _normalise(bones[usable])
        dt = track.advance(t_ms, scale, flat)
        track.directions = _one_euro(track.directions, directions, dt)
        track.directions = _normalise(track.directions)
        layout = _lay_out(track.directions, usable, person.head, seen)
        drawn_scale = 2.0**track.drawn_log_scale
        root = _anchor(layout, seen.xy, seen.rho, drawn_scale, resolution_wh)
        if root is None:
            return None
        track.root = drawn_scale * _one_euro(track.root / drawn_scale, root[None] / drawn_scale, dt)
        pixels = track.root + drawn_scale * layout
        keypoints = _inside(pixels / np.array(resolution_wh), seen.rho)
        if person.lost_frames:
            keypoints[:, 2] *= LOST_CONFIDENCE
        if not (keypoints[:, 2] > 0).any():
            return None
        return Pose(person.subject_id, keypoints, person.head)

    def forget_all_but(self, subject_ids: set[int]) -> None:
        """Drop what is remembered of everybody else."""
        for gone in self._tracks.keys() - subject_ids:
            del self._tracks[gone]


@dataclass(slots=True, eq=False)
class _Seen:
    """One person's keypoints as COCO rows plus middles: pixels, depth in metres, confidence."""

    xy: Array  # (20, 2) pixels
    xyz: Array | None  # (20, 3) metres
    rho: Array  # (20,)

    @staticmethod
    def of(person: Person) -> _Seen:
        rows = np.array(COCO17_FROM_BLAZEPOSE33 if person.topology is BLAZEPOSE33 else range(17))
        if person.topology not in (BLAZEPOSE33, COCO17):
            raise ValueError(f"cannot retarget topology {person.topology.name!r}")
        points = person.keypoints[rows].astype(np.float64)
        xyz = np.full((_ROWS, 3), np.nan)
        if person.world is not None:
            xyz[:17] = person.world[rows]
        xy, rho = np.full((_ROWS, 2), np.nan), np.zeros(_ROWS)
        xy[:17], rho[:17] = points[:, :2], np.clip(np.nan_to_num(points[:, 2]), 0.0, 1.0)
        bad = ~np.isfinite(xy).all(1) | (rho < LEAST_CONFIDENCE)
        if person.world is not None:
            bad |= ~np.isfinite(xyz).all(1)
        rho[bad], xy[bad], xyz[bad] = 0.0, np.nan, np.nan
        for middle, left, right in (*_PAIRS, (_HEAD, 3, 4)):
            sides = [side for side in (left, right) if rho[side] > 0]
            if middle == _HEAD and not sides and rho[0] > 0:
                sides = [0]
            if sides:
                xy[middle], xyz[middle] = xy[sides].mean(0), xyz[sides].mean(0)
                rho[middle] = rho[sides].min()
        return _Seen(xy, xyz if person.world is not None else None, rho)

    def scale(self) -> float | None:
        """Pixels per metre; None where too little was seen to tell."""
        seen = self.rho > 0
        if self.xyz is not None:
            if seen[:17].sum() < 3:
                return None
            weight = self.rho[:17, None] / self.rho[:17].sum()
            image = np.nan_to_num(self.xy[:17])
            world = np.nan_to_num(self.xyz[:17, :2])
            spread = [
                float((weight * (points - (weight * points).sum(0)) ** 2).sum())
                for points in (image, world)
            ]
            ratio = math.sqrt(spread[0] / spread[1]) if spread[1] > 1e-6 else 0.0
        else:
            # A projected bone is at most s · L long: the least foreshortened ones tell s.
            lengths = np.array([np.hypot(*(self.xy[b] - self.xy[a])) for a, b in _BONES])
            ratios = np.sort((lengths / _LENGTHS)[np.isfinite(lengths) & (_LENGTHS > 0.2)])
            ratio = float(ratios[-3:].mean()) if len(ratios) else 0.0
        return ratio if 1.0 <= ratio <= 1e5 else None

    def bones(self, scale: float, longest: Array) -> tuple[Array, Array]:
        """Each bone as a vector in metres (bones, 3), and its length in metres (bones,)."""
        a, b = (np.array(rows) for rows in zip(*_BONES, strict=True))
        delta = np.zeros((len(_BONES), 3))
        delta[:, :2] = (self.xy[b] - self.xy[a]) / scale
        flat = np.nan_to_num(np.linalg.norm(delta[:, :2], axis=1))
        if self.xyz is not None:
            delta[:, 2] = self.xyz[b, 2] - self.xyz[a, 2]
        else:
            full = np.maximum(longest, 0.85 * _LENGTHS)
            delta[:, 2] = -np.sqrt(np.maximum(full**2 - flat**2, 0.0))
        return np.nan_to_num(delta), flat


def _lay_out(
    directions: Array, usable: npt.NDArray[np.bool_], head: HeadOrientation | None, seen: _Seen
) -> Array:
    """Canonical joints (20, 2) in metres around the root; NaN where a joint has no place."""
    layout = np.full((_ROWS, 3), np.nan)
    root = next((row for row in (_PELVIS, _CHEST, _HEAD) if seen.rho[row] > 0), None)
    if root is None:
        return layout[:, :2]
    layout[root] = 0.0
    reach = directions * np.where(usable, _LENGTHS, np.nan)[:, None]
    for k, (parent, child, _) in enumerate(_TREE[:2]):
        if np.isnan(layout[child, 0]):
            layout[child] = layout[parent] + reach[k]
    for k, (middle, left, right, _) in enumerate(_CROSS, start=len(_TREE)):
        layout[left], layout[right] = layout[middle] - reach[k] / 2, layout[middle] + reach[k] / 2
    for k, (parent, child, _) in enumerate(_TREE[2:], start=2):
        layout[child] = layout[parent] + reach[k]
    offsets = _head_points(head, seen)
    if offsets is not None:
        layout[list(_HEAD_ROWS)] = layout[_HEAD] + offsets
    return layout[:, :2]


def _head_points(head: HeadOrientation | None, seen: _Seen) -> Array | None:
    """Nose, eyes and ears around the middle of the ears, metres (5, 3)."""
    head = head or _guess_head(seen)
    if head is None:
        return None
    points = np.array(body.HEAD_POINTS) * body.STATURE
    return np.asarray(points @ rotation(head).T)


def rotation(head: HeadOrientation) -> Array:
    """Matrix (3, 3) that turns a head which looks into the camera: roll · yaw · pitch.

    Axes: x to the image's right, y down, z away from the camera.
    """
    (cy, sy), (cp, sp), (cr, sr) = (
        (math.cos(a), math.sin(a)) for a in map(math.radians, (head.yaw, head.pitch, head.roll))
    )
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(roll @ yaw @ pitch)


def _guess_head(seen: _Seen) -> HeadOrientation | None:
    """Coarse orientation from the points of the head, in steps of 45°, where none is given."""
    if seen.rho[_HEAD] == 0 or seen.rho[_CHEST] == 0:
        return None
    up = seen.xy[_CHEST] - seen.xy[_HEAD]
    span = float(np.hypot(*up))
    if span < 1e-6:
        return None
    roll = math.degrees(math.atan2(-up[0], up[1]))
    along = np.array([up[1], -up[0]]) / span  # the head's own right in the image
    yaw = 0.0
    if seen.rho[3] > 0 and seen.rho[4] > 0:
        across = float((seen.xy[3] - seen.xy[4]) @ along)
        yaw = 0.0 if across >= 0 else 180.0
    if seen.rho[0] > 0:
        forward = float((seen.xy[0] - seen.xy[_HEAD]) @ along) / span
        side = math.degrees(math.asin(max(-1.0, min(1.0, forward / 0.55))))
        yaw = round((180.0 - side if yaw else side) / 45.0) * 45.0
    return HeadOrientation((yaw + 180.0) % 360.0 - 180.0, 0.0, roll)


def _anchor(
    layout: Array, xy: Array, rho: Array, scale: float, resolution_wh: tuple[int, int]
) -> Array | None:
    """Pixels of the layout's origin that put the joints nearest to the floor where they were
    seen. What lies outside the picture is a guess of the model and hardly counts."""
    rows = _BODY_ROWS if (rho[_BODY_ROWS] > 0).any() else np.array([_HEAD])
    placed = rows[np.isfinite(layout[rows, 0]) & (rho[rows] > 0)]
    if not len(placed):
        return None
    points = xy[placed]
    visible = ((points >= 0) & (points <= resolution_wh)).all(1)
    lowest = points[visible if visible.any() else slice(None), 1].max()
    height = np.minimum(points[:, 1] - lowest, 0.0) / scale  # metres, ≤ 0
    weight = rho[placed] * np.exp(height / 0.12) * np.where(visible, 1.0, _OUTSIDE)
    weight /= weight.sum()
    return np.asarray((weight[:, None] * (points - scale * layout[placed])).sum(0))


def _inside(uv: Array, rho: Array) -> npt.NDArray[np.float32]:
    """Keypoints (17, 3): a limb that leaves the wire's range is cut there, along the bone."""
    keypoints = np.zeros((17, 3), np.float32)
    out = uv.copy()
    good = np.isfinite(out).all(1) & (rho > 0)
    parents = {child: parent for parent, child, _ in _TREE if child < _PELVIS}
    whole = good & np.array([_within(point) for point in out])
    for row in range(17):
        if not good[row]:
            continue
        if not whole[row]:
            parent = parents.get(row)
            if parent is None or not whole[parent]:
                good[row] = False
                continue
            out[row] = _cut(out[parent], out[row])
    keypoints[good[:17], :2] = out[:17][good[:17]]
    keypoints[good[:17], 2] = rho[:17][good[:17]]
    return keypoints


def _within(point: Array) -> bool:
    return bool(((point >= U_MIN) & (point <= U_MAX)).all())


def _cut(inner: Array, outer: Array) -> Array:
    """Where the line from an inner to an outer point leaves the wire's range."""
    step = outer - inner
    with np.errstate(divide="ignore"):
        limits = np.where(step > 0, (U_MAX - inner) / step, (U_MIN - inner) / step)
    share = float(np.min(limits[step != 0]))
    return np.asarray(np.clip(inner + share * step, U_MIN, U_MAX))


def _one_euro(before: Array, now: Array, dt: float) -> Array:
    """Casiez et al., *1 € filter* (CHI 2012), row by row: what is still does not tremble, what
    is quick is hardly delayed. A NaN row takes the other side's value."""
    if dt <= 0:
        return now
    speed = np.nan_to_num(np.linalg.norm(now - before, axis=1, keepdims=True)) / dt
    cutoff = _MIN_CUTOFF_HZ + _SPEED_GAIN * speed
    share = 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff * dt))
    return np.asarray(np.where(np.isnan(before), now, before + share * (now - before)))


def _normalise(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
