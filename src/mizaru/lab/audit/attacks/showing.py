"""What attackers look at: every visit as its representation shows it, and numbers made of that.

Poses are turned into what gait papers use: proportions, joint angles, speeds and their rhythm
(Wang et al. 2003; Nambiar et al., *Gait-based person re-identification: a survey*, 2019);
pictures into a small grid of colours; embeddings stay as they are.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.contract import Medium, Representation, Visit

Floats = npt.NDArray[np.float32]

GRID_HW: Final = (32, 16)
"""Cells that a picture of a person is averaged over: clothes and build are in there."""
BONES: Final = "bones"
"""The way of looking at poses that sees lengths only."""
RHYTHM_TICKS: Final = 10
"""Windows shorter than this have no rhythm."""

_BONES: Final = (
    (5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16), (5, 6), (11, 12),
)  # fmt: skip
_ANGLES: Final = (
    (5, 7, 9), (6, 8, 10), (11, 13, 15), (12, 14, 16),
    (7, 5, 11), (8, 6, 12), (5, 11, 13), (6, 12, 14),
)  # fmt: skip
_SHAPE: Final = (0, 3, 4, *range(5, 17))
_MOST: Final = 512
"""Numbers of an embedding that are looked at, evenly chosen."""
_BESIDE: Final = 48
"""The same of what comes with poses: the room, which is nobody's."""
_BANDS: Final = 5
"""Parts that frequencies up to 5 Hz fall into."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A visit beside what a reader gets of it.

    Attributes:
        visit: whose truth is known to the lab only.
        given: shape (T, ...), see `mizaru.lab.audit.contract.Medium`.
    """

    visit: Visit
    given: Floats


def show(
    representation: Representation, visits: Sequence[Visit], rng: np.random.Generator
) -> Iterator[Shown]:
    """One visit after the other as the representation shows it, since pictures of all of them
    fill a memory. Those that lack what it is made of (pictures, in sets of skeletons) are left
    out.

    Raises:
        DataError: at the end, if it could show none.
    """
    count, why = 0, "no visits"
    for visit in visits:
        try:
            given = representation.show(visit, rng)
        except DataError as error:
            why = str(error)
            continue
        if len(given) and np.isfinite(given).any():
            count += 1
            yield Shown(visit, given)
    if not count:
        raise DataError(f"{representation.name}: nothing to attack ({why})")


def looks(given: Floats, medium: Medium) -> dict[str, Floats]:
    """Ways to look at what is given: one row of numbers per tick each, shape (T, F), NaN where not
    known. Of poses: bones alone, build (with place and size), movement alone, and all. Of pictures:
    a grid, and colours from head to foot."""
    if medium is Medium.POSES:
        bones, build, movement, rest = _kinematics(given)
        return {
            BONES: bones,
            "movement": movement,
            "all": np.concatenate([bones, build, movement, rest], axis=1),
            "build": np.concatenate([bones, build], axis=1),
        }
    if medium is Medium.PIXELS:
        return {"all": _grid(given), "colours": _colours(given)}
    return {"all": _thinned(given.reshape(len(given), -1))}


