"""Other rooms behind the same people, so that no room can be learnt by heart.

A few hundred rooms are few: a trunk that may will remember which of them went with which answer,
and know nothing in the next one. So people are cut out and put before the backdrop of another
view. Cut out is what differs from the view's own backdrop, its median over time; frames of
people who never stir, or whose colours the room has, too, are left as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.encoder.frames import Frames
from mizaru.proxy.raster import PALETTE

Image = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

_FOR_MEDIAN: Final = 15
"""Frames of a view that its backdrop is made of."""
_DIFFERS: Final = 12
"""Levels of 255."""
_ALIKE: Final = 0.9997
_SIMILAR: Final = 0.9995
"""Cosine between a pixel's colour and a mannequin's, of one that is drawn in full and of one that
may shine through."""
_CLEAN: Final = 0.001
"""Of a backdrop: with more of mannequins' colours than this, somebody may have stayed in it."""
_SHARE: Final = (0.002, 0.6)
"""Of a picture: people are neither smaller nor larger."""
_MISSED: Final = 0.25
"""So much of what has mannequins' colours may lie outside the cut-out, of the cut-out's size."""
_ELSEWHERE: Final = 0.5
_PAINTED: Final = 0.2
"""Shares of the frames that can be cut out: put into another room, or the own one repainted."""


class Backdrops:
    """What is behind the people of some frames, and whom one can cut out."""

    def __init__(self, frames: Frames) -> None:
        rows = frames.rows
        views, owner = np.unique(
            rows["scene"].astype(np.int64) * 100 + rows["view"], return_inverse=True
        )
        self._frames, self._owner = frames, np.ravel(owner)
        self._rooms = np.empty((len(views), *frames.pixels.shape[1:]), np.uint8)
        self.cut = np.zeros(len(frames), np.bool_)
        clean = []
        for k in range(len(views)):
            mine = np.flatnonzero(self._owner == k)
            some = mine[:: max(1, len(mine) // _FOR_MEDIAN)]
            self._rooms[k] = np.median(frames.pixels[some], axis=0)
            self.cut[mine] = _can_be_cut(frames.pixels[mine], self._rooms[k])
            if _drawn(self._rooms[k][None], _SIMILAR).mean() < _CLEAN:
                clean.append(k)
        self._clean = np.array(clean, np.intp)

    def behind(self, picks: npt.NDArray[np.intp], rng: np.random.Generator) -> tuple[Image, Flags]:
        """The pixels of some frames, and which of them are in another room now."""
        pixels = self._frames.pixels[picks]
        chance = rng.random(len(picks))
        cut = self.cut[picks] & (len(self._clean) > 0)
        elsewhere = cut & (chance < _ELSEWHERE)
        changed = np.flatnonzero(cut & (chance < _ELSEWHERE + _PAINTED))
        own = self._owner[picks]
        for k in changed:
            room = own[k]
            if elsewhere[k]:
                room = self._clean[rng.integers(len(self._clean))]
            person = _differs(pixels[k], self._rooms[own[k]])
            backdrop = _painted(self._rooms[room], rng)
            if elsewhere[k] and rng.random() < 0.5:
                backdrop = backdrop[:, ::-1]
            pixels[k] = np.where(person[..., None], pixels[k], backdrop)
        return pixels, elsewhere


def _painted(room: Image, rng: np.random.Generator) -> Image:
    gain = rng.uniform(0.55, 1.35) * rng.uniform(0.8, 1.2, 3)
    return np.asarray(np.clip(room * gain.astype(np.float32), 0, 255), np.uint8)


def _differs(pixels: Image, room: Image) -> Flags:
    """Where frames (..., H, W, 3) are not the room."""
    apart = np.maximum(pixels, room) - np.minimum(pixels, room)
    return np.asarray(apart.max(axis=-1) > _DIFFERS)


def _drawn(pixels: Image, alike: float) -> Flags:
    """Where frames (N, H, W, 3) have the hue of a mannequin."""
    palette = np.array(PALETTE, np.float32)
    palette /= np.linalg.norm(palette, axis=1, keepdims=True)
    values = pixels.astype(np.float32)
    length = np.linalg.norm(values, axis=-1)
    return np.asarray((values @ palette.T).max(axis=-1) > np.maximum(alike * length, 1.0))


def _can_be_cut(pixels: Image, room: Image) -> Flags:
    """Which frames (N, H, W, 3) of one view show people apart from it."""
    pixels, room = pixels[:, ::2, ::2], room[::2, ::2]  # every fourth tells enough
    person, drawn = _differs(pixels, room), _drawn(pixels, _ALIKE)
    area = person.mean(axis=(1, 2))
    missed = (drawn & ~person).mean(axis=(1, 2))
    return np.asarray((area > _SHARE[0]) & (area < _SHARE[1]) & (missed < _MISSED * area))
