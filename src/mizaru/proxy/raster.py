"""Draw mannequins: a small anti-aliased rasteriser over signed distances, NumPy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.proxy.psi import Part, Primitive, Shape, primitives, slots
from mizaru.vocabulary import Pose

Image = npt.NDArray[np.uint8]
Field = npt.NDArray[np.floating[Any]]

PALETTE: Final = (
    (94, 170, 168),
    (232, 164, 92),
    (140, 132, 208),
    (222, 124, 116),
    (112, 162, 222),
    (168, 188, 96),
    (206, 132, 178),
    (150, 162, 176),
)
"""One RGB colour per slot."""
VISOR_RGB: Final = (38, 44, 54)
UNKNOWN_RGB: Final = (128, 128, 128)
"""The flat fill of what has not been seen without people."""
_LIGHT: Final = (-0.42, -0.58, 0.70)
_AMBIENT: Final = 0.50
_PART_GAIN: Final = {Part.PELVIS: 0.90, Part.NECK: 0.86, Part.FOOT: 0.80, Part.HEAD: 1.06}


def draw(background: Image, poses: Sequence[Pose], aspect: float | None = None) -> Image:
    """The anonymous frame Ĩ_t: mannequins over a plate.

    Args:
        background: (H, W, 3) uint8 RGB; left as it is.
        poses: in occlusion order π_t, the farthest first.
        aspect: width / height of the camera's image; the background's own where None.

    Returns:
        A new (H, W, 3) uint8 image.
    """
    if background.ndim != 3 or background.shape[2] != 3 or background.dtype != np.uint8:
        raise ValueError(
            f"background must be (H, W, 3) uint8, got {background.shape} {background.dtype}"
        )
    height, width = background.shape[:2]
    canvas = background.astype(np.float32)
    colours = slots([pose.subject_id for pose in poses], len(PALETTE))
    for pose, slot in zip(poses, colours, strict=True):
        for primitive in primitives(pose, aspect or width / height):
            _paint(canvas, primitive, PALETTE[slot])
    return np.asarray(np.rint(canvas), dtype=np.uint8)


def compose(plate: Image | None, poses: Sequence[Pose], resolution_wh: tuple[int, int]) -> Image:
    """`draw` over a plate of any size, or over the unknown fill where there is no plate yet."""
    width, height = resolution_wh
    if plate is None:
        background = np.empty((height, width, 3), np.uint8)
        background[:] = UNKNOWN_RGB
    else:
        rows = np.arange(height) * plate.shape[0] // height
        columns = np.arange(width) * plate.shape[1] // width
        background = plate[rows][:, columns]
    return draw(background, poses, width / height)


def _paint(canvas: Field, primitive: Primitive, rgb: tuple[int, int, int]) -> None:
    height, width = canvas.shape[:2]
    points = np.array(primitive.points, dtype=np.float32) * (width, height)
    radii = np.array(primitive.radii, dtype=np.float32) * height
    reach = float(radii.max()) + 1.5
    # Far beyond the picture nothing shows; the bound also keeps the window an integer.
    x0, y0 = np.clip(np.floor(points.min(0) - reach), 0, (width, height)).astype(int)
    x1, y1 = np.clip(np.ceil(points.max(0) + reach) + 1, 0, (width, height)).astype(int)
    if x0 >= x1 or y0 >= y1:
        return
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32) + 0.5
    if primitive.shape is Shape.CAPSULE:
        distance, normal = _capsule(x, y, points, radii)
    elif primitive.shape is Shape.ELLIPSE:
        distance, normal = _ellipse(x, y, points[0], radii, primitive.angle)
    else:
        distance, normal = _polygon(x, y, points, float(radii[0]))
    window = canvas[y0:y1, x0:x1]
    if primitive.part is Part.SHADOW:
        soft = np.clip(-distance / max(float(radii.min()), 1.0), 0.0, 1.0)
        window *= 1.0 - primitive.opacity * (soft * soft * (3 - 2 * soft))[..., None]
        return
    coverage = np.clip(0.5 - distance, 0.0, 1.0) * primitive.opacity
    if primitive.part is Part.VISOR:
        colour = np.array(VISOR_RGB, np.float32)[None, None]
    else:
        colour = _shade(normal)[..., None] * (
            np.array(rgb, np.float32) * _PART_GAIN.get(primitive.part, 1.0)
        )
    window += coverage[..., None] * (np.clip(colour, 0, 255) - window)


def _shade(normal: tuple[Field, Field]) -> Field:
    """Lambert over a rounded surface; the normal's (x, y), its z follows."""
    nx, ny = normal
    nz = np.sqrt(np.clip(1.0 - nx * nx - ny * ny, 0.0, 1.0))
    light = np.clip(nx * _LIGHT[0] + ny * _LIGHT[1] + nz * _LIGHT[2], 0.0, 1.0)
    return np.asarray((_AMBIENT + 0.72 * light) * (0.80 + 0.20 * nz), dtype=np.float32)


