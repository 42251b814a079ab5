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
_REACH: Final = np.array((1.0,) * 5 + (0.8, 0.8, 1.0, 1.0, 1.4, 1.4, 0.7, 0.7, 1.0, 1.0, 1.3, 1.3))
"""Share of a joint in the errors: ends of limbs are found worst."""
_LIMBS: Final = ((7, 9), (8, 10), (13, 15), (14, 16))
_TRUNK: Final = (5, 6, 11, 12)
_JITTER_S: Final = 0.15
_DRIFT_S: Final = 1.0
_GUESS_S: Final = 1.0
_DEPTH_S: Final = 0.6
_MODEL_STATURE: Final = 0.97 * body.STATURE
_GRID: Final = 0.25
"""Of how long noise lasts: how finely it is drawn."""
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
        doubt: shape (N, P), [0, 1]: lying, or crowded.
        size: shape (N, P), body height, pixels.
    """

    found: Flags
    broken: Flags
    again: Flags
    keypoints: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32]
    head: Array
    doubt: Array
    size: Array


def disturb(view: View, height_px: int, flaws: Flaws, rng: np.random.Generator) -> Glimpses:
    """See `Flaws` for what happens."""
    scale = np.nan_to_num(view.scale, nan=1.0)
    size = scale * view.stature
    small = np.clip((0.33 - size / height_px) / 0.23, 0.0, 1.0)
    draw = _Draw(rng, view.times_s, _clock(view, flaws))

    worse = (
        1.0
        + flaws.lying_gain * view.lying
        + flaws.falling_gain * view.falling
        + flaws.small_gain * small
        + flaws.short_gain * view.short
        + flaws.crowded_gain * view.crowded
    )[..., None, None]
    across = flaws.jitter_m * draw.noise(_JITTER_S, _K, 3) + flaws.drift_m * draw.noise(
        _DRIFT_S, _K, 3
    )
    across *= _REACH[:, None] * np.exp(
        flaws.tails * draw.noise(_DRIFT_S, _K, 1) - flaws.tails**2 / 2
    )
    wild = np.where(view.outside, flaws.guess_outside_m, flaws.guess_m * view.hidden)
    guess = wild[..., None] * draw.noise(_GUESS_S, _K, 3)
    error = across * worse + guess
    deep = flaws.depth_m * (1.0 + flaws.lying_gain * view.lying[..., None])
    error[..., 2] += deep * draw.noise(_DEPTH_S, _K)
    tremble = draw.anew(_K, 2) * (flaws.tremble_px + flaws.tremble_m * scale[..., None, None])

    xyz = view.xyz + error
    xy = view.xy + error[..., :2] * scale[..., None, None] + tremble
    rho = _confidence(view, flaws, draw)
    xy, xyz = _shrink(view.hidden, flaws.guess_shrinks, xy, xyz)
    _bend(draw.spells(_rate(flaws.wrong_limbs, flaws.wrong_limbs_short, view.short),
                      flaws.wrong_limb_s), xy, xyz, rng)  # fmt: skip
    rate = _rate(flaws.crumples, flaws.crumples_short, view.short)
    rate = rate + flaws.crumples_falling * view.falling
    rate = rate + flaws.crumples_lying_short * view.lying * view.short
    _crumple(draw.spells(rate, flaws.crumple_s), xy, xyz, rng)
    for spell, rows in (
        (draw.spells(_rate(flaws.flips, flaws.flips_short, view.short), flaws.flip_s), _SWAPPED),
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
        again=draw.spells(_rate(flaws.doubles, flaws.doubles_short, view.short), flaws.double_s),
        keypoints=keypoints.astype(np.float32),
        world=np.nan_to_num(xyz).astype(np.float32),
        head=_heads(view, flaws, draw),
        doubt=np.maximum(view.lying, view.crowded),
        size=size,
    )


def _clock(view: View, flaws: Flaws) -> Array:
    """Each person's own time (N, P), see `Flaws`."""
    frames = len(view.times_s)
    if frames < 2:
        return np.zeros(view.depth.shape)
    places = view.xyz + np.stack(
        [view.xy[:, :, :1, 0], view.xy[:, :, :1, 1], np.zeros_like(view.xy[:, :, :1, 0])], axis=-1
    ) / np.maximum(view.scale, 1e-9)[..., None, None]  # fmt: skip
    step = np.linalg.norm(np.diff(places, axis=0), axis=-1)
    seconds = np.diff(view.times_s)[:, None]
    good = np.isfinite(step)
    mean = np.where(good, step, 0.0).sum(-1) / np.maximum(good.sum(-1), 1)
    slow = (flaws.still + flaws.still_short * view.short[1:]) * seconds
    ticks = slow + flaws.moves * np.minimum(mean, 3.0 * seconds)
    return np.concatenate([np.zeros((1, view.depth.shape[1])), np.cumsum(ticks, axis=0)])


