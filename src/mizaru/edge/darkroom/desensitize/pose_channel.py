"""Pose channel: what retargeting leaves of a person's manner, made coarser on purpose.

A retargeted pose has everybody's limbs and still one's own gait. This stage makes it coarser in
time and place, in this order, each part off by default:

    smooth   p ← p + (p_now - p)(1 - e^(-Δt/τ))               a quick habit is slurred
    hold     p_t = p at the last multiple of ``hold_ms``       fewer looks at each stride
    jitter   p + h·σ(√s·n_track + √(1-s)·n_t), n ~ N(0, I)     s: the share that is sticky
    step     round(p / (h·q))·h·q                              positions on a coarse grid

h is the body's height in the picture, so that near and far people are treated alike. Sticky noise
is drawn once per track: no number of frames averages it away. The five points of the head get
one noise, as they are one rigid thing. This bounds nothing by itself, unlike the channel of z:
what it is worth is measured by the audit, which sweeps it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.settings import PoseChannelSettings
from mizaru.proxy import body
from mizaru.vocabulary import Pose
from mizaru.wire.codec import U_MAX, U_MIN

Array = npt.NDArray[np.float64]

_STALE_MS: Final = 1000
_STEPS_PER_OCTAVE: Final = 4  # of h, as the retargeter draws
_HYSTERESIS: Final = 0.65  # of a step
_SHRINK: Final = 0.995  # of h a tick, while every bone points at the camera
_LONG_BONES: Final = tuple(bone for bone in body.BONES if bone[2] > 0.2)
_A, _B = (np.array([bone[end] for bone in _LONG_BONES]) for end in (0, 1))
_LENGTHS: Final = np.array([bone[2] for bone in _LONG_BONES])
_NOISES: Final = 13  # the head, and each joint of COCO's rows 5 … 16
_NOISE_OF_ROW: Final = np.array([0] * 5 + list(range(1, _NOISES)))


@dataclass(slots=True, eq=False)
class _Track:
    """``sticky``: (13, 2), kept out of every repr; it would take the noise off again."""

    sticky: Array = field(repr=False)
    t_ms: int
    height: float  # of the body, in heights of the picture
    step: int | None  # of it, on the grid of scales that figures are drawn at
    at: Array  # (17, 2) smoothed, NaN where not seen, in heights of the picture
    held: Pose | None = None
    held_slot: int = -1

    def grow(self, height: float) -> None:
        """Follow the body's height; its step changes late, so that the grid stands still."""
        self.height = max(height, _SHRINK * self.height)
        if self.height > 0:
            exact = math.log2(self.height) * _STEPS_PER_OCTAVE
            if self.step is None or abs(exact - self.step) > _HYSTERESIS:
                self.step = round(exact)

    @property
    def drawn_height(self) -> float:
        """On coarse logarithmic steps; 0 before anything told."""
        return 0.0 if self.step is None else float(2.0 ** (self.step / _STEPS_PER_OCTAVE))


class PoseChannel:
    """Retargeted poses in time order in, what is packed for the wire out. Causal; one per camera.

    Args:
        settings: how coarse; all zero leaves every pose as it is.
        rng: of the noise; in a darkroom seeded by the operating system.
    """

    def __init__(self, settings: PoseChannelSettings, rng: np.random.Generator) -> None:
        self._settings, self._rng = settings, rng
        self._tracks: dict[int, _Track] = {}
        self._idle = not (settings.smooth_s or settings.hold_ms or settings.jitter or settings.step)

    def apply(self, pose: Pose, t_ms: int, aspect: float = 16 / 9) -> Pose:
        """One subject's pose as it may leave. ρ and the head's orientation stay as they are,
        but where ``hold_ms`` repeats an earlier pose as a whole.

        Args:
            pose: on the canonical body.
            t_ms: the camera's clock.
            aspect: width / height of the picture.
        """
        if self._idle:
            return pose
        settings = self._settings
        seen = pose.keypoints[:, 2] > 0
        now = np.where(seen[:, None], pose.keypoints[:, :2].astype(np.float64), np.nan)
        now[:, 0] *= aspect
        track = self._follow(pose.subject_id, now, t_ms)
        slot = t_ms // settings.hold_ms if settings.hold_ms else t_ms
        if track.held is not None and slot == track.held_slot:
            return track.held
        moved = track.at + self._noise(track)
        grid = settings.step * track.drawn_height
        if grid > 0:
            moved = np.rint(moved / grid) * grid
        keypoints = pose.keypoints.copy()
        moved[:, 0] /= aspect
        keypoints[seen, :2] = np.clip(moved[seen], U_MIN, U_MAX)
        track.held, track.held_slot = Pose(pose.subject_id, keypoints, pose.head), slot
        return track.held

    def forget_all_but(self, subject_ids: set[int]) -> None:
        """Drop what is remembered of everybody else."""
        for gone in self._tracks.keys() - subject_ids:
            del self._tracks[gone]

    def _follow(self, subject_id: int, now: Array, t_ms: int) -> _Track:
        track = self._tracks.get(subject_id)
        if track is None:
            sticky = self._rng.standard_normal((_NOISES, 2))
            track = self._tracks[subject_id] = _Track(sticky, t_ms, 0.0, None, now)
            track.grow(_height(now))
            return track
        dt_s = (t_ms - track.t_ms) / 1000.0
        tau = self._settings.smooth_s
        share = -math.expm1(-dt_s / tau) if tau and 0 < 1000 * dt_s <= _STALE_MS else 1.0
        track.at = np.where(np.isnan(track.at), now, track.at + share * (now - track.at))
        track.grow(_height(now))
        track.t_ms = t_ms
        return track

    def _noise(self, track: _Track) -> Array:
        """(17, 2), in heights of the picture."""
        sigma, sticky = self._settings.jitter, self._settings.sticky
        if not sigma:
            return np.zeros((17, 2))
        fresh = self._rng.standard_normal((_NOISES, 2))
        noise = math.sqrt(sticky) * track.sticky + math.sqrt(1.0 - sticky) * fresh
        return np.asarray(track.drawn_height * sigma * noise[_NOISE_OF_ROW])


def _height(xy: Array) -> float:
    """Of the body, in heights of the picture; 0 where too little was seen.

    A projected bone is never longer than it is, so that the least foreshortened ones tell.
    """
    with np.errstate(invalid="ignore"):
        ratios = np.hypot(*(xy[_B] - xy[_A]).T) / _LENGTHS
    ratios = np.sort(ratios[np.isfinite(ratios)])[-2:]
    return float(ratios.mean()) * body.STATURE if len(ratios) else 0.0
