"""Beds and sofas as an operator would draw them into a camera's picture."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.settings import ZoneKind, ZoneSettings
from mizaru.lab.motion import Motion
from mizaru.lab.seeing import Eye

Array = npt.NDArray[np.float64]

_HEIGHTS_M: Final = (0.2, 0.9)
"""Whoever lies on a mattress appears above its floor plan."""
_NEAR_M: Final = 0.1
"""Nothing nearer to the camera's plane than this is drawn."""
_LEAST: Final = 0.02
"""Share of the picture's sides below which nobody would draw a zone."""


def rest_zones(motion: Motion, eye: Eye) -> tuple[ZoneSettings, ...]:
    """`Motion.rest` as polygons of the picture, from floor to mattress, cut at its edges; what is
    not in the picture has none."""
    zones = []
    for number, corners in enumerate(motion.rest):
        seen = _in_front(eye.look(np.array([(x, y, z) for x, y in corners for z in _HEIGHTS_M])))
        pixels = eye.project(seen) / eye.resolution_wh
        shown = np.array(_cut(_hull(pixels))).reshape(-1, 2)
        if len(shown) < 3 or np.ptp(shown, axis=0).min() < _LEAST:
            continue
        polygon = tuple((float(u), float(v)) for u, v in _hull(shown))
        if len(polygon) >= 3:
            zones.append(ZoneSettings(name=f"rest {number}", kind=ZoneKind.REST, polygon=polygon))
    return tuple(zones)


def _in_front(points: Array) -> Array:
    """Of a convex body's corners (N, 3) in metres of the camera, what remains of it in front of
    the camera: corners there, and where its edges and diagonals meet the plane at `_NEAR_M`."""
    kept = [point for point in points if point[2] >= _NEAR_M]
    for a, b in itertools.combinations(points, 2):
        if (a[2] < _NEAR_M) != (b[2] < _NEAR_M):
            kept.append(a + (_NEAR_M - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept).reshape(-1, 3)


def _cut(polygon: list[Array]) -> list[Array]:
    """A convex polygon's part within the picture [0, 1]² (Sutherland and Hodgman)."""
    for axis, edge, sign in ((0, 0.0, 1.0), (0, 1.0, -1.0), (1, 0.0, 1.0), (1, 1.0, -1.0)):
        kept: list[Array] = []
        for a, b in itertools.pairwise([*polygon, *polygon[:1]]):
            inside_a, inside_b = (sign * (p[axis] - edge) >= 0 for p in (a, b))
            if inside_a:
                kept.append(a)
            if inside_a != inside_b:
                crossing = a + (edge - a[axis]) / (b[axis] - a[axis]) * (b - a)
                crossing[axis] = edge
                kept.append(crossing)
        polygon = kept
    return polygon


def _hull(points: Array) -> list[Array]:
    """Corners of the convex hull of points (N, 2), in order (Andrew's monotone chain)."""
    ranked = points[np.lexsort(points.T[::-1])]

    def half(row: Array) -> list[Array]:
        chain: list[Array] = []
        for point in row:
            while len(chain) > 1:
                a, b = chain[-1] - chain[-2], point - chain[-2]
                if a[0] * b[1] - a[1] * b[0] > 1e-9:
                    break
                chain.pop()
            chain.append(point)
        return chain[:-1]

    return half(ranked) + half(ranked[::-1])
