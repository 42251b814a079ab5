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
        self._columns: deque[tuple[int, Array, tuple[float, float]]] = deque(maxlen=TICKS)

    def observe(self, t_ms: int, me: Figure, others: list[Figure]) -> None:
        """Add the newest pose; `others`: everybody else in the same picture."""
        self._columns.append((t_ms // GRID_MS, _column(me, others), me.center))

    def features(self) -> Array:
        """Shape (C, W) float32, newest tick last."""
        out = np.zeros((CHANNELS, TICKS), np.float32)
        if not self._columns:
            return out
        now, _, here = self._columns[-1]
        size = 2.0 ** float(self._columns[-1][1][SCALE])
        until = now
        for tick, column, center in reversed(self._columns):
            last = TICKS - 1 - (now - tick)
            if last < 0:
                break
            held = min(until, tick + HOLD_TICKS)
            stop = TICKS - (now - held)
            out[:, last:stop] = column[:, None]
            out[PATH, last:stop] = (
                np.array([[center[0] - here[0]], [center[1] - here[1]]], np.float32) / size
            )
            out[PRESENT, last + 1 : stop] = 0.0
            until = tick - 1
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
    mine, theirs = _targets(me), _targets(nearest)
    lean = _lean(nearest)
    column[RELATION] = (
        1.0,
        (nearest.center[0] - me.center[0]) / me.size,
        (nearest.center[1] - me.center[1]) / me.size,
        math.log2(nearest.size / me.size),
        *(_gap(me, wrist, theirs) / me.size for wrist in _WRISTS),
        *(_gap(nearest, wrist, mine) / me.size for wrist in _WRISTS),
        *lean,
        (1 + len(others)) / 8.0,
    )
    return column


def _targets(figure: Figure) -> Array:
    """What a blow aims at: head and torso, as far as seen; shape (k, 2)."""
    points = [np.array(figure.center, np.float32)]
    if figure.rho[_NOSE] > 0:
        points.append(figure.points[_NOSE])
    points += [figure.points[i] for i in _SHOULDERS if figure.rho[i] > 0]
    return np.stack(points)


def _gap(figure: Figure, wrist: int, targets: Array) -> float:
    """From a wrist to the nearest target, at most `NEAR`; `NEAR` where it is not seen."""
    limit = NEAR * figure.size
    if figure.rho[wrist] <= 0:
        return limit
    return min(limit, float(np.linalg.norm(targets - figure.points[wrist], axis=1).min()))


def _lean(figure: Figure) -> tuple[float, float]:
    """(sin, cos) of the torso's lean from upright; (0, 0) where it is not seen."""
    top = [figure.points[i] for i in _SHOULDERS if figure.rho[i] > 0]
    low = [figure.points[i] for i in _HIPS if figure.rho[i] > 0]
    if not top or not low:
        return 0.0, 0.0
    x, y = np.mean(top, axis=0) - np.mean(low, axis=0)
    length = math.hypot(x, y)
    return (float(abs(x) / length), float(-y / length)) if length > 0 else (0.0, 0.0)