class _Draw:
    """Noise and spells for P people in N frames, on each person's own clock.

    Args:
        times_s: shape (N,).
        clock: shape (N, P), never falls.
    """

    def __init__(self, rng: np.random.Generator, times_s: Array, clock: Array) -> None:
        self._rng, self._times_s, self._clock = rng, times_s, clock
        self._shape = clock.shape
        first = np.zeros((min(len(clock), 1), clock.shape[1]))
        self._ticks = np.concatenate([first, np.diff(clock, axis=0)])

    def noise(self, lasts: float, *more: int) -> Array:
        """Standard normal numbers (N, P, …) that stay alike for about `lasts` of the clock."""
        people = self._shape[1]
        place = self._clock / (_GRID * lasts)
        many = int(place.max(initial=0.0)) + 2
        keep = float(np.exp(-_GRID))
        raw = self._rng.standard_normal((many, people, *more))
        raw[1:] *= np.sqrt(1 - keep**2)
        raw = lfilter([1.0], [1.0, -keep], raw, axis=0)
        before = place.astype(np.int64)
        share = (place - before).reshape(*self._shape, *(1 for _ in more))
        who = np.arange(people)
        mixed = raw[before, who] * (1 - share) + raw[before + 1, who] * share
        # Between two numbers of the grid the mean of both would vary less.
        return np.asarray(mixed / np.sqrt(1 - 2 * share * (1 - share) * (1 - keep)))

    def anew(self, *more: int) -> Array:
        """Standard normal numbers (N, P, …), others in each frame."""
        return np.asarray(self._rng.standard_normal((*self._shape, *more)))

    def constant(self) -> Array:
        """One standard normal number per person, shape (P,)."""
        return np.asarray(self._rng.standard_normal(self._shape[1]))

    def now(self, rate: Array) -> Flags:
        """What happens `rate` (N, P) times per second of the clock."""
        return np.asarray(self._rng.random(self._shape) < rate * self._ticks)

    def spells(self, rate: Array, mean: float) -> Flags:
        """What begins `rate` times per second of the clock and lasts a `mean` time on it: True
        while it does, shape (N, P)."""
        return self._last(self.now(rate), self._clock, np.full(self._shape, mean))

    def gaps(self, rate: Array, mean_s: Array) -> Flags:
        """The same, but lasting `mean_s` (N, P) true seconds."""
        times = np.repeat(self._times_s[:, None], self._shape[1], axis=1)
        return self._last(self.now(rate), times, mean_s)

    def _last(self, begins: Flags, clock: Array, mean: Array) -> Flags:
        on = np.zeros(self._shape, bool)
        for frame, person in zip(*np.nonzero(begins), strict=True):
            lasts = self._rng.exponential(max(float(mean[frame, person]), 1e-9))
            until = clock[frame, person] + lasts
            on[frame : max(frame + 1, int(np.searchsorted(clock[:, person], until))), person] = True
        return on


def _rate(base: float, worst: float, share: Array) -> Array:
    return np.asarray(base + (worst - base) * share)


def _confidence(view: View, flaws: Flaws, draw: _Draw) -> Array:
    odds = np.full(view.known.shape, flaws.clear)
    for hidden, value in (
        (view.behind_self, flaws.behind_self),
        (view.behind_other, flaws.behind_other),
        (view.behind_thing, flaws.behind_thing),
        (view.outside, flaws.outside),
    ):
        odds = np.where(hidden, np.minimum(odds, value), odds)
    odds = odds - flaws.odds_short * view.short[..., None]
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
    """Make a heap of the whole figure, with limbs that point anywhere, and too large or too
    small in the picture for what the model takes it for."""
    for person, begin, end in _stretches(spell):
        when = slice(begin, end)
        for limb in _LIMBS:
            root = int(_ROOTS[limb[0]])
            less = float(rng.uniform(0.4, 0.9))
            _turn(xy, xyz, when, person, np.array(limb), root, rng.normal(0.0, 0.9), less)
        upper = np.arange(11)
        less, turn = float(rng.uniform(0.6, 1.0)), rng.normal(0.0, 0.4)
        _turn(xy, xyz, when, person, upper, 11, turn, less)
        hip = xy[when, person, 11, None].copy()
        xy[when, person] = hip + (xy[when, person] - hip) * np.exp(rng.normal(-0.05, 0.25))


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
    """Of the world landmarks: the model makes grown-ups of everybody."""
    error = flaws.world_scale * draw.constant() + flaws.world_breathes * draw.noise(_BREATH_S)
    return np.asarray(_MODEL_STATURE / view.stature * np.exp(error))


def _missed(view: View, small: Array, flaws: Flaws, draw: _Draw) -> Flags:
    hidden = view.hidden[..., 5:].mean(-1)
    rate = (
        _rate(flaws.misses, flaws.misses_lying, view.lying)
        + flaws.misses_falling * view.falling
        + flaws.misses_small * small
        + flaws.misses_hidden * np.clip((hidden - 0.3) / 0.4, 0.0, 1.0)
        + flaws.misses_crowded * view.crowded * _farther(view)
    )
    lasts = np.maximum(
        _rate(flaws.miss_s, flaws.miss_lying_s, view.lying),
        _rate(flaws.miss_s, flaws.miss_crowded_s, view.crowded),
    )
    return draw.gaps(rate, lasts)


def _farther(view: View) -> Array:
    """Of a crowd, those who are not in front are lost more often."""
    front = np.where(view.crowded > 0, np.nan_to_num(view.depth, nan=np.inf), np.inf)
    return np.where(front <= front.min(axis=1, keepdims=True, initial=np.inf), 0.3, 1.0)


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
