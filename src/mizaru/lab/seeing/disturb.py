"""A view with all that perception gets wrong, whole motions at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from mizaru.lab.seeing.flaws import Flaws
from mizaru.lab.seeing.view import Array, Flags, View
from mizaru.proxy import body
from mizaru.vocabulary import COCO17

_K: Final = len(COCO17.keypoints)
_SWAPPED: Final = np.array((0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15))
_LEGS_SWAPPED: Final = np.array((*range(11), 12, 11, 14, 13, 16, 15))
_ROOTS: Final = np.array((0, 0, 0, 0, 0, 5, 6, 5, 6, 5, 6, 11, 12, 11, 12, 11, 12))
"""The joint that each joint's limb begins at."""
_LIMBS: Final = ((7, 9), (8, 10), (13, 15), (14, 16))
_TRUNK: Final = (5, 6, 11, 12)
_JITTER_S: Final = 0.1
_GUESS_S: Final = 1.0
_DEPTH_S: Final = 0.6
_BREATH_S: Final = 2.0
_LEAST_SEEN: Final = 4
_LEAST_SIZE: Final = 0.04
"""Nobody is found who is smaller, image heights, or of whom fewer joints are in the picture."""


@dataclass(slots=True, eq=False)
class Glimpses:
    """What perception says of P people in N frames, before anybody is followed.

    Attributes:
        found: shape (N, P): somebody is found.
        broken: shape (N, P): the track ends here, though somebody is found.
        again: shape (N, P): a second skeleton is found on the same body.
        keypoints: shape (N, P, 17, 3) float32: pixels and ρ.
        world: shape (N, P, 17, 3) float32, metres, axes of the camera.
        head: shape (N, P, 3, 3).
        lying: shape (N, P), [0, 1].
        size: shape (N, P), body height, pixels.
    """

    found: Flags
    broken: Flags
    again: Flags
    keypoints: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32]
    head: Array
    lying: Array
    size: Array


def disturb(view: View, height_px: int, flaws: Flaws, rng: np.random.Generator) -> Glimpses:
    """See `Flaws` for what happens."""
    frames, people = view.depth.shape
    dt = float(np.diff(view.times_s).mean()) if frames > 1 else 0.1
    scale = np.nan_to_num(view.scale, nan=1.0)
    size = scale * view.stature
    small = np.clip((0.33 - size / height_px) / 0.23, 0.0, 1.0)
    draw = _Draw(rng, dt, (frames, people))

    worse = (
        1.0
        + flaws.lying_gain * view.lying
        + flaws.falling_gain * view.falling
        + flaws.small_gain * small
    )[..., None, None]
    across = flaws.jitter_m * draw.noise(_JITTER_S, _K, 3) + flaws.drift_m * draw.noise(1.0, _K, 3)
    guess = flaws.guess_m * draw.noise(_GUESS_S, _K, 3) * view.hidden[..., None]
    error = across * worse + guess
    error[..., 2] += flaws.depth_m * worse[..., 0] * draw.noise(_DEPTH_S, _K)
    pixel = flaws.jitter_px * draw.noise(_JITTER_S, _K, 2)

    xyz = view.xyz + error
    xy = view.xy + error[..., :2] * scale[..., None, None] + pixel
    rho = _confidence(view, flaws, draw)
    xy, xyz = _shrink(view.hidden, flaws.guess_shrinks, xy, xyz)
    _bend(draw.spells(_rate(flaws.wrong_limbs, flaws.wrong_limbs_lying, view.lying),
                      flaws.wrong_limb_s), xy, xyz, rng)  # fmt: skip
    rate = _rate(flaws.crumples, flaws.crumples_lying, view.lying)
    rate = rate + flaws.crumples_falling * view.falling
    _crumple(draw.spells(rate, flaws.crumple_s), xy, xyz, rng)
    for spell, rows in (
        (draw.spells(_rate(flaws.flips, flaws.flips_lying, view.lying), flaws.flip_s), _SWAPPED),
        (draw.spells(flaws.leg_flips * _profile(view), flaws.leg_flip_s), _LEGS_SWAPPED),
    ):
        for points in (xy, xyz, rho):
            points[spell] = points[spell][:, rows]
    xyz *= _world_scale(view, flaws, draw)[..., None, None]

    inside = view.known & ~view.outside
    enough = (inside.sum(-1) >= _LEAST_SEEN) & inside[..., _TRUNK].any(-1)
    enough &= size > _LEAST_SIZE * height_px
    keypoints = np.concatenate([xy, rho[..., None]], axis=-1)
    # What there is no joint for is not seen; where it would be does not matter.
    keypoints[~view.known | ~np.isfinite(keypoints).all(-1)] = 0.0
    missed = _missed(view, small, flaws, draw)
    return Glimpses(
        found=enough & ~missed,
        broken=draw.now(flaws.breaks_falling * view.falling),
        again=draw.spells(np.full((frames, people), flaws.doubles), flaws.double_s),
        keypoints=keypoints.astype(np.float32),
        world=np.nan_to_num(xyz).astype(np.float32),
        head=_heads(view, flaws, draw),
        lying=view.lying,
        size=size,
    )


