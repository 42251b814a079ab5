"""A changed lamp or a moved camera? Rules 3 and 4 of the plate."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from mizaru.edge.darkroom.desensitize.stillness import TILE, Image, Levels, Tiles, tile_mean

_CORRELATED: Final = 0.7
_TEXTURE_LEVELS: Final = 4.0  # standard deviation from which a tile has something to correlate
_SAME_ROOM: Final = 0.5
_PRIOR: Final = 100.0  # levels²
_GAIN: Final = (0.05, 8.0)


class Light:
    """Keeps count of how long the room has looked wrong."""

    def __init__(self) -> None:
        self.textured: Tiles = np.zeros((1, 1), np.bool_)
        self._upset_s = 0.0

    def learn_texture(self, plate: Image, known: Tiles) -> None:
        """Remember which known tiles have texture to correlate."""
        grey = _grey(plate)
        self.textured = known & (_deviation(grey) > _TEXTURE_LEVELS)

    def count(self, upset: bool, dt: float) -> float:
        """Seconds that the room has looked wrong without a pause."""
        self._upset_s = self._upset_s + dt if upset else 0.0
        return self._upset_s

    def settled(self) -> None:
        """The matter has been dealt with."""
        self._upset_s = 0.0

    def is_the_same_room(self, holds: Levels, free: Tiles) -> bool:
        """Rule 3 rather than rule 4: most of what has texture still correlates."""
        judged = self.textured & free
        if judged.sum() < 4:
            return False
        return bool((holds[judged] > _CORRELATED).mean() >= _SAME_ROOM)


def correlation(plate: Image, picture: Image) -> Levels:
    """Normalised correlation of each tile with its surroundings of 3 × 3 tiles, [-1, 1]."""
    a, b = _grey(plate), _grey(picture)
    size = (3 * TILE, 3 * TILE)

    def mean(image: Levels) -> Levels:
        return np.asarray(cv2.blur(image, size, borderType=cv2.BORDER_REFLECT))

    mean_a, mean_b = mean(a), mean(b)
    covariance = mean(a * b) - mean_a * mean_b
    variance = (mean(a * a) - mean_a**2) * (mean(b * b) - mean_b**2)
    full = covariance / np.sqrt(np.maximum(variance, 1.0))
    middle = TILE // 2
    return np.asarray(full[middle::TILE, middle::TILE])


def relight(plate: Levels, picture: Image, holds: Levels, free: Tiles) -> Levels:
    """The plate under the new lamp: gain · plate + offset, one pair per tile and channel.

    Only two numbers per tile come from the picture, and only where the tile is free of people
    and correlates; the others follow the line through all of these. No texture is copied.
    """
    trusted = free & (holds > _CORRELATED)
    now = picture.astype(np.float32)
    mean_then, mean_now = tile_mean(plate), tile_mean(now)
    covariance = tile_mean(plate * now) - mean_then * mean_now
    variance = tile_mean(plate * plate) - mean_then**2
    # The room's own gain is the prior: a tile without texture says nothing about it.
    textured = trusted & (variance.min(axis=2) > _TEXTURE_LEVELS**2)
    common = np.ones(3)
    if textured.any():
        common = np.median(covariance[textured] / variance[textured], axis=0)
    gain = np.clip((covariance + _PRIOR * common) / (variance + _PRIOR), *_GAIN)
    offset = mean_now - gain * mean_then
    gain[~trusted], offset[~trusted] = _line(mean_then[trusted], mean_now[trusted])
    height, width = plate.shape[:2]
    gains = cv2.resize(gain, (width, height), interpolation=cv2.INTER_LINEAR)
    offsets = cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(plate * gains + offsets, 0.0, 255.0), dtype=np.float32)


def _line(then: Levels, now: Levels) -> tuple[Levels, Levels]:
    """Gain and offset (3,) of the least-squares line through levels (n, 3)."""
    middle_then, middle_now = then.mean(axis=0), now.mean(axis=0)
    covariance = ((then - middle_then) * (now - middle_now)).mean(axis=0)
    gain = np.clip((covariance + 1.0) / (then.var(axis=0) + 1.0), *_GAIN)
    return gain, middle_now - gain * middle_then


def _grey(image: Image) -> Levels:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)).astype(np.float32)


def _deviation(grey: Levels) -> Levels:
    mean = tile_mean(grey)
    return np.asarray(np.sqrt(np.maximum(tile_mean(grey * grey) - mean * mean, 0.0)))