def _capsule(x: Field, y: Field, ends: Field, radii: Field) -> tuple[Field, tuple[Field, Field]]:
    """Distance to a tapered capsule (radius interpolated along the axis) and surface normal."""
    (ax, ay), (bx, by) = ends
    dx, dy = bx - ax, by - ay
    length2 = float(dx * dx + dy * dy)
    t = np.clip(((x - ax) * dx + (y - ay) * dy) / max(length2, 1e-9), 0.0, 1.0)
    ox, oy = x - (ax + t * dx), y - (ay + t * dy)
    radius = np.maximum(radii[0] + t * (radii[1] - radii[0]), 1e-3)
    return np.hypot(ox, oy) - radius, (ox / radius, oy / radius)


def _ellipse(
    x: Field, y: Field, middle: Field, radii: Field, angle: float
) -> tuple[Field, tuple[Field, Field]]:
    c, s = math.cos(angle), math.sin(angle)
    ox, oy = x - middle[0], y - middle[1]
    px, py = (ox * c + oy * s) / radii[0], (oy * c - ox * s) / radii[1]
    norm = np.hypot(px, py)
    gradient = np.hypot(px / radii[0], py / radii[1])
    distance = norm * (norm - 1.0) / np.maximum(gradient, 1e-6)
    return distance, (px * c - py * s, px * s + py * c)


def _polygon(
    x: Field, y: Field, corners: Field, rounding: float
) -> tuple[Field, tuple[Field, Field]]:
    """Distance to a rounded polygon (after I. Quilez) and the normal of a bulge."""
    nearest = np.full(x.shape, np.inf, np.float32)
    inside = np.zeros(x.shape, np.bool_)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        ex, ey = bx - ax, by - ay
        t = np.clip(((x - ax) * ex + (y - ay) * ey) / max(float(ex * ex + ey * ey), 1e-9), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - t * ex, y - ay - t * ey))
        inside ^= ((ay > y) != (by > y)) & (
            x < (bx - ax) * (y - ay) / np.where(by == ay, 1e-9, by - ay) + ax
        )
    distance = np.where(inside, -nearest, nearest) - rounding
    across, reach = bulge(corners, rounding)
    middle = corners.mean(0)
    t = np.clip(((x - middle[0]) * across[0] + (y - middle[1]) * across[1]) / reach, -1.0, 1.0)
    return distance, (0.92 * t * across[0], 0.92 * t * across[1])


def bulge(corners: Field, rounding: float) -> tuple[Field, float]:
    """A trunk is shaded like a cylinder: the unit vector across it, and its half width.

    The axis runs from the middle of the first two corners to that of the opposite two.
    """
    count = len(corners)
    axis = corners[count // 2 : count // 2 + 2].mean(0) - corners[:2].mean(0)
    length = float(np.hypot(*axis))
    across = np.array((-axis[1], axis[0])) / length if length > 1e-3 else np.array((1.0, 0.0))
    reach = float(np.abs((corners - corners.mean(0)) @ across).max()) + rounding
    return across, max(reach, 1e-3)