class _Draw:
    """Noise and spells over N frames of P people, `dt` seconds apart."""

    def __init__(self, rng: np.random.Generator, dt: float, shape: tuple[int, int]) -> None:
        self._rng, self._dt, self._shape = rng, dt, shape

    def noise(self, lasts_s: float, *more: int) -> Array:
        """Standard normal numbers (N, P, …) that stay alike for about `lasts_s`."""
        keep = float(np.exp(-self._dt / lasts_s))
        raw = self._rng.standard_normal((*self._shape, *more))
        if len(raw):
            raw[1:] *= np.sqrt(1 - keep**2)
        return np.asarray(lfilter([1.0], [1.0, -keep], raw, axis=0))

    def constant(self) -> Array:
        """One standard normal number per person, shape (P,)."""
        return self._rng.standard_normal(self._shape[1])

    def now(self, rate: Array) -> Flags:
        """What happens `rate` (N, P) times a second."""
        return np.asarray(self._rng.random(self._shape) < rate * self._dt)

    def spells(self, rate: Array, mean_s: float | Array) -> Flags:
        """What begins `rate` times a second and lasts: True while it does, shape (N, P)."""
        begins = self.now(rate)
        on = np.zeros(self._shape, bool)
        lasts = np.broadcast_to(mean_s, self._shape)
        for frame, person in zip(*np.nonzero(begins), strict=True):
            many = self._rng.exponential(max(float(lasts[frame, person]), 1e-9)) / self._dt
            on[frame : frame + 1 + int(many), person] = True
        return on


def _rate(base: float, lying: float, share: Array) -> Array:
    return base + (lying - base) * share


def _confidence(view: View, flaws: Flaws, draw: _Draw) -> Array:
    odds = np.full(view.known.shape, flaws.clear)
    for hidden, value in (
        (view.behind_self, flaws.behind_self),
        (view.behind_other, flaws.behind_other),
        (view.behind_thing, flaws.behind_thing),
        (view.outside, flaws.outside),
    ):
        odds = np.where(hidden, np.minimum(odds, value), odds)
    odds = odds + flaws.odds_spread * draw.noise(_GUESS_S, _K)
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def _shrink(hidden: Flags, share: float, xy: Array, xyz: Array) -> tuple[Array, Array]:
    """Pull hidden joints towards where their limb begins."""
    pull = share * hidden[..., None]
    return xy + pull * (xy[..., _ROOTS, :] - xy), xyz + pull * (xyz[..., _ROOTS, :] - xyz)


