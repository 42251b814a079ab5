"""What may happen to a window and leaves what is done in it as it is.

Batches have shape (N, C, W) float32, laid out as `mizaru.cloud.recognize.features` says; all
functions return new arrays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.features import (
    CONFIDENCE,
    HOLD_TICKS,
    JOINTS,
    PATH,
    PRESENT,
    RELATION,
    SCALE,
    TICKS,
)
from mizaru.lab.train.recipe import AugmentSettings
from mizaru.vocabulary import COCO17

Array = npt.NDArray[np.float32]
Ticks = npt.NDArray[np.bool_]

_K: Final = len(COCO17.keypoints)
_R: Final = RELATION.start
_COUNT: Final = RELATION.stop - 1
_LENGTHS: Final = (_R + 1, _R + 2, _R + 4, _R + 5, _R + 6, _R + 7)
"""Relation channels that are lengths in my body heights: offset x and y, and four gaps."""


def _swapped() -> list[int]:
    """Row of each keypoint in the mirror."""
    names = COCO17.keypoints
    other = {"left": "right", "right": "left"}
    found = []
    for name in names:
        side, _, part = name.partition("_")
        found.append(names.index(f"{other[side]}_{part}") if side in other else names.index(name))
    return found


_SWAPPED: Final = np.array(_swapped())


def augment(batch: Array, settings: AugmentSettings, rng: np.random.Generator) -> Array:
    """Everything that `settings` allows, drawn for each window."""
    n = len(batch)
    x = batch.astype(np.float32, copy=True)

    def some(share: float) -> npt.NDArray[np.intp]:
        return np.flatnonzero(rng.random(n) < share)

    def factors(limit: float) -> Array:
        return np.asarray(np.exp(rng.uniform(-1, 1, n) * np.log(limit)), np.float32)

    if settings.stretch > 1:
        x = stretch(x, factors(settings.stretch))
    hit = some(settings.mirror)
    x[hit] = mirror(x[hit])
    if settings.scale > 1:
        x = misjudge(x, factors(settings.scale))
    if settings.roll > 0:
        x = roll(x, np.deg2rad(rng.uniform(-settings.roll, settings.roll, n)))
    if settings.jitter > 0:
        x = jitter(x, settings.jitter, rng)
    hit = some(settings.joints_lost)
    x[hit] = lose_joints(x[hit], rng)
    hit = some(settings.alone)
    x[hit] = leave_alone(x[hit])
    hit = some(settings.cut)
    x[hit] = cut(x[hit], rng.integers(2, TICKS, len(hit)))
    lost = np.zeros((n, TICKS), bool)
    hit = some(settings.half_rate)
    # The newest tick is one that was seen: windows are only asked for then.
    lost[hit, TICKS - 2 :: -2] = True
    hit = some(settings.frames_lost)
    lost[hit] |= rng.random((len(hit), TICKS)) < rng.uniform(0, 0.5, len(hit))[:, None]
    lost[:, -1] = False
    return lose_frames(x, lost)


def mirror(x: Array) -> Array:
    """Left is right."""
    out = x.copy()
    joints = x[:, JOINTS].reshape(len(x), _K, 2, x.shape[2])[:, _SWAPPED]
    joints = joints * np.array([-1, 1], np.float32)[:, None]
    out[:, JOINTS] = joints.reshape(len(x), 2 * _K, x.shape[2])
    out[:, CONFIDENCE] = x[:, CONFIDENCE][:, _SWAPPED]
    out[:, PATH.start] *= -1
    out[:, _R + 1] *= -1
    for left in (_R + 4, _R + 6):
        out[:, left], out[:, left + 1] = x[:, left + 1], x[:, left]
    return out


def misjudge(x: Array, factor: Array) -> Array:
    """The body height is taken to be `factor` (shape (N,)) times what it was."""
    out = x.copy()
    f = factor[:, None, None]
    out[:, JOINTS] /= f
    out[:, PATH] /= f
    for channel in _LENGTHS:
        out[:, channel] /= f[:, 0]
    seen = _filled(x)
    out[:, SCALE] += np.log2(f[:, 0]) * seen
    return out


def roll(x: Array, angle: npt.NDArray[np.float64]) -> Array:
    """The camera leans: everything turns by `angle` (shape (N,), radians)."""
    out = x.copy()
    c = np.cos(angle).astype(np.float32)[:, None]
    s = np.sin(angle).astype(np.float32)[:, None]
    pairs = [(2 * k, 2 * k + 1) for k in range(_K)]
    pairs += [(PATH.start, PATH.start + 1), (_R + 1, _R + 2)]
    for a, b in pairs:
        out[:, a] = c * x[:, a] - s * x[:, b]
        out[:, b] = s * x[:, a] + c * x[:, b]
    return out


def jitter(x: Array, sigma: float, rng: np.random.Generator) -> Array:
    """Joints that are seen tremble by up to `sigma` body heights, some windows more."""
    out = x.copy()
    each = rng.uniform(0, sigma, (len(x), 1, 1)).astype(np.float32)
    noise = rng.standard_normal(x[:, JOINTS].shape, np.float32) * each
    out[:, JOINTS] += noise * np.repeat(x[:, CONFIDENCE] > 0, 2, axis=1)
    return out


def lose_joints(x: Array, rng: np.random.Generator) -> Array:
    """A few joints are not seen for a while, some for all of the window."""
    out = x.copy()
    for window in out:
        for joint in rng.choice(_K, rng.integers(1, 6), replace=False):
            start = 0 if rng.random() < 0.3 else int(rng.integers(TICKS))
            stop = TICKS if start == 0 else start + int(rng.integers(2, TICKS))
            window[2 * joint : 2 * joint + 2, start:stop] = 0.0
            window[CONFIDENCE.start + joint, start:stop] = 0.0
    return out


def leave_alone(x: Array) -> Array:
    """Nobody else is in the picture."""
    out = x.copy()
    out[:, RELATION] = 0.0
    out[:, _COUNT] = _filled(x) / 8.0
    return out


def cut(x: Array, start: npt.NDArray[np.integer]) -> Array:
    """What was before tick `start` (shape (N,)) belongs to an id that was lost."""
    before = np.arange(TICKS) < start[:, None]
    return np.where(before[:, None], np.float32(0), x)


def stretch(x: Array, factor: Array) -> Array:
    """Time runs `factor` (shape (N,)) times slower; the newest tick stays."""
    back = (TICKS - 1 - np.arange(TICKS, dtype=np.float32)) / factor[:, None]
    source = np.rint(TICKS - 1 - back).astype(int)
    out = np.take_along_axis(x, np.clip(source, 0, None)[:, None], axis=2)
    return np.where((source < 0)[:, None], np.float32(0), out)


def lose_frames(x: Array, lost: Ticks) -> Array:
    """Ticks in `lost` (shape (N, W)) never arrived: the pose before is held for a while.

    A window says so as `mizaru.cloud.recognize.features.Window` does: held ticks repeat all
    but `PRESENT`, later ones are empty.
    """
    out = np.zeros_like(x)
    age = np.full(len(x), HOLD_TICKS + 1)
    held = np.zeros(x.shape[:2], np.float32)
    for tick in range(TICKS):
        seen = (x[:, PRESENT, tick] > 0) & ~lost[:, tick]
        age = np.where(seen, 0, age + 1)
        held[seen] = x[seen, :, tick]
        out[:, :, tick] = np.where((age <= HOLD_TICKS)[:, None], held, 0.0)
        out[:, PRESENT, tick] = seen
    return out


def _filled(x: Array) -> Array:
    """1 at ticks that hold something, shape (N, W)."""
    return ((x[:, PRESENT] > 0) | (x[:, CONFIDENCE] > 0).any(axis=1)).astype(np.float32)