def summary(rows: Floats, way: str = "all") -> Floats:
    """A window of ticks (W, F) as one row: mean, median, spread, least and greatest, and, of
    windows long enough, how strongly each number swings in five bands of frequency. Of one tick:
    the tick. Bones do not swing: of them the median only."""
    if len(rows) == 1:
        return np.asarray(rows[0], np.float32)
    if way == BONES:
        return median(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns that were never seen
        mean, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
        middle = median(rows)
        least, greatest = np.fmin.reduce(rows), np.fmax.reduce(rows)
    parts = [mean, middle, spread, least, greatest]
    if len(rows) >= RHYTHM_TICKS:
        parts.append(_rhythm(rows, mean))
    return np.asarray(np.concatenate(parts), np.float32)


def median(rows: Floats) -> Floats:
    """Of each column (W, F) without its NaNs, shape (F,); NaN where it is never there. What
    `numpy.nanmedian` says, which takes its slow way through masked arrays for so few rows."""
    ordered = np.sort(rows, axis=0)  # NaN last
    count = np.isfinite(rows).sum(axis=0)
    middle = np.stack([np.maximum(count - 1, 0) // 2, count // 2])
    two = np.take_along_axis(ordered, np.minimum(middle, len(rows) - 1), axis=0)
    return np.asarray(np.where(count > 0, two.mean(axis=0), np.nan), np.float32)


def cut(ticks: int, length: int, most: int, rng: np.random.Generator) -> list[slice]:
    """Up to `most` windows of `length` ticks, spread evenly over a visit; a visit that is shorter
    is one window."""
    spare = ticks - length
    if spare <= 0:
        return [slice(0, ticks)]
    count = min(most, spare + 1)
    starts = np.linspace(0, spare, count) if count > 1 else np.array([rng.uniform(0, spare)])
    return [slice(start, start + length) for start in np.rint(starts).astype(int).tolist()]


def _kinematics(given: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Poses (T, J, C) as bones (their lengths in metres where they are given, else as seen, in
    body sizes), build (place, size, proportions), movement (posture, angles, speeds), and the rest
    (confidence, head, whatever else is given)."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # joints that were never seen
        rho = given[:, :17, 2]
        flat = np.where(rho[..., None] > 0, given[:, :17, :2], np.nan)
        feet = np.nanmean(flat[:, 15:17], axis=1)
        size = _size(flat)
        # Where the feet stand and how tall somebody is there: who knows the room knows the stature.
        bones = [np.log(_lengths(flat) / size)]
        build = [*bones, feet, np.log(size)]
        movement = _moves(flat)
        rest = [rho]
        if given.shape[2] >= 6:
            metres = given[:, :17, 3:6]
            bones = [_lengths(metres)]
            build += [np.log(_lengths(metres) / _size(metres)), _size(metres)]
            movement += _moves(metres)
        if given.shape[1] > 17:
            rest += [given[:, 17], _thinned(given[:, 18:].reshape(len(given), -1), _BESIDE)]
    return _whole(bones), _whole(build), _whole(movement), _whole(rest)


def _whole(parts: list[Floats]) -> Floats:
    out = np.concatenate(parts, axis=1)
    return np.asarray(np.where(np.isfinite(out), out, np.nan), np.float32)


def _moves(points: Floats) -> list[Floats]:
    """Posture relative to the hips in body sizes, angles, speeds in body sizes a tick."""
    size = _size(points)
    hips = np.nanmean(points[:, 11:13], axis=1, keepdims=True)
    posture = (points - hips)[:, _SHAPE] / size[:, None]
    a, b, c = (points[:, [row[k] for row in _ANGLES]] for k in range(3))
    angles = _angle(a - b, c - b)
    speed = np.full(points.shape[:2], np.nan, np.float32)
    speed[1:] = np.linalg.norm(np.diff(points, axis=0), axis=2) / size[1:]
    return [posture.reshape(len(points), -1), angles, speed]


def _size(points: Floats) -> Floats:
    """Trunk and legs as they are seen, shape (T, 1)."""
    trunk = np.linalg.norm(
        np.nanmean(points[:, 5:7], axis=1) - np.nanmean(points[:, 11:13], axis=1), axis=1
    )
    legs = np.stack(
        [np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in _BONES[4:8]], axis=1
    )
    size = np.nansum([trunk, 2 * np.nanmean(legs, axis=1)], axis=0)
    return np.asarray(np.where(size > 1e-4, size, np.nan), np.float32)[:, None]


def _lengths(points: Floats) -> Floats:
    """Of bones and trunk, shape (T, 11)."""
    bones = [np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in _BONES]
    trunk = np.linalg.norm(points[:, 5:7].mean(axis=1) - points[:, 11:13].mean(axis=1), axis=1)
    return np.asarray(np.stack([*bones, trunk], axis=1), np.float32)


def _angle(a: Floats, b: Floats) -> Floats:
    """Between vectors (..., 2 or 3), radians."""
    dot = (a * b).sum(axis=-1)
    norm = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.asarray(np.arccos(np.clip(dot / norm, -1.0, 1.0)), np.float32)


def _rhythm(rows: Floats, mean: Floats) -> Floats:
    """Log power in `_BANDS` bands of each column, shape (bands · F,)."""
    swing = np.nan_to_num(rows - mean)
    power = np.abs(np.fft.rfft(swing, axis=0))[1:] ** 2 / len(rows)
    edges = np.linspace(0, len(power), _BANDS + 1).astype(int)
    bands = [power[a:b].mean(axis=0) for a, b in pairwise(edges)]
    return np.asarray(np.log(np.concatenate(bands) + 1e-6), np.float32)


def _grid(given: Floats) -> Floats:
    """Pictures (T, h, w, 3) as means over `GRID_HW` cells, shape (T, cells · 3)."""
    height, width = given.shape[1:3]
    if height % GRID_HW[0] or width % GRID_HW[1]:
        return _thinned(given.reshape(len(given), -1))
    cells = given.reshape(
        len(given), GRID_HW[0], height // GRID_HW[0], GRID_HW[1], width // GRID_HW[1], -1
    )
    return np.asarray(cells.mean(axis=(2, 4)).reshape(len(given), -1), np.float32)


def _colours(given: Floats) -> Floats:
    """Mean and spread of the colours of bands of the middle half, where the person is, shape
    (T, bands · 6)."""
    width = given.shape[2]
    middle = given[:, :, width // 4 : max(width - width // 4, width // 4 + 1)]
    bands = np.array_split(middle, min(GRID_HW[1], given.shape[1]), axis=1)
    parts = [of(band, axis=(1, 2)) for band in bands for of in (np.mean, np.std)]
    return np.asarray(np.concatenate(parts, axis=1), np.float32)


def _thinned(rows: Floats, most: int = _MOST) -> Floats:
    """At most so many columns, evenly chosen."""
    step = max(1, math.ceil(rows.shape[1] / most))
    return np.asarray(rows[:, ::step], np.float32)
