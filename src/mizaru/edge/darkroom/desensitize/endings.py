"""Where tracks ended: somebody whom perception lost may still be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mizaru.edge.darkroom.desensitize.stillness import TILE, Image, Levels, Stillness, Tiles
from mizaru.edge.darkroom.perceive.perception import Person

_MIDDLE: Final = 0.6  # of the box, where a person fills it
_DIFFERS_LEVELS: Final = 18
_DIFFERS_SHARE: Final = 0.4
_STILL_S: Final = 3.0
_LIMIT: Final = 64


@dataclass(slots=True, eq=False)
class _Ending:
    """A box in working pixels, and what its middle looked like when the person was last seen."""

    rows: slice
    columns: slice
    snapshot: Levels | None
    open: Tiles


class Endings:
    """Remembers, for every track that ended, the place and its look."""

    def __init__(self) -> None:
        self._alive: dict[int, _Ending] = {}
        self._ended: list[_Ending] = []

    def follow(self, persons: Sequence[Person], small: Image, scale: float) -> None:
        """Note where everybody is; whoever is gone since the last frame has ended there."""
        present = {person.subject_id for person in persons}
        for subject_id in [key for key in self._alive if key not in present]:
            self._ended.append(self._alive.pop(subject_id))
        if len(self._ended) > _LIMIT:
            # Too many to tell apart: the oldest lose their snapshot, never their place.
            self._ended[0].snapshot = None
            self._ended = _merge(self._ended)
        for person in persons:
            if person.lost_frames == 0 or person.subject_id not in self._alive:
                ending = _place(person, small, scale)
                if ending is not None:
                    self._alive[person.subject_id] = ending

    def distrust_snapshots(self) -> None:
        """The light has changed: old looks prove nothing any more."""
        for ending in (*self._ended, *self._alive.values()):
            ending.snapshot = None

    def matched(self, tiles: Tiles) -> None:
        """These tiles show the known room: nobody is there."""
        for ending in self._ended:
            ending.open &= ~tiles
        self._ended = [ending for ending in self._ended if ending.open.any()]

    def tiles(self, small: Image, stillness: Stillness, guarded: Tiles) -> Tiles:
        """Tiles where somebody may still be. A place is cleared when its middle, at rest and
        without anybody in front, looks otherwise than it did when the person was last seen."""
        waiting = np.zeros_like(guarded)
        at_rest = (stillness.still_s >= _STILL_S) & ~guarded
        kept = []
        for ending in self._ended:
            if ending.snapshot is not None:
                rows, columns = ending.rows, ending.columns
                rest = at_rest[_tiles(rows), _tiles(columns)]
                now = small[rows, columns].astype(np.float32)
                differs = np.abs(now - ending.snapshot).max(axis=2) > _DIFFERS_LEVELS
                if rest.size and rest.mean() > 0.8 and differs.mean() >= _DIFFERS_SHARE:
                    continue
            kept.append(ending)
            waiting |= ending.open
        self._ended = kept
        return waiting


def _place(person: Person, small: Image, scale: float) -> _Ending | None:
    height, width = small.shape[:2]
    box = np.array(person.box_xyxy) * scale
    if not np.isfinite(box).all():
        box = np.array([0.0, 0.0, width, height])
    x0, y0, x1, y1 = np.clip(box, 0, (width, height, width, height))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    open_tiles = np.zeros((height // TILE, width // TILE), np.bool_)
    open_tiles[int(y0) // TILE : int(y1) // TILE + 1, int(x0) // TILE : int(x1) // TILE + 1] = True
    shrink_x, shrink_y = (1 - _MIDDLE) / 2 * (x1 - x0), (1 - _MIDDLE) / 2 * (y1 - y0)
    rows = slice(int(y0 + shrink_y), max(int(y1 - shrink_y), int(y0 + shrink_y) + 1))
    columns = slice(int(x0 + shrink_x), max(int(x1 - shrink_x), int(x0 + shrink_x) + 1))
    return _Ending(rows, columns, small[rows, columns].astype(np.float32), open_tiles)


def _tiles(pixels: slice) -> slice:
    return slice(pixels.start // TILE, (pixels.stop - 1) // TILE + 1)


def _merge(endings: list[_Ending]) -> list[_Ending]:
    """Join the places of all endings without a snapshot into one."""
    blind = [ending for ending in endings if ending.snapshot is None]
    if len(blind) < 2:
        return endings
    blind[0].open = np.logical_or.reduce([ending.open for ending in blind])
    return [blind[0], *(ending for ending in endings if ending.snapshot is not None)]
