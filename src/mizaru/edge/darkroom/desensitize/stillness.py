"""For how long has each tile of the image been still, free of people, and not breathing?

The evidence behind all rules of the plate. Works on the frame reduced to about 320 pixels, in
square tiles of `TILE` pixels. Three kinds of evidence set a tile's clock back to zero:

- *guarded*: perception has a person, a candidate or a hint there, or close by;
- *motion*: the tile differs from its own recent mean (``look``), or a tile close by does;
- *micro-motion*: energy between about 0.05 and 0.4 Hz, where people breathe, above what the
  camera's own noise explains; it clears a whole neighbourhood, since a sleeper's head rests
  while the chest moves.
"""

from __future__ import annotations

import math
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

Tiles = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

TILE: Final = 8
WORK_WIDTH: Final = 320

_LOOK_TAU_S: Final = 4.0
_MOTION_LEVELS: Final = 18  # of 255; six sigma of a noisy camera after reduction
_MOTION_PIXELS: Final = 4.0 / TILE**2
_FAST_TAU_S: Final = 0.4
_SLOW_TAU_S: Final = 3.0
_ENERGY_TAU_S: Final = 8.0
_ENERGY_FLOOR: Final = 0.10  # levels²: the digitiser's own
_NOISE_FACTOR: Final = 2.5
_NEAR_TILES: Final = 2
_MICRO_NEAR: Final = 0.25  # of the image's height
_MICRO_EXTENT: Final = 2.0  # of the size of the breathing region


def reduce(pixels: Image) -> tuple[Image, tuple[int, int]]:
    """The frame at working size, padded to whole tiles; and (width, height) before padding."""
    factor = max(1, round(max(pixels.shape[:2]) / WORK_WIDTH))
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    cropped = pixels[: height * factor, : width * factor]
    small = cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA)
    down, right = -height % TILE, -width % TILE
    if down or right:
        small = cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(small), (width, height)


def tile_mean(image: npt.NDArray[Any]) -> Levels:
    """Mean of each tile of an image (h, w[, c]) → (h / TILE, w / TILE[, c]) float32."""
    height, width = image.shape[0] // TILE, image.shape[1] // TILE
    source = np.asarray(image, np.float32)
    mean = cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(mean, np.float32)


def grow(tiles: Tiles, steps: int) -> Tiles:
    """Dilate a map of tiles by a square of ``steps`` in each direction."""
    if not steps:
        return tiles
    kernel = np.ones((2 * steps + 1, 2 * steps + 1), np.uint8)
    return np.asarray(cv2.dilate(tiles.astype(np.uint8), kernel)) > 0


def spread(tiles: Tiles) -> Image:
    """A map of tiles as a pixel mask of 0 and 255."""
    return np.repeat(np.repeat(tiles.astype(np.uint8) * 255, TILE, axis=0), TILE, axis=1)


class Stillness:
    """Per-tile clocks over a stream of reduced frames.

    Attributes:
        still_s: (ty, tx) float32, seconds of camera time since the last evidence of life.
        look: (h, w, 3) float32, what each tile has looked like since it last moved.
        moving: (ty, tx) bool, motion in the last frame.
        breathing: (ty, tx) bool, micro-motion now.
    """

    def __init__(self, first: Image) -> None:
        height, width = first.shape[0] // TILE, first.shape[1] // TILE
        self.still_s: Levels = np.zeros((height, width), np.float32)
        self.look: Levels = first.astype(np.float32)
        self.moving: Tiles = np.ones((height, width), np.bool_)
        self.breathing: Tiles = np.zeros((height, width), np.bool_)
        grey = _grey(first)
        self._previous = grey
        self._fast, self._slow = grey.copy(), grey.copy()
        self._energy: Levels = np.zeros((height, width), np.float32)
        self._noise: Levels = np.ones((height, width), np.float32)

    def update(self, small: Image, dt: float, guarded: Tiles) -> None:
        """Take the next frame in.

        Args:
            small: reduced frame.
            dt: seconds of camera time that this frame may vouch for.
            guarded: (ty, tx), where perception sees or suspects a person.
        """
        self.moving = self._differs(small)
        self._feel(small, dt, self.moving | guarded)
        cv2.accumulateWeighted(small, self.look, _share(dt, _LOOK_TAU_S))
        restart = self.moving | guarded
        if restart.any():
            cv2.copyTo(small.astype(np.float32), spread(restart), self.look)
        self.still_s += np.float32(dt)
        self.still_s[guarded | grow(self.moving, _NEAR_TILES) | self._around_breathing()] = 0.0

    def restart(self, small: Image) -> None:
        """Forget everything: the picture is of something else now."""
        self.__init__(small)  # type: ignore[misc]

    def _differs(self, small: Image) -> Tiles:
        look = cv2.convertScaleAbs(self.look)
        over = np.asarray(cv2.absdiff(small, look)).max(axis=2) > _MOTION_LEVELS
        return tile_mean(over) >= _MOTION_PIXELS

    def _feel(self, small: Image, dt: float, restart: Tiles) -> None:
        """Micro-motion: band-passed grey against the camera's own noise."""
        if dt <= 0:
            return
        grey = _grey(small)
        step = grey - self._previous
        self._previous = grey
        share = _share(dt, _ENERGY_TAU_S)
        self._noise += share * (tile_mean(step * step) / 2 - self._noise)
        fast, slow = _share(dt, _FAST_TAU_S), _share(dt, _SLOW_TAU_S)
        cv2.accumulateWeighted(grey, self._fast, fast)
        cv2.accumulateWeighted(grey, self._slow, slow)
        if restart.any():
            mask = spread(restart)
            cv2.copyTo(grey, mask, self._fast)
            cv2.copyTo(grey, mask, self._slow)
        band = self._fast - self._slow
        mean = tile_mean(band)
        common = float(np.median(mean))  # the lamp's and the exposure's own ripple
        energy = tile_mean(band * band) - 2 * common * mean + common * common
        self._energy += share * (energy - self._energy)
        self._energy[restart] = 0.0
        explained = self._noise * np.float32(fast / (2 - fast))
        limit = np.maximum(_ENERGY_FLOOR, _NOISE_FACTOR * explained)
        limit = np.maximum(limit, 3.0 * float(np.median(self._energy)))
        self.breathing = self._energy > limit

    def _around_breathing(self) -> Tiles:
        """Breathing tiles with as much around each region as a body may reach."""
        if not self.breathing.any():
            return self.breathing
        count, _, stats, _ = cv2.connectedComponentsWithStats(
            self.breathing.astype(np.uint8), connectivity=8
        )
        near = np.zeros_like(self.breathing)
        least = math.ceil(_MICRO_NEAR * self.breathing.shape[0])
        for label in range(1, count):
            size = max(stats[label, cv2.CC_STAT_WIDTH], stats[label, cv2.CC_STAT_HEIGHT])
            x, y, w, h = stats[label, :4]
            reach = max(least, math.ceil(_MICRO_EXTENT * size))
            near[max(0, y - reach) : y + h + reach, max(0, x - reach) : x + w + reach] = True
        return near


def _grey(small: Image) -> Levels:
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)).astype(np.float32)


def _share(dt: float, tau_s: float) -> float:
    return 1.0 - math.exp(-dt / tau_s)
