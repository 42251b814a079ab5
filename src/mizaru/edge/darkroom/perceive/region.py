"""The rotated square around a body, in which the landmark model looks (BlazePose's ROI)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]

ENLARGE = 1.25
"""BlazePose looks at a square a quarter larger than the circle around the body."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rotated square.

    Attributes:
        x, y: centre, pixels: the middle of the hips.
        size: side, pixels.
        angle: radians, clockwise in the image; 0 means the body's long axis is upright.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not (self.size > 0 and all(map(math.isfinite, (self.x, self.y, self.size, self.angle)))):
            raise ValueError(f"a region needs a finite place and a positive size, got {self}")

    @classmethod
    def from_axis(cls, centre: Array, tip: Array) -> Region | None:
        """Region of a body whose hips are at `centre` and whose circle reaches `tip` above
        the head; both (x, y) in pixels. None for a body smaller than four pixels."""
        dx, dy = float(tip[0] - centre[0]), float(tip[1] - centre[1])
        radius = math.hypot(dx, dy)
        if not (math.isfinite(radius) and radius >= 2.0):
            return None
        x, y = float(centre[0]), float(centre[1])
        return cls(x, y, 2 * radius * ENLARGE, math.atan2(dx, -dy))

    @classmethod
    def from_box(cls, box: Box) -> Region | None:
        """Upright region of a body known by its box only."""
        x0, y0, x1, y1 = box
        size = max(x1 - x0, y1 - y0)
        return cls((x0 + x1) / 2, (y0 + y1) / 2, size * ENLARGE) if size >= 4.0 else None

    @property
    def radius(self) -> float:
        """Radius of the circle around the body, pixels."""
        return self.size / (2 * ENLARGE)

    def turned(self, angle: float) -> Region:
        """The same square turned by `angle` radians more."""
        return Region(self.x, self.y, self.size, self.angle + angle)

    def moved(self, dx: float, dy: float) -> Region:
        """The same square elsewhere."""
        return Region(self.x + dx, self.y + dy, self.size, self.angle)

    def to_image(self, side: int) -> npt.NDArray[np.float64]:
        """Affine matrix, shape (2, 3): pixels of a `side`×`side` crop → pixels of the image."""
        scale = self.size / side
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        half = side / 2
        return np.array(
            [
                [cos, -sin, self.x - cos * half + sin * half],
                [sin, cos, self.y - sin * half - cos * half],
            ]
        )

    def rotation(self) -> npt.NDArray[np.float64]:
        """Shape (2, 2): directions in the crop → directions in the image."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.array([[cos, -sin], [sin, cos]])


def apply(matrix: npt.NDArray[np.float64], points: Array) -> Array:
    """Affine map of points, shape (N, 2) → (N, 2)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def shrink(image: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    """An image made smaller by averaging, so that thin things do not alias away."""
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def circle_iou(a: Region, b: Region) -> float:
    """Intersection over union of the two body circles, [0, 1]."""
    r, s = a.radius, b.radius
    distance = math.hypot(a.x - b.x, a.y - b.y)
    if distance >= r + s:
        return 0.0
    if distance <= abs(r - s):
        return (min(r, s) / max(r, s)) ** 2
    alpha = math.acos((distance**2 + r**2 - s**2) / (2 * distance * r))
    beta = math.acos((distance**2 + s**2 - r**2) / (2 * distance * s))
    lens = r * r * (alpha - math.sin(2 * alpha) / 2) + s * s * (beta - math.sin(2 * beta) / 2)
    return lens / (math.pi * (r * r + s * s) - lens)


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1), [0, 1]."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (area - shared)
