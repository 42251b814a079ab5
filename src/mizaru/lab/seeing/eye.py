"""A pinhole camera in a room, and where one is likely to hang."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.motion import Motion
from mizaru.proxy import body

Array = npt.NDArray[np.float64]

_ASPECTS: Final = (4 / 3, 16 / 9)
_TRIES: Final = 8
_ENOUGH: Final = 0.6
"""Share of the time that people's trunks are to be in the picture; else another draw."""
_NEAREST_M: Final = 0.5
_FARTHEST_M: Final = 13.0
_SHOULDERS, _HIPS = (5, 6), (11, 12)
_MOUNTS: Final = (
    # share, lowest and highest metres, smallest and largest body in image heights
    (0.20, 0.9, 1.6, 0.40, 1.20),  # on a desk or shelf, people near
    (0.30, 1.4, 2.8, 0.30, 0.90),  # on a wall
    (0.20, 2.3, 3.5, 0.18, 0.65),  # in a corner below the ceiling
    (0.20, 0.8, 2.3, 0.70, 1.60),  # beside the people, who are seen in part
    (0.10, 2.4, 4.0, 0.30, 0.75),  # at the ceiling, looking down steeply
)
_BESIDE: Final = len(_MOUNTS) - 2
_STEEP: Final = len(_MOUNTS) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """A camera.

    Attributes:
        place: shape (3,), metres, in the room's axes.
        axes: shape (3, 3), rows: the camera's x (right), y (down) and z (away) in the room's.
        focal: focal length, image heights.
        aspect: image width / height.
        height_px: image height.
    """

    place: Array
    axes: Array
    focal: float
    aspect: float
    height_px: int = 480

    def __post_init__(self) -> None:
        if not np.allclose(self.axes @ self.axes.T, np.eye(3), atol=1e-6):
            raise ValueError("axes must be at right angles and of length 1")
        if not (self.focal > 0 and self.aspect > 0 and self.height_px > 0):
            raise ValueError("focal, aspect and height_px must be positive")

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """Of its picture, pixels."""
        return round(self.aspect * self.height_px), self.height_px

    @staticmethod
    def at(
        place: tuple[float, float, float],
        target: tuple[float, float, float],
        *,
        fov_deg: float = 70.0,
        aspect: float = 4 / 3,
        roll_deg: float = 0.0,
        height_px: int = 480,
    ) -> Eye:
        """A camera that looks at a point; `fov_deg`: across the picture's width."""
        away = _unit(np.subtract(target, place).astype(np.float64))
        right = np.cross(away, (0.0, 0.0, 1.0))
        right = _unit(right) if np.linalg.norm(right) > 1e-6 else np.array([1.0, 0.0, 0.0])
        down = np.cross(away, right)
        c, s = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
        axes = np.stack([c * right + s * down, c * down - s * right, away])
        focal = aspect / 2 / math.tan(math.radians(fov_deg) / 2)
        return Eye(np.array(place, np.float64), axes, focal, aspect, height_px)

    @staticmethod
    def draw(rng: np.random.Generator, motion: Motion) -> Eye:
        """A camera such as hangs in rooms, turned to where the motion is.

        It looks at the middle of what happens, but not quite; of a few draws the first that
        sees enough of the people, or else the best.
        """
        hips = motion.joints[:, :, _HIPS].mean(axis=2)
        there = hips[np.isfinite(hips).all(axis=-1)].astype(np.float64)
        if not len(there):
            there = np.array([[0.0, 0.0, 0.9]])
        there = there[:: max(1, len(there) // 400)]
        tried: list[tuple[float, int, Eye]] = []
        for _ in range(_TRIES):
            eye = _draw(rng, there)
            seen = eye._sees(there)
            if seen >= _ENOUGH:
                return eye
            tried.append((seen, len(tried), eye))
        return max(tried)[2]

    def look(self, points: npt.NDArray[np.floating]) -> Array:
        """Points (..., 3) in metres of the room as metres of the camera."""
        return np.asarray((points - self.place) @ self.axes.T)

    def project(self, seen: Array) -> Array:
        """Points (..., 3) in metres of the camera as pixels (..., 2); NaN for what is not in
        front of it."""
        depth = np.where(seen[..., 2:] > 1e-3, seen[..., 2:], np.nan)
        middle = np.array([self.aspect / 2, 0.5])
        return np.asarray((self.focal * seen[..., :2] / depth + middle) * self.height_px)

    def _sees(self, points: Array) -> float:
        """Share of points that lie in the picture, neither too near nor too far."""
        seen = self.look(points)
        pixels = self.project(seen)
        with np.errstate(invalid="ignore"):
            inside = ((pixels >= 0) & (pixels <= self.resolution_wh)).all(axis=-1)
        near = (seen[:, 2] > _NEAREST_M) & (seen[:, 2] < _FARTHEST_M)
        return float((inside & near).mean())


def _draw(rng: np.random.Generator, there: Array) -> Eye:
    kind = int(rng.choice(len(_MOUNTS), p=[mount[0] for mount in _MOUNTS]))
    _, low, high, small, large = _MOUNTS[kind]
    aspect = float(rng.choice(_ASPECTS))
    fov = float(rng.uniform(50.0, 100.0))
    focal = aspect / 2 / math.tan(math.radians(fov) / 2)
    size = math.exp(rng.uniform(math.log(small), math.log(large)))
    distance = min(max(focal * body.STATURE / size, 1.0), _FARTHEST_M)
    target = there[rng.integers(len(there))] * 0.3 + np.median(there, axis=0) * 0.7
    height = float(rng.uniform(low, high))
    drop = height - target[2]
    least = 0.4 * distance if kind == _STEEP else 0.7 * distance
    flat = math.sqrt(max(distance**2 - drop**2, least**2))
    if kind == _STEEP:
        flat = min(flat, 1.2 * max(drop, 0.8))
    turn = rng.uniform(-math.pi, math.pi)
    place = (
        float(target[0] + flat * math.cos(turn)),
        float(target[1] + flat * math.sin(turn)),
        height,
    )
    # Not quite at the middle: up to a quarter of the picture beside it, or to its edge.
    reach = math.dist(place, tuple(target)) / focal
    spread = 0.2 if kind == _BESIDE else 0.12
    aside = rng.normal(0.0, spread * reach, 3) * (aspect, aspect, 1.0)
    aimed = (float(target[0] + aside[0]), float(target[1] + aside[1]), float(target[2] + aside[2]))
    return Eye.at(
        place,
        aimed,
        fov_deg=fov,
        aspect=aspect,
        roll_deg=float(rng.normal(0.0, 2.0)),
        height_px=int(rng.choice((360, 480, 720))),
    )


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))
