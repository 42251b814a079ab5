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
_FEEL_PERIOD_S: Final = 0.08  # often enough for breath
_FAST_TAU_S: Final = 0.4
_SLOW_TAU_S: Final = 3.0
_ENERGY_FLOOR: Final = 0.5  # levels²: what coding does to a still picture
_NOISE_FACTOR: Final = 2.5
_COMMON_FACTOR: Final = 3.0
_CONTRAST_SHARE: Final = 5e-4  # of a tile's variance: the camera's curve bends hard edges
_RHYTHM_TAU_S: Final = 10.0
_MOVED_S: Final = 1.5  # outright motion counts for so long, half a slow breath
_RHYTHM: Final = 0.5  # share of the time with energy: a step of the encoder passes, breath returns
_LEAST_TILES: Final = 32
_EXPOSURE_LEVELS: Final = 0.7
_EXPOSURE_ERROR: Final = 4.0
_EXPLAINED: Final = 0.6
_GREY: Final = np.array((0.299, 0.587, 0.114), np.float32)  # of BT.601, as OpenCV has it
_NEAR_TILES: Final = 2
_MICRO_NEAR: Final = (0.20, 0.40)  # least and most, of the image's height
_MICRO_EXTENT: Final = 2.5  # of the size of the breathing region


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


def difference(a: Image, b: Image) -> Image:
    """Largest difference over the channels of two images (h, w, 3) → (h, w) uint8."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


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
        self._rhythm: Levels = np.zeros((height, width), np.float32)
        self._unfelt_s = 0.0
        self._disturbed: Tiles = np.zeros((height, width), np.bool_)
        self._guarded: Tiles = np.zeros((height, width), np.bool_)
        self._moved_s: Levels = np.full((height, width), np.inf, np.float32)
        self._noise: Levels = np.ones((height, width), np.float32)

    def update(self, small: Image, dt: float, guarded: Tiles) -> None:
        """Take the next frame in.

        Args:
            small: reduced frame.
            dt: seconds of camera time that this frame may vouch for.
            guarded: (ty, tx), where perception sees or suspects a person.
        """
        self._unfelt_s += dt
        feel = self._unfelt_s >= _FEEL_PERIOD_S
        if feel:
            self._follow_exposure(small, guarded)
        self.moving = self._differs(small)
        self._disturbed |= self.moving
        self._guarded |= guarded
        if feel:
            self._feel(small, self._unfelt_s)
            self._unfelt_s = 0.0
            self._disturbed[:] = self._guarded[:] = False
        cv2.accumulateWeighted(small, self.look, _share(dt, _LOOK_TAU_S))
        restart = self.moving | guarded
        if restart.any():
            cv2.copyTo(small.astype(np.float32), spread(restart), self.look)
        self.still_s += np.float32(dt)
        near = grow(_clustered(self.moving, 2), _NEAR_TILES)
        self.still_s[guarded | self.moving | near | self._around_breathing()] = 0.0

    def _follow_exposure(self, small: Image, guarded: Tiles) -> None:
        """Auto-exposure and lamps change the whole picture by one gain and offset: bring what
        is remembered to the present exposure, so that it is not taken for motion."""
        then, now = tile_mean(self.look)[~guarded], tile_mean(small)[~guarded]
        if len(then) < _LEAST_TILES or abs(np.median(now - then)) < _EXPOSURE_LEVELS:
            return
        fits = [_fit(then[:, channel], now[:, channel]) for channel in range(3)]
        if any(fit is None for fit in fits):
            return
        gain, offset = np.array(fits, np.float32).T
        self.look = np.clip(self.look * gain + offset, 0, 255)
        grey_gain, grey_offset = float(gain @ _GREY), float(offset @ _GREY)
        for memory in (self._fast, self._slow, self._previous):
            np.multiply(memory, grey_gain, out=memory)
            np.add(memory, grey_offset, out=memory)

    def _differs(self, small: Image) -> Tiles:
        look = cv2.convertScaleAbs(self.look)
        return tile_mean(difference(small, np.asarray(look, np.uint8)) > _MOTION_LEVELS) >= (
            _MOTION_PIXELS
        )

    def _feel(self, small: Image, dt: float) -> None:
        """Micro-motion: band-passed grey against the camera's own noise."""
        restart = self._disturbed | self._guarded
        grey = _grey(small)
        step = grey - self._previous
        self._previous = grey
        share = _share(dt, _RHYTHM_TAU_S)
        self._noise += share * ~restart * (tile_mean(step * step) / 2 - self._noise)
        fast, slow = _share(dt, _FAST_TAU_S), _share(dt, _SLOW_TAU_S)
        cv2.accumulateWeighted(grey, self._fast, fast)
        cv2.accumulateWeighted(grey, self._slow, slow)
        if restart.any():
            mask = spread(restart)
            cv2.copyTo(grey, mask, self._fast)
            cv2.copyTo(grey, mask, self._slow)
        band = self._fast - self._slow
        # Shadows, lamps and exposure change a tile by an offset and a gain; breath moves edges.
        # So what counts is the variance that a gain on the tile's own picture leaves over.
        mean, level = tile_mean(band), tile_mean(self._slow)
        shared = tile_mean(band * self._slow) - mean * level
        variance = np.maximum(tile_mean(self._slow * self._slow) - level * level, 1.0)
        energy = tile_mean(band * band) - mean * mean - shared * shared / variance
        explained = self._noise * np.float32(fast / (2 - fast))
        limit = np.maximum(_ENERGY_FLOOR, _NOISE_FACTOR * explained)
        limit = np.maximum(limit, _COMMON_FACTOR * float(np.median(energy)))
        limit = np.maximum(limit, _CONTRAST_SHARE * variance)
        # Who rocks to and fro moves outright, again and again: that is rhythm too.
        self._moved_s = np.where(self._disturbed, np.float32(0), self._moved_s + np.float32(dt))
        stirs = (energy > limit) | (self._moved_s < _MOVED_S)
        self._rhythm += share * (stirs - self._rhythm)
        self._rhythm[self._guarded] = 0.0
        self.breathing = _clustered(self._rhythm > _RHYTHM, 3)

    def _around_breathing(self) -> Tiles:
        """Breathing tiles with as much around each region as a body may reach."""
        if not self.breathing.any():
            return self.breathing
        count, _, stats, _ = cv2.connectedComponentsWithStats(
            self.breathing.astype(np.uint8), connectivity=8
        )
        near = np.zeros_like(self.breathing)
        least, most = (math.ceil(share * self.breathing.shape[0]) for share in _MICRO_NEAR)
        for label in range(1, count):
            size = max(stats[label, cv2.CC_STAT_WIDTH], stats[label, cv2.CC_STAT_HEIGHT])
            x, y, w, h = stats[label, :4]
            reach = min(max(least, math.ceil(_MICRO_EXTENT * size)), most)
            near[max(0, y - reach) : y + h + reach, max(0, x - reach) : x + w + reach] = True
        return near


