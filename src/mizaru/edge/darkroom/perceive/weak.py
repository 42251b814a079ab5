"""Weak evidence for people, now and then: faces and silhouettes.

Neither makes anybody a subject; both keep the plate from absorbing what they fire on.
The face detector is BlazeFace's full-range model (arXiv 1907.05047), the silhouettes are
MediaPipe's selfie segmentation. By eye they are precise in empty rooms and miss much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.region import Box, shrink
from mizaru.edge.darkroom.perceive.runtime import Model
from mizaru.edge.darkroom.perceive.tiles import whole

_PERIOD: Final = 25  # frames between two looks of each model
_FACE_AT, _SILHOUETTE_AT = 8, 18  # frames of the period
_FACE_CELLS: Final = 48
_FACE_SIDE: Final = 192
_FACE_SCORE: Final = 0.5
_SILHOUETTE: Final = 0.5
_SILHOUETTE_AREA: Final = 0.005  # of the frame


class WeakEvidence:
    """Boxes, pixels, of the last look of each model.

    Args:
        faces: input (1, 192, 192, 3).
        silhouettes: input (1, 144, 256, 3).
    """

    def __init__(self, faces: Model, silhouettes: Model) -> None:
        self._faces, self._silhouettes = faces, silhouettes
        self._frame = -1
        self._face_boxes: tuple[Box, ...] = ()
        self._silhouette_boxes: tuple[Box, ...] = ()

    def look(self, image: npt.NDArray[np.uint8], check: Callable[[], None]) -> tuple[Box, ...]:
        """Boxes of what may be people; at most one model runs per frame."""
        self._frame += 1
        phase = self._frame % _PERIOD
        if phase == _FACE_AT:
            check()
            self._face_boxes = find_faces(self._faces, image)
        elif phase == _SILHOUETTE_AT:
            check()
            self._silhouette_boxes = find_silhouettes(self._silhouettes, image)
        return self._face_boxes + self._silhouette_boxes


def find_faces(model: Model, image: npt.NDArray[np.uint8]) -> tuple[Box, ...]:
    """Boxes of faces in an RGB image, pixels."""
    part = whole((image.shape[1], image.shape[0]))
    matrix, squeeze = part.to_image(_FACE_SIDE), max(1, int(part.size / _FACE_SIDE))
    source = shrink(image, 1 / squeeze) if squeeze > 1 else image
    crop = cv2.warpAffine(
        source,
        matrix / squeeze,
        (_FACE_SIDE, _FACE_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    tensor = np.asarray(crop, np.float32) / np.float32(127.5) - np.float32(1)
    raw, logits = model(tensor[None])
    hits = np.flatnonzero(logits[0, :, 0] > np.log(_FACE_SCORE / (1 - _FACE_SCORE)))
    centres = np.column_stack([hits % _FACE_CELLS, hits // _FACE_CELLS]) + 0.5
    middle = raw[0, hits, :2] + centres * (_FACE_SIDE / _FACE_CELLS)
    half = raw[0, hits, 2:4] / 2
    return tuple(
        _box(low @ matrix[:, :2].T + matrix[:, 2], high @ matrix[:, :2].T + matrix[:, 2])
        for low, high in zip(middle - half, middle + half, strict=True)
    )


def find_silhouettes(model: Model, image: npt.NDArray[np.uint8]) -> tuple[Box, ...]:
    """Boxes of the silhouettes in an RGB image, pixels."""
    _, height, width, _ = model.input_shape
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    tensor = np.asarray(small, np.float32) / np.float32(255)
    (mask,) = model(tensor[None])
    solid = np.asarray(mask.reshape(height, width) > _SILHOUETTE, np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    scale = np.array([image.shape[1] / width, image.shape[0] / height], np.float32)
    boxes = []
    for k in range(1, count):
        x, y, w, h, area = map(int, stats[k])
        if area >= _SILHOUETTE_AREA * width * height:
            boxes.append(_box(scale * np.array([x, y]), scale * np.array([x + w, y + h])))
    return tuple(boxes)


def _box(low: npt.NDArray[np.floating], high: npt.NDArray[np.floating]) -> Box:
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
