"""The anonymous frame Ĩ_t as the encoder sees it: small, quick, and drawn from what is sent anyway.

`mizaru.proxy.draw` is the definition. This one fills the same primitives of Ψ with OpenCV, four
times finer than the canvas, and averages: flat colours instead of round shading, else the same
(``tests/edge/darkroom/encode/test_canvas.py`` states how near). Two people take about a
millisecond. Darkroom and lab share it, so that the encoder learns on what it will see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.proxy.psi import Part, Primitive, Shape, primitives, slots
from mizaru.proxy.raster import PALETTE, UNKNOWN_RGB, VISOR_RGB
from mizaru.vocabulary import Pose

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.int32]
Rgb = tuple[int, int, int]

CANVAS_HW: Final = (64, 96)
"""Rows and columns of the canvas. A picture of another shape is squeezed, never letterboxed."""

_FINER: Final = 4  # sub-pixels per pixel and axis
_SHIFT: Final = 4  # fractional bits of OpenCV's coordinates
_FAR: Final = 4096.0  # sub-pixels: beyond it nothing shows, and OpenCV's integers hold it
_EDGE: Final = 0.5  # sub-pixels: OpenCV fills the pixels under an outline, too
_ROUND: Final = np.stack([f(np.linspace(0.0, math.pi, 9)) for f in (np.cos, np.sin)], axis=1)
# Raster's light falls on round bodies; these are its means over one.
_SHADE: Final = {Shape.CAPSULE: 0.90, Shape.POLYGON: 0.95, Shape.ELLIPSE: 0.84}
_PART_GAIN: Final = {Part.PELVIS: 0.90, Part.NECK: 0.86, Part.FOOT: 0.80, Part.HEAD: 1.06}
_RINGS: Final = (0.1, 0.3, 0.5, 0.7, 0.9)  # of a shadow: depth inside its rim, per least radius


def canvas(plate: Image | None, poses: Sequence[Pose], aspect: float) -> Image:
    """Ĩ_t: the plate as published, and the mannequins of the poses as released.

    Args:
        plate: shape (h, w, 3) uint8 RGB of any size; None before the first one.
        poses: in occlusion order π_t, the farthest first. Of nobody, the plate alone.
        aspect: width / height of the camera's image.

    Returns:
        Shape (*CANVAS_HW, 3) uint8 RGB.
    """
    rows, columns = CANVAS_HW
    if plate is None:
        room = np.full((rows, columns, 3), UNKNOWN_RGB, np.uint8)
    else:
        room = np.asarray(cv2.resize(plate, (columns, rows), interpolation=cv2.INTER_AREA))
    colours = slots([pose.subject_id for pose in poses], len(PALETTE))
    painted = [
        (primitive, rgb)
        for pose, rgb in zip(poses, (PALETTE[slot] for slot in colours), strict=True)
        for primitive in primitives(pose, aspect)
    ]
    window = _window(painted)
    if room[window].size:
        _paint(room, window, painted)
    return room


def _window(painted: Sequence[tuple[Primitive, Rgb]]) -> tuple[slice, slice]:
    """Rows and columns of the canvas that anything can touch; perhaps none."""
    rows, columns = CANVAS_HW
    low_u = low_v = math.inf
    high_u = high_v = -math.inf
    for primitive, _ in painted:
        reach = max(primitive.radii)
        for u, v in primitive.points:
            # Radii are fractions of the height: in columns, they are as many as in rows.
            low_u, high_u = (
                min(low_u, u - reach * rows / columns),
                max(high_u, u + reach * rows / columns),
            )
            low_v, high_v = min(low_v, v - reach), max(high_v, v + reach)
    spans = []
    for low, high, size in ((low_v, high_v, rows), (low_u, high_u, columns)):
        first = math.floor(max(0.0, min(1.0, low)) * size) - 1
        last = math.ceil(max(0.0, min(1.0, high)) * size) + 1
        spans.append(slice(max(0, first), min(size, last) if high > low else 0))
    return spans[0], spans[1]


def _paint(
    room: Image, window: tuple[slice, slice], painted: Sequence[tuple[Primitive, Rgb]]
) -> None:
    """Paint into a window of the canvas, in sub-pixels of it."""
    below = room[window]
    height, width = below.shape[:2]
    finer = (width * _FINER, height * _FINER)
    fine: Image = np.asarray(
        cv2.resize(below, finer, interpolation=cv2.INTER_NEAREST), dtype=np.uint8
    )
    unit = CANVAS_HW[0] * _FINER
    corner = np.array((window[1].start, window[0].start)) * _FINER + 0.5
    every = [point for primitive, _ in painted for point in primitive.points]
    points = np.array(every) * (CANVAS_HW[1] * _FINER, unit) - corner
    points = np.clip(points, -_FAR, _FAR)
    at, figures = 0, []
    for primitive, rgb in painted:
        own = points[at : at + len(primitive.points)]
        at += len(own)
        radii = [max(min(radius * unit, _FAR) - _EDGE, 0.0) for radius in primitive.radii]
        figures.append(_Figure(primitive, own, radii, _colour(primitive, rgb)))
    capsules = [figure for figure in figures if figure.primitive.shape is Shape.CAPSULE]
    for figure, outline in zip(capsules, _outlines(capsules), strict=True):
        figure.outline = outline
    for figure in figures:
        if figure.primitive.part is Part.SHADOW:
            _shadow(fine, figure)
        elif figure.primitive.opacity >= 1.0:
            _fill(fine, figure)
        elif (touched := figure.reach(fine)).size:
            before = touched.copy()
            _fill(fine, figure)
            share = figure.primitive.opacity
            cv2.addWeighted(touched, share, before, 1.0 - share, 0.0, dst=touched)
    room[window] = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


@dataclass(slots=True, eq=False)
class _Figure:
    """One primitive in sub-pixels: points (n, 2), radii without the outline that OpenCV adds."""

    primitive: Primitive
    points: npt.NDArray[np.float64]
    radii: list[float]
    colour: tuple[float, ...]
    outline: Points | None = None

    def reach(self, fine: Image) -> Image:
        """What of the picture it can touch, as a view; perhaps nothing."""
        far = max(self.radii) + 2.0
        x0, y0 = self.points.min(axis=0) - far
        x1, y1 = self.points.max(axis=0) + far
        return fine[max(0, int(y0)) : max(0, int(y1) + 1), max(0, int(x0)) : max(0, int(x1) + 1)]


def _colour(primitive: Primitive, rgb: Rgb) -> tuple[float, ...]:
    if primitive.part is Part.VISOR:
        return tuple(map(float, VISOR_RGB))
    gain = _SHADE[primitive.shape] * _PART_GAIN.get(primitive.part, 1.0)
    return tuple(gain * level for level in rgb)


def _fill(fine: Image, figure: _Figure) -> None:
    if figure.outline is not None:
        cv2.fillConvexPoly(fine, figure.outline, figure.colour, cv2.LINE_8, _SHIFT)
    elif figure.primitive.shape is Shape.ELLIPSE:
        degrees = math.degrees(figure.primitive.angle)
        _ellipse(fine, figure.points[0], figure.radii, degrees, figure.colour)
    else:
        corners = _fixed(figure.points)
        cv2.fillPoly(fine, [corners], figure.colour, cv2.LINE_8, _SHIFT)
        thick = max(1, round(2.0 * figure.radii[0]))
        cv2.polylines(fine, [corners], True, figure.colour, thick, cv2.LINE_8, _SHIFT)


def _outlines(capsules: Sequence[_Figure]) -> Points:
    """Shape (capsules, points, 2): hulls of two circles, half a circle around either end."""
    if not capsules:
        return np.zeros((0, 0, 2), np.int32)
    ends = np.stack([figure.points for figure in capsules])
    radii = np.array([figure.radii for figure in capsules])
    along = ends[:, 1] - ends[:, 0]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    across = along[:, ::-1] * (-1.0, 1.0)
    half = _ROUND[None, :, :1] * across[:, None] - _ROUND[None, :, 1:] * along[:, None]
    first = ends[:, None, 0] + half * radii[:, None, None, 0]
    second = ends[:, None, 1] - half * radii[:, None, None, 1]
    return _fixed(np.concatenate((first, second), axis=1))


def _ellipse(
    fine: Image,
    middle: npt.NDArray[np.float64],
    radii: Sequence[float],
    degrees: float,
    colour: tuple[float, ...],
) -> None:
    one = 1 << _SHIFT
    axes = (round(radii[0] * one), round(radii[1] * one))
    centre = (round(middle[0] * one), round(middle[1] * one))
    cv2.ellipse(fine, centre, axes, degrees, 0.0, 360.0, colour, -1, cv2.LINE_8, _SHIFT)


def _shadow(fine: Image, figure: _Figure) -> None:
    """Darken smoothly from the rim inwards, in rings."""
    under = figure.reach(fine)
    if not under.size:
        return
    light = np.full(under.shape, 255, np.uint8)
    start = np.maximum(0, (figure.points.min(axis=0) - max(figure.radii) - 2.0).astype(int))
    least = max(min(figure.radii), 1.0)
    for depth in _RINGS:
        soft = figure.primitive.opacity * depth * depth * (3.0 - 2.0 * depth)
        level = 255.0 * (1.0 - soft)
        inset = [max(radius - (depth - 0.1) * least, 0.0) for radius in figure.radii]
        _ellipse(light, figure.points[0] - start, inset, 0.0, (level, level, level))
    cv2.multiply(under, light, dst=under, scale=1 / 255)


def _fixed(points: npt.NDArray[np.float64]) -> Points:
    return np.asarray(np.rint(points * (1 << _SHIFT)), dtype=np.int32)