def _clustered(tiles: Tiles, least: int) -> Tiles:
    """Those with at least ``least`` of their kind in the 3 × 3 around, themselves included."""
    count = cv2.boxFilter(tiles.astype(np.uint8), -1, (3, 3), normalize=False)
    return tiles & (np.asarray(count) >= least)


def _fit(then: Levels, now: Levels) -> tuple[float, float] | None:
    """Gain and offset that explain most tiles: least squares, and again without outliers.
    None where they explain less than `_EXPLAINED` of them: then it was no exposure."""
    chosen = np.ones(len(then), np.bool_)
    gain, offset = 1.0, 0.0
    for _ in range(3):
        x, y = then[chosen], now[chosen]
        spread_x = float(x.var())
        gain = float(((x - x.mean()) * (y - y.mean())).mean()) / spread_x if spread_x > 1 else 1.0
        offset = float(y.mean() - gain * x.mean())
        error = np.abs(gain * then + offset - now)
        chosen = error <= max(_EXPOSURE_ERROR, 2.0 * float(np.median(error)))
    explained = float((error <= _EXPOSURE_ERROR).mean())
    return (gain, offset) if explained >= _EXPLAINED and 0.2 < gain < 5.0 else None


def _grey(small: Image) -> Levels:
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)).astype(np.float32)


def _share(dt: float, tau_s: float) -> float:
    return 1.0 - math.exp(-dt / tau_s)
