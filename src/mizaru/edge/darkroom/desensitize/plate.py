"""Ī_t: the room without people, as a model that fails closed (edge.md §3).

Live pixels never leave: what is published is this model only. Rules:

1. Unknown is a flat fill. A tile is committed after ``commit_s`` unmasked and still, with no
   person, motion or micro-motion near. Later drift of the light is followed by shifting the
   committed tile's level, never by copying texture.
2. A structural change to a committed tile is held, per blob: it is absorbed only after
   ``absorb_s`` without motion, micro-motion, mask or hint in the blob, and never while a track
   that ended there may still be there.
3. Light switch: a committed tile is re-lit (gain and offset) where its normalised correlation
   with the picture holds; elsewhere it follows the rest of the room.
4. Camera moved: everything is wiped to unknown.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.desensitize.endings import Endings
from mizaru.edge.darkroom.desensitize.light import Light, correlation, relight
from mizaru.edge.darkroom.desensitize.stillness import (
    TILE,
    Image,
    Levels,
    Stillness,
    Tiles,
    difference,
    grow,
    reduce,
    spread,
    tile_mean,
)
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.edge.settings import PlateSettings
from mizaru.proxy import UNKNOWN_RGB

_MAX_STEP_S: Final = 1.0  # a frame vouches for no more than this, however long the gap
_RULES_PERIOD_S: Final = 0.5
_CHANGED_LEVELS: Final = 20
_CHANGED_PIXELS: Final = 4.0 / TILE**2
_CHANGED_MEAN: Final = 9.0
_DRIFT_STILL_S: Final = 5.0
_DRIFT_LEVELS_PER_S: Final = 1.5
_UPSET_SHARE: Final = 0.5
_SETTLE_S: Final = 0.6
_WIPE_S: Final = 1.5
_GUARD_TILES: Final = 2
_BOX_MARGIN: Final = 0.10


class PlateModel:
    """The room as it is known so far; fed with every frame, in time order."""

    def __init__(self, settings: PlateSettings) -> None:
        self._settings = settings
        self._light = Light()
        self._endings = Endings()
        self._stillness: Stillness | None = None
        self._t_ms = 0
        self._rules_ms = 0
        self._size_wh = (0, 0)
        self._frame_wh = (0, 0)

    def update(self, frame: Frame, perception: Perception) -> None:
        """Learn from one frame. A frame of another size starts over."""
        small, size_wh = reduce(frame.pixels)
        if self._stillness is None or frame.resolution_wh != self._frame_wh:
            self._begin(small, size_wh, frame)
            return
        dt = min(max(0.0, (frame.t_ms - self._t_ms) / 1000.0), _MAX_STEP_S)
        self._t_ms = max(self._t_ms, frame.t_ms)
        guarded = self._guarded(perception)
        self._stillness.update(small, dt, guarded)
        self._endings.follow(perception.persons, small, self._per_pixel())
        if not self._is_upset(small, guarded, dt) and (
            self._t_ms - self._rules_ms >= _RULES_PERIOD_S * 1000
        ):
            elapsed = min((self._t_ms - self._rules_ms) / 1000.0, _MAX_STEP_S)
            self._rules_ms = self._t_ms
            self._apply_rules(small, guarded, elapsed)

    def picture(self) -> Image:
        """(h, w, 3) uint8 RGB at working size; `UNKNOWN_RGB` where nothing is known."""
        width, height = self._size_wh
        return self._fill(self._plate)[:height, :width]

    @property
    def known(self) -> Tiles:
        """(ty, tx) bool: tiles that were committed. Empty before the first frame."""
        return self._known.copy() if self._stillness else np.zeros((0, 0), np.bool_)

    @property
    def known_share(self) -> float:
        """Share of the room that is known, [0, 1]."""
        return float(self._known.mean()) if self._stillness else 0.0

    def _begin(self, small: Image, size_wh: tuple[int, int], frame: Frame) -> None:
        self._stillness = Stillness(small)
        self._frame_wh, self._size_wh = frame.resolution_wh, size_wh
        self._t_ms = self._rules_ms = frame.t_ms
        self._plate: Levels = np.zeros(small.shape, np.float32)
        self._shown: Image = np.zeros_like(small)  # the plate rounded, to compare with
        self._known: Tiles = np.zeros_like(self._stillness.moving)
        self._endings = Endings()
        self._light = Light()

    def _per_pixel(self) -> float:
        """Working pixels per frame pixel."""
        return self._size_wh[0] / self._frame_wh[0]

    def _guarded(self, perception: Perception) -> Tiles:
        """Tiles in or close to what perception sees or suspects."""
        guarded = np.zeros_like(self._known)
        height, width = guarded.shape
        if perception.mask.any():
            inside = cv2.resize(
                perception.mask.astype(np.float32), self._size_wh, interpolation=cv2.INTER_AREA
            )
            right, down = width * TILE - inside.shape[1], height * TILE - inside.shape[0]
            inside = cv2.copyMakeBorder(inside, 0, down, 0, right, cv2.BORDER_REPLICATE)
            guarded |= tile_mean(inside) > 0
        boxes = [*perception.hints_xyxy, *(person.box_xyxy for person in perception.persons)]
        for box in boxes:
            if not np.isfinite(box).all():
                guarded[:] = True
                continue
            x0, y0, x1, y1 = box
            dx, dy = _BOX_MARGIN * (x1 - x0), _BOX_MARGIN * (y1 - y0)
            scale = self._per_pixel() / TILE
            columns = np.clip([(x0 - dx) * scale, (x1 + dx) * scale + 1], 0, width).astype(int)
            rows = np.clip([(y0 - dy) * scale, (y1 + dy) * scale + 1], 0, height).astype(int)
            guarded[rows[0] : rows[1], columns[0] : columns[1]] = True
        return grow(guarded, _GUARD_TILES) if guarded.any() else guarded

    def _is_upset(self, small: Image, guarded: Tiles, dt: float) -> bool:
        """Rules 3 and 4: is most of the room other than the plate? Then settle that first."""
        free = self._known & ~guarded
        if free.sum() < 4:
            return False
        changed = self._changed(small) & free
        textured = self._light.textured & free
        share = changed.sum() / free.sum()
        if textured.sum() >= 8:
            share = max(share, (changed & textured).sum() / textured.sum())
        upset_s = self._light.count(share > _UPSET_SHARE, dt)
        if upset_s == 0.0:
            return False
        if upset_s < _SETTLE_S:
            return True
        holds = correlation(self._shown, small)
        if self._light.is_the_same_room(holds, free):
            self._plate = relight(self._plate, small, holds, free)
            self._endings.distrust_snapshots()
            self._show()
            self._light.settled()
        elif upset_s >= _WIPE_S:
            self.wipe()
        return True

    def wipe(self) -> None:
        """Rule 4: nothing is known any more."""
        assert self._stillness is not None
        self._known[:] = False
        self._plate[:] = 0.0
        self._stillness.still_s[:] = 0.0
        self._show()
        self._light.settled()

    def _apply_rules(self, small: Image, guarded: Tiles, elapsed: float) -> None:
        assert self._stillness is not None
        still_s = self._stillness.still_s
        ended = self._endings.tiles(small, self._stillness, guarded)
        look = np.asarray(cv2.convertScaleAbs(self._stillness.look), np.uint8)
        changed = self._known & self._changed(look)
        self._endings.matched(self._known & ~changed & (still_s > 2.0))
        # Rule 1.
        wait = np.where(ended, self._settings.absorb_s, self._settings.commit_s)
        fresh = ~self._known & (still_s >= wait)
        # Rule 2.
        absorbed = self._absorbable(changed, ended, still_s)
        if (take := fresh | absorbed).any():
            cv2.copyTo(self._stillness.look, spread(take), self._plate)
            self._known |= take
        self._drift(self._known & ~changed & ~guarded & (still_s >= _DRIFT_STILL_S), elapsed)
        self._show()

    def _changed(self, picture: Image) -> Tiles:
        """Tiles (of all) that differ from the plate in structure."""
        levels = difference(picture, self._shown)
        over = tile_mean(levels > _CHANGED_LEVELS) >= _CHANGED_PIXELS
        return np.asarray(over | (tile_mean(levels) > _CHANGED_MEAN))

    def _absorbable(self, changed: Tiles, ended: Tiles, still_s: Levels) -> Tiles:
        """Tiles of those blobs in which nothing has stirred for long enough, all over."""
        take = np.zeros_like(changed)
        if not changed.any():
            return take
        count, labels = cv2.connectedComponents(grow(changed, 1).astype(np.uint8))
        for label in range(1, count):
            blob = labels == label
            if still_s[blob].min() >= self._settings.absorb_s and not ended[blob].any():
                take |= blob & changed
        return take

    def _drift(self, follows: Tiles, elapsed: float) -> None:
        """Slow change of light: shift levels smoothly, tile by tile; texture stays."""
        assert self._stillness is not None
        if not follows.any():
            return
        offset = tile_mean(self._stillness.look - self._plate)
        limit = _DRIFT_LEVELS_PER_S * elapsed
        offset = np.clip(offset * 0.3, -limit, limit) * follows[..., None]
        height, width = self._plate.shape[:2]
        shift = cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.copyTo(np.clip(self._plate + shift, 0, 255), spread(self._known), self._plate)

    def _show(self) -> None:
        self._shown = np.asarray(cv2.convertScaleAbs(self._plate))
        self._light.learn_texture(self._shown, self._known)

    def _fill(self, plate: Levels) -> Image:
        picture = np.empty(plate.shape, np.uint8)
        picture[:] = UNKNOWN_RGB
        known: npt.NDArray[np.uint8] = spread(self._known)
        cv2.copyTo(np.asarray(cv2.convertScaleAbs(plate)), known, picture)
        return picture
