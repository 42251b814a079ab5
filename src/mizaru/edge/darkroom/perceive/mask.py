"""The joint mask m_t at half resolution. Generous on purpose: it guards the plate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.candidate import RegionMask
from mizaru.edge.darkroom.perceive.region import Array, Box
from mizaru.vocabulary import Topology

_MIN_LOGIT: Final = -1.5  # probability .18
_GROW: Final = 0.03  # of the body's size, on every side
_LIMB: Final = 0.09  # thickness of a limb, of the body's size
_HEAD: Final = 0.10
_LOST_GROW: Final = 0.01  # of the box's longer side, per frame lost
_LOST_GROW_MAX: Final = 0.35


class MaskPainter:
    """Paints one frame's mask. `resolution_wh` of the frame, pixels."""

    def __init__(self, resolution_wh: tuple[int, int]) -> None:
        width, height = resolution_wh
        self._canvas = np.zeros(((height + 1) // 2, (width + 1) // 2), np.uint8)

    def body(self, mask: RegionMask) -> None:
        """A segmentation, grown."""
        side = mask.logits.shape[0]
        soft = (mask.logits > _MIN_LOGIT).astype(np.uint8)
        # Grown in the region's own pixels, where a body always has about the same size.
        reach = max(1, round(_GROW * side / 1.25))
        kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        soft = np.asarray(cv2.dilate(soft, kernel), np.uint8)
        matrix = mask.region.to_image(side) / 2
        corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float64)
        place = corners @ matrix[:, :2].T + matrix[:, 2]
        x0, y0 = np.maximum(np.floor(place.min(axis=0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(place.max(axis=0)).astype(int), self._canvas.shape[::-1])
        if x0 >= x1 or y0 >= y1:
            return
        matrix[:, 2] -= (x0, y0)
        size = (int(x1 - x0), int(y1 - y0))
        part = np.asarray(cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_NEAREST), np.uint8)
        target = self._canvas[y0:y1, x0:x1]
        np.bitwise_or(target, part, out=target)

    def skeleton(self, topology: Topology, keypoints: Array, size: float) -> None:
        """Limbs as thick lines: the segmentation of a lying body often misses some."""
        # OpenCV overflows on far-away coordinates; a landmark may be anywhere.
        points = np.rint(np.clip(keypoints[:, :2] / 2, -4096, 4096)).astype(int).tolist()
        thick = max(1, round(_LIMB * size / 2))
        for parent, child in topology.bones:
            cv2.line(self._canvas, points[parent], points[child], 1, thick)
        radius = max(1, round(_HEAD * size / 2))
        cv2.circle(self._canvas, points[0], radius, 1, cv2.FILLED)

    def box(self, box: Box, lost_frames: int = 0) -> None:
        """A box that grows while nobody is seen in it."""
        x0, y0, x1, y1 = box
        grow = min(_LOST_GROW_MAX, _LOST_GROW * lost_frames) * max(x1 - x0, y1 - y0)
        height, width = self._canvas.shape
        left, top = max(0, int((x0 - grow) / 2)), max(0, int((y0 - grow) / 2))
        right = min(width, int((x1 + grow) / 2) + 1)
        bottom = min(height, int((y1 + grow) / 2) + 1)
        if left < right and top < bottom:
            self._canvas[top:bottom, left:right] = 1

    def boxes(self, boxes: Iterable[Box]) -> None:
        """Several boxes."""
        for box in boxes:
            self.box(box)

    def finish(self) -> npt.NDArray[np.bool_]:
        """The mask, shape (ceil(H/2), ceil(W/2))."""
        return self._canvas.astype(np.bool_)