def _bend(spell: Flags, xy: Array, xyz: Array, rng: np.random.Generator) -> None:
    """Turn one limb in the picture's plane, about where it begins, the same for the spell."""
    for person, begin, end in _stretches(spell):
        limb = np.array(_LIMBS[rng.integers(len(_LIMBS))])
        turn = rng.normal(0.0, 1.2)
        _turn(xy, xyz, slice(begin, end), person, limb, int(_ROOTS[limb[0]]), turn, 1.0)


def _crumple(spell: Flags, xy: Array, xyz: Array, rng: np.random.Generator) -> None:
    """Make a small heap of the whole figure, with limbs that point anywhere."""
    for person, begin, end in _stretches(spell):
        when = slice(begin, end)
        for limb in _LIMBS:
            root = int(_ROOTS[limb[0]])
            less = float(rng.uniform(0.4, 0.9))
            _turn(xy, xyz, when, person, np.array(limb), root, rng.normal(0.0, 0.9), less)
        upper = np.arange(11)
        less, turn = float(rng.uniform(0.6, 1.0)), rng.normal(0.0, 0.4)
        _turn(xy, xyz, when, person, upper, 11, turn, less)


def _turn(
    xy: Array,
    xyz: Array,
    when: slice,
    person: int,
    rows: npt.NDArray[np.int64],
    root: int,
    turn: float,
    less: float,
) -> None:
    c, s = np.cos(turn) * less, np.sin(turn) * less
    matrix = np.array([[c, s], [-s, c]])
    for points in (xy, xyz[..., :2]):
        base = points[when, person, root, None]
        points[when, person, rows] = base + (points[when, person][:, rows] - base) @ matrix


def _stretches(spell: Flags) -> list[tuple[int, int, int]]:
    """(person, first frame, frame after the last) of each run of True."""
    found: list[tuple[int, int, int]] = []
    for person in range(spell.shape[1]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], spell[:, person], [0]])))
        found += [(person, int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    return found


def _profile(view: View) -> Array:
    """How much a person is seen from the side, [0, 1]."""
    hips = view.xyz[:, :, 11] - view.xyz[:, :, 12]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.abs(hips[..., 2]) / np.linalg.norm(hips, axis=-1)
    return np.asarray(np.nan_to_num(share) ** 2)


def _world_scale(view: View, flaws: Flaws, draw: _Draw) -> Array:
    """Of the world landmarks: the model knows grown-ups best."""
    grown = (body.STATURE / view.stature) ** flaws.grows_up if flaws.grows_up else 1.0
    error = flaws.world_scale * draw.constant() + flaws.world_breathes * draw.noise(_BREATH_S)
    return np.asarray(grown * np.exp(error))


def _missed(view: View, small: Array, flaws: Flaws, draw: _Draw) -> Flags:
    hidden = view.hidden[..., 5:].mean(-1)
    rate = (
        _rate(flaws.misses, flaws.misses_lying, view.lying)
        + flaws.misses_falling * view.falling
        + flaws.misses_small * small
        + flaws.misses_hidden * np.clip((hidden - 0.4) / 0.5, 0.0, 1.0)
    )
    return draw.spells(rate, _rate(flaws.miss_s, flaws.miss_lying_s, view.lying))


def _heads(view: View, flaws: Flaws, draw: _Draw) -> Array:
    """The heads' rotations with small turns about random axes; NaN for heads outside."""
    error = np.radians(flaws.head_deg) * draw.noise(_DEPTH_S, 3)
    x, y, z = error[..., 0], error[..., 1], error[..., 2]
    nothing = np.zeros_like(x)
    turn = np.stack([nothing, -z, y, z, nothing, -x, -y, x, nothing], axis=-1)
    turn = turn.reshape(*x.shape, 3, 3) + np.eye(3)
    turned = turn @ view.head
    turned /= np.maximum(np.linalg.norm(turned, axis=-2, keepdims=True), 1e-9)
    turned[(view.outside | ~view.known)[..., :5].sum(-1) > 2] = np.nan
    return np.asarray(turned)
