"""Frames as pictures: as the darkroom draws them, and as it might as well have, while learning.

Pictures are drawn anew whenever they are needed, by the darkroom's own canvas, of plates and
poses. So people can stand before any room, and be mirrored, moved and sized, and no picture has
to be seen twice: what cannot be seen twice cannot be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW, canvas
from mizaru.lab.encoder.frames import Frames
from mizaru.proxy import UNKNOWN_RGB
from mizaru.proxy.raster import PALETTE
from mizaru.vocabulary import HeadOrientation, Pose

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]

_SWAPPED: Final = np.array((0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15))
"""Left for right in `mizaru.vocabulary.COCO17`."""
_CUT: Final = 0.2
"""Of each side of the picture, at most: a room is never quite where it was."""
_SIZES: Final = (0.7, 1.25)
"""Of people before another room, times their own."""
_MOVED: Final = 0.12
"""Standard deviation of how far they are moved there, pictures."""
_STAY: Final = (0.15, 0.85)
"""Their middle stays within, pictures."""
_SHAKEN: Final = 0.012
"""Standard deviation of noise on keypoints, of the body's longer side; drawn up to this."""
_COARSE: Final = 0.2
_JITTERED: Final = 0.03
"""Share of pictures whose poses come through a coarser pose channel, and what it may add at most:
as much as anybody might ask of it, see ``docs/decisions/0012-*``."""
_PATCHED: Final = 0.15
"""Share of plates in which one more rectangle is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """B pictures.

    Attributes:
        pixels: shape (B, *CANVAS_HW, 3) uint8 RGB.
        elsewhere: shape (B,) bool: before another room than they were in.
        body: shape (B, 17, 3) float32: the one body that is in it, as drawn; ρ = 0 in all rows
            where there is not exactly one.
    """

    pixels: Image
    elsewhere: npt.NDArray[np.bool_]
    body: Array


def pictures(frames: Frames) -> Image:
    """Frames as the darkroom draws them, shape (N, *CANVAS_HW, 3) uint8 RGB."""
    out = np.empty((len(frames), *CANVAS_HW, 3), np.uint8)
    for k, plate in enumerate(frames.plate_of):
        out[k] = canvas(frames.plates[plate], frames.poses(k), float(frames.aspects[plate]))
    return out


def in_parts(frames: Frames, size: int = 512) -> Iterator[Image]:
    """`pictures`, so many at a time."""
    for start in range(0, len(frames), size):
        yield pictures(frames.pick(np.arange(start, min(start + size, len(frames)))))


@dataclass(frozen=True, slots=True, eq=False)
class _Plate:
    """A room, or none; and where it is not known, or None where it all is."""

    pixels: Image | None
    unknown: npt.NDArray[np.bool_] | None

    @staticmethod
    def of(plate: Image | None) -> _Plate:
        if plate is None:
            return _Plate(None, None)
        unknown = (plate == np.array(UNKNOWN_RGB, np.uint8)).all(axis=2)
        return _Plate(plate, unknown if unknown.any() else None)

    def painted(self, rng: np.random.Generator) -> Image | None:
        """In another light, and perhaps with one more part that is not known."""
        if self.pixels is None:
            return None
        gain = rng.uniform(0.55, 1.35) * rng.uniform(0.8, 1.2, 3)
        table = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)[None]
        out = np.asarray(cv2.LUT(self.pixels, table), np.uint8)
        if self.unknown is not None:
            out[self.unknown] = UNKNOWN_RGB
        if rng.random() < _PATCHED:
            height, width = out.shape[:2]
            top, left = int(rng.integers(height)), int(rng.integers(width))
            tall, wide = int(rng.integers(4, height // 2)), int(rng.integers(4, width // 2))
            out[top : top + tall, left : left + wide] = UNKNOWN_RGB
        return out


class Studio:
    """Draws pictures to learn from.

    Args:
        elsewhere: share of them that is drawn before another room.
    """

    def __init__(self, frames: Frames, elsewhere: float) -> None:
        self._frames, self._elsewhere = frames, elsewhere
        size = CANVAS_HW[::-1]
        self._plates = [_Plate.of(plate) for plate in frames.plates]
        # No part is cut from other rooms, so they need no more pixels than are shown.
        self._small = [
            _Plate.of(None if plate is None else np.asarray(cv2.resize(plate, size), np.uint8))
            for plate in frames.plates
        ]

    def draw(self, picks: npt.NDArray[np.intp], rng: np.random.Generator) -> Drawn:
        """Frames as they might have been: mirrored, moved, recoloured, before other rooms."""
        frames = self._frames
        pixels = np.empty((len(picks), *CANVAS_HW, 3), np.uint8)
        elsewhere = rng.random(len(picks)) < self._elsewhere
        body = np.zeros((len(picks), *frames.bodies.shape[1:]), np.float32)
        for k, pick in enumerate(picks):
            own = int(frames.plate_of[pick])
            poses, mirrored = frames.poses(int(pick)), bool(rng.random() < 0.5)
            points = [pose.keypoints.copy() for pose in poses]
            aspect = float(frames.aspects[own])
            _shake(points, aspect, rng)
            if mirrored:
                points = [_mirrored(each) for each in points]
            if elsewhere[k]:
                behind = self._small[int(rng.integers(len(frames.plates)))]
                flipped = bool(rng.random() < 0.5)
                _move(points, rng)
            else:
                behind, flipped = self._plates[own], mirrored
            plate = behind.painted(rng)
            if plate is not None and flipped:
                plate = np.ascontiguousarray(plate[:, ::-1])
            if not elsewhere[k]:
                plate, aspect = _cut(plate, points, aspect, rng)
            shown = _shown(poses, points, mirrored, rng)
            pixels[k] = canvas(plate, shown, aspect)
            if len(points) == 1:
                body[k] = points[0]
        return Drawn(pixels, elsewhere, body)


def _shown(
    poses: Iterable[Pose], points: list[Array], mirrored: bool, rng: np.random.Generator
) -> list[Pose]:
    """With other ids, so in other colours."""
    names = rng.permutation(len(PALETTE) * 2)[: len(points)] + 1
    out = []
    for pose, each, name in zip(poses, points, names, strict=False):
        head = pose.head
        if head is not None and mirrored:
            head = HeadOrientation(-head.yaw, head.pitch, -head.roll)
        out.append(Pose(int(name), each, head))
    return out


def _mirrored(points: Array) -> Array:
    points = points[_SWAPPED]
    points[:, 0] = np.where(points[:, 2] > 0, 1.0 - points[:, 0], 0.0)
    return points


def _shake(points: list[Array], aspect: float, rng: np.random.Generator) -> None:
    """In place: keypoints are never quite where they were."""
    most = _JITTERED if rng.random() < _COARSE else _SHAKEN
    for each in points:
        seen = each[:, 2] > 0
        if not seen.any():
            continue
        size = max(float(np.ptp(each[seen, 0])) * aspect, float(np.ptp(each[seen, 1])))
        noise = rng.normal(0.0, most * rng.random() * size, (len(each), 2))
        each[seen, :2] += (noise / (aspect, 1.0))[seen]


def _move(points: list[Array], rng: np.random.Generator) -> None:
    """In place: all together elsewhere in the picture, smaller or larger."""
    every = np.concatenate([each[each[:, 2] > 0, :2] for each in points])
    if not len(every):
        return
    middle = (every.min(axis=0) + every.max(axis=0)) / 2
    to = np.clip(middle + rng.normal(0.0, _MOVED, 2), *_STAY)
    size = rng.uniform(*_SIZES)
    for each in points:
        seen = each[:, 2] > 0
        each[seen, :2] = (each[seen, :2] - middle) * size + to


def _cut(
    plate: Image | None, points: list[Array], aspect: float, rng: np.random.Generator
) -> tuple[Image | None, float]:
    """A part of the picture instead of all of it; points change in place."""
    share = 1.0 - _CUT * rng.random(2)
    corner = rng.random(2) * (1.0 - share)
    for each in points:
        seen = each[:, 2] > 0
        each[seen, :2] = (each[seen, :2] - corner) / share
    aspect = aspect * float(share[0] / share[1])
    if plate is None:
        return None, aspect
    height, width = plate.shape[:2]
    left, top = int(corner[0] * width), int(corner[1] * height)
    right, low = left + max(2, int(share[0] * width)), top + max(2, int(share[1] * height))
    return plate[top:low, left:right], aspect
