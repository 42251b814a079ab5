"""A subject's last seconds as the network sees them: one array of shape (C, W).

The window holds W ticks of the 100 ms grid, the newest last. Lengths are in body heights, so
that neither the distance to the camera nor the picture's size matters; x grows to the right,
y downwards. What was not seen is 0, with its confidence or flag at 0.

Channels, in order (see `CHANNELS`):

====================== ==== ===================================================================
joints                  34  17 × (x, y) from the torso's middle
confidence              17  ρ of each joint
path                     2  (x, y) of the torso's middle, from where it is now
present                  1  1 where the subject was seen at that tick
place                    1  v of the torso's middle in the picture
scale                    1  log2 of the body height in image heights
relation                11  to the nearest other person, see `RELATION`
====================== ==== ===================================================================
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.vocabulary import COCO17, Pose
from mizaru.wire.messages import GRID_MS

Array = npt.NDArray[np.float32]

TICKS: Final = 32
"""W: 3.2 s."""
HOLD_TICKS: Final = 2
"""A pose is held for this many ticks after it was seen: cameras with many people send every
second tick only, and single frames get lost."""
NEAR: Final = 3.0
"""Who is farther away than this many body heights is no relation."""

_JOINTS: Final = len(COCO17.keypoints)
JOINTS: Final = slice(0, 2 * _JOINTS)
CONFIDENCE: Final = slice(JOINTS.stop, JOINTS.stop + _JOINTS)
PATH: Final = slice(CONFIDENCE.stop, CONFIDENCE.stop + 2)
PRESENT: Final = PATH.stop
PLACE: Final = PRESENT + 1
SCALE: Final = PLACE + 1
RELATION: Final = slice(SCALE + 1, SCALE + 12)
"""present; (x, y) of the other's torso from mine; log2 of the sizes' ratio; my left and right
wrist to the other's head or torso, the nearer; the other's wrists to mine; how far the other's
torso leans (sin, cos from upright); number of people / 8 (said even when nobody is near)."""
CHANNELS: Final = RELATION.stop

_SHOULDERS, _WRISTS, _HIPS, _NOSE = (5, 6), (9, 10), (11, 12), 0


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One pose in image heights, with its size; what features are made of.

    Attributes:
        points: shape (17, 2): x = u · aspect, y = v.
        rho: shape (17,).
        center: middle of the torso, or the best that is seen of it.
        size: one body height at its place, image heights; > 0.
    """

    points: Array
    rho: Array
    center: tuple[float, float]
    size: float

    @staticmethod
    def of(pose: Pose, aspect: float, center: tuple[float, float], size: float) -> Figure:
        points = pose.keypoints[:, :2] * np.array((aspect, 1.0), np.float32)
        return Figure(points, pose.keypoints[:, 2], center, size)


class Window:
    """The last W ticks of one subject."""

    def __init__(self) -> None:
        # One row per tick in turns, and a last one for ticks that hold nothing.
        self._rows = np.zeros((TICKS + 1, CHANNELS), np.float32)
        self._centers = np.zeros((TICKS + 1, 2))
        self._kept: deque[tuple[int, int]] = deque(maxlen=TICKS)
        self._turn = 0

    def observe(self, t_ms: int, me: Figure, others: list[Figure]) -> None:
        """Add the newest pose; `others`: everybody else in the same picture."""
        row = self._turn % TICKS
        self._turn += 1
        self._rows[row] = _column(me, others)
        self._centers[row] = me.center
        self._kept.append((t_ms // GRID_MS, row))

    def features(self) -> Array:
        """Shape (C, W) float32, newest tick last."""
        if not self._kept:
            return np.zeros((CHANNELS, TICKS), np.float32)
        now, newest = self._kept[-1]
        # Which row each tick shows.
        shown = [TICKS] * TICKS
        seen = [0.0] * TICKS
        until = now
        for tick, row in reversed(self._kept):
            last = TICKS - 1 - (now - tick)
            if last < 0:
                break
            for held in range(last, TICKS - (now - min(until, tick + HOLD_TICKS))):
                shown[held] = row
            seen[last] = 1.0
            until = tick - 1
        out = self._rows.T.take(shown, axis=1)
        here = self._centers[TICKS] = self._centers[newest]
        way = (self._centers.take(shown, axis=0) - here).astype(np.float32)
        out[PATH] = (way / 2.0 ** float(self._rows[newest, SCALE])).astype(np.float32).T
        out[PRESENT] = seen
        return out


def _column(me: Figure, others: list[Figure]) -> Array:
    """One tick, all channels but the path."""
    column = np.zeros(CHANNELS, np.float32)
    seen = me.rho > 0
    column[JOINTS] = np.where(
        seen[:, None], (me.points - np.array(me.center, np.float32)) / me.size, 0.0
    ).ravel()
    column[CONFIDENCE] = me.rho
    column[PRESENT] = 1.0
    column[PLACE] = me.center[1]
    column[SCALE] = math.log2(me.size)
    column[RELATION.stop - 1] = (1 + len(others)) / 8.0
    nearest = min(others, key=lambda o: math.dist(o.center, me.center), default=None)
    if nearest is None or math.dist(nearest.center, me.center) > NEAR * me.size:
        return column
    mine, theirs = _Joints(me), _Joints(nearest)
    column[RELATION] = (
        1.0,
        (nearest.center[0] - me.center[0]) / me.size,
        (nearest.center[1] - me.center[1]) / me.size,
        math.log2(nearest.size / me.size),
        *(mine.gap(wrist, theirs) / me.size for wrist in _WRISTS),
        *(theirs.gap(wrist, mine) / me.size for wrist in _WRISTS),
        *theirs.lean(),
        (1 + len(others)) / 8.0,
    )
    return column


class _Joints:
    """A figure's joints as plain numbers: for a handful of them that is faster than arrays."""

    def __init__(self, figure: Figure) -> None:
        points, rho = figure.points.tolist(), figure.rho.tolist()
        self._size = figure.size
        self._joints = [
            (x, y) if seen > 0 else None for (x, y), seen in zip(points, rho, strict=True)
        ]
        aims = [figure.center, *(self._joints[i] for i in (_NOSE, *_SHOULDERS))]
        self._aims = [aim for aim in aims if aim is not None]

    def gap(self, wrist: int, other: _Joints) -> float:
        """From a wrist to the nearest of what a blow aims at (head and torso, as far as seen), at
        most `NEAR`; `NEAR` where the wrist is not seen."""
        limit = NEAR * self._size
        place = self._joints[wrist]
        if place is None:
            return limit
        return min(limit, *(math.dist(place, aim) for aim in other._aims))

    def lean(self) -> tuple[float, float]:
        """(sin, cos) of the torso's lean from upright; (0, 0) where it is not seen."""
        top = [joint for i in _SHOULDERS if (joint := self._joints[i])]
        low = [joint for i in _HIPS if (joint := self._joints[i])]
        if not top or not low:
            return 0.0, 0.0
        x = sum(x for x, _ in top) / len(top) - sum(x for x, _ in low) / len(low)
        y = sum(y for _, y in top) / len(top) - sum(y for _, y in low) / len(low)
        length = math.hypot(x, y)
        return (abs(x) / length, -y / length) if length > 0 else (0.0, 0.0)
