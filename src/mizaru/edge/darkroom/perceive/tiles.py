"""Where else the detector looks: tiles of the frame in turn, or where something moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.region import Box, Region

_OVERLAP: Final = 0.35
_CELL: Final = 8  # pixels of the frame per pixel of the motion image
_CHANGE: Final = 14  # grey levels
_MIN_CELLS: Final = 6


def whole(resolution_wh: tuple[int, int]) -> Region:
    """The square around the whole frame."""
    width, height = resolution_wh
    return Region(width / 2, height / 2, float(max(width, height)))


def tiles(resolution_wh: tuple[int, int]) -> tuple[Region, ...]:
    """Overlapping squares that cover the frame, each as high (or wide) as its shorter side;
    a nearly square frame is cut in four."""
    width, height = resolution_wh
    side = min(width, height)
    if max(width, height) < 1.2 * side:
        side = round(side * 0.65)
    return tuple(
        Region(x + side / 2, y + side / 2, float(side))
        for y in _starts(height, side)
        for x in _starts(width, side)
    )


def _starts(length: int, side: int) -> list[float]:
    if length <= side:
        return [0.0]
    count = int(np.ceil((length - side) / (side * (1 - _OVERLAP)))) + 1
    return [float(x) for x in np.linspace(0, length - side, count)]


class Motion:
    """What changes in the picture between two looks, in cells of `_CELL` pixels."""

    def __init__(self) -> None:
        self._before: npt.NDArray[np.uint8] | None = None
        self._moving = np.zeros((1, 1), np.uint8)

    def look(self, image: npt.NDArray[np.uint8]) -> None:
        """Compare with the last look."""
        height, width = image.shape[:2]
        small = cv2.resize(
            image, (max(1, width // _CELL), max(1, height // _CELL)), interpolation=cv2.INTER_AREA
        )
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        before, self._before = self._before, grey
        if before is None or before.shape != grey.shape:
            self._moving = np.zeros_like(grey)
        else:
            self._moving = np.asarray(cv2.absdiff(grey, before) > _CHANGE, np.uint8)

    def share(self, box: Box) -> float:
        """Share of a box's cells that changed, less that of the cells around it, [0, 1]: a lamp
        that is switched, or a camera that trembles, makes nobody of a coat."""
        x0, y0, x1, y1 = (max(0, int(value // _CELL)) for value in box)
        inside = self._moving[y0 : y1 + 1, x0 : x1 + 1]
        around = self._moving.size - inside.size
        if not inside.size or not around:
            return 0.0
        changed = int(inside.sum())
        outside = (int(self._moving.sum()) - changed) / around
        return max(0.0, changed / inside.size - outside)

    def region(self, resolution_wh: tuple[int, int], known: Sequence[Box]) -> Region | None:
        """A square around the largest moving blob outside of the people who are already
        followed, or None."""
        width, height = resolution_wh
        moving = self._moving.copy()
        for box in known:
            x0, y0, x1, y1 = (max(0, int(value // _CELL)) for value in box)
            moving[y0 : y1 + 1, x0 : x1 + 1] = 0
        grown = cv2.dilate(moving, np.ones((3, 3), np.uint8))
        count, _, stats, centres = cv2.connectedComponentsWithStats(grown)
        if count < 2:
            return None
        blob = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        if stats[blob, cv2.CC_STAT_AREA] < _MIN_CELLS:
            return None
        extent = max(stats[blob, cv2.CC_STAT_WIDTH], stats[blob, cv2.CC_STAT_HEIGHT]) * _CELL
        side = max(2.0 * extent, 0.4 * min(width, height))
        x, y = (centres[blob] + 0.5) * _CELL
        return Region(float(x), float(y), float(min(side, max(width, height))))
