"""BlazePose's detector: an SSD head that is decoded here, because no library decodes it for
several people.

Anchors, box decoding and weighted non-maximum suppression follow BlazeFace (Bazarevsky et
al. 2019, arXiv 1907.05047) and BlazePose (Bazarevsky et al. 2020, arXiv 2006.10204). The
second suppression, on the circle around the body, is ours: one person often leaves two face
boxes that do not overlap but one circle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.region import Array, Box, Region, circle_iou, shrink
from mizaru.edge.darkroom.perceive.runtime import Model

SIDE: Final = 224
_LAYERS: Final = ((8, 2), (16, 2), (32, 6))  # stride, anchors per cell
_OVERLAP: Final = 0.3  # of face boxes that are one person
_CIRCLE_OVERLAP: Final = 0.6  # of body circles that are one person


@dataclass(frozen=True, slots=True)
class Detection:
    """One body that the detector thinks it saw.

    Attributes:
        score: [0, 1].
        face_xyxy: box around the head, pixels of the frame.
        region: where the landmark model should look.
    """

    score: float
    face_xyxy: Box
    region: Region

    @property
    def box_xyxy(self) -> Box:
        """Upright box around a body that is as long as the circle and half as wide, pixels."""
        r = self.region
        sin, cos = abs(math.sin(r.angle)), abs(math.cos(r.angle))
        dx, dy = r.radius * (sin + cos / 2), r.radius * (cos + sin / 2)
        return (r.x - dx, r.y - dy, r.x + dx, r.y + dy)


def anchors(side: int = SIDE) -> Array:
    """Centres of the 2254 anchors, shape (2254, 2), (x, y) in [0, 1].

    28²·2 + 14²·2 + 7²·6, row by row; every anchor's size is 1, so only centres matter.
    """
    parts = []
    for stride, count in _LAYERS:
        cells = side // stride
        centres = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(centres, centres)
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), count, axis=0))
    return np.concatenate(parts)


def decode(raw: Array, logits: Array, centres: Array, *, threshold: float) -> tuple[Array, Array]:
    """Read the SSD head.

    Args:
        raw: shape (2254, 12): box centre and size, then four points, in pixels of the
            detector's input and relative to the anchor.
        logits: shape (2254,).
        centres: of `anchors`.
        threshold: least score kept.

    Returns:
        (scores (N,), boxes and points (N, 12): x0 y0 x1 y1, then hip centre, tip of the body
        circle, shoulder centre, tip of the upper body's circle), all in [0, 1] of the input.
    """
    keep = np.flatnonzero(logits > np.log(threshold / (1 - threshold)))
    scores = 1 / (1 + np.exp(-np.clip(logits[keep], -100, 100)))
    values = raw[keep] / SIDE
    origin = centres[keep]
    middle, half = values[:, :2] + origin, values[:, 2:4] / 2
    points = values[:, 4:].reshape(-1, 4, 2) + origin[:, None]
    rows = np.concatenate([middle - half, middle + half, points.reshape(-1, 8)], axis=1)
    return scores.astype(np.float32), rows.astype(np.float32)


def weighted_nms(scores: Array, rows: Array, *, overlap: float = _OVERLAP) -> tuple[Array, Array]:
    """Merge boxes of one body into their score-weighted mean (BlazeFace §4.1).

    Args:
        scores: shape (N,).
        rows: shape (N, C), the first four columns x0 y0 x1 y1.

    Returns:
        (scores (M,) descending, rows (M, C)).
    """
    order = np.argsort(-scores, kind="stable")
    scores, rows = scores[order], rows[order].astype(np.float64)
    area = np.prod(np.maximum(rows[:, 2:4] - rows[:, :2], 0), axis=1)
    kept_scores, kept_rows = [], []
    left = np.arange(len(scores))
    while left.size:
        best = left[0]
        lower = np.maximum(rows[left, :2], rows[best, :2])
        upper = np.minimum(rows[left, 2:4], rows[best, 2:4])
        shared = np.prod(np.maximum(upper - lower, 0), axis=1)
        same = shared > overlap * (area[left] + area[best] - shared)
        same[0] = True
        weights = scores[left[same]].astype(np.float64)
        kept_scores.append(scores[best])
        kept_rows.append(weights @ rows[left[same]] / weights.sum())
        left = left[~same]
    if not kept_rows:
        return scores, rows.astype(np.float32)
    return np.array(kept_scores, np.float32), np.array(kept_rows, np.float32)


def circle_nms(detections: list[Detection], *, overlap: float = _CIRCLE_OVERLAP) -> list[Detection]:
    """Keep the best of every group whose body circles overlap; best first."""
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda d: -d.score):
        if all(circle_iou(candidate.region, other.region) <= overlap for other in kept):
            kept.append(candidate)
    return kept


class Detector:
    """Finds bodies in a square part of an image."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._anchors = anchors()

    def detect(
        self, image: npt.NDArray[np.uint8], part: Region, *, threshold: float
    ) -> list[Detection]:
        """Bodies in the square `part` of an RGB image, best first.

        The image is stretched or squeezed to 224 px a side; what lies outside it is black.
        """
        matrix = part.to_image(SIDE)
        squeeze = part.size / SIDE
        source, scale = (image, 1.0)
        if squeeze >= 2.0:  # average first, or thin people alias away
            scale = 1.0 / int(squeeze)
            source = shrink(image, scale)
        crop = cv2.warpAffine(
            source,
            matrix * scale,
            (SIDE, SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        tensor = crop.astype(np.float32)
        tensor *= 1 / 127.5
        tensor -= 1.0
        raw, logits = self._model(tensor[None])
        scores, rows = weighted_nms(
            *decode(raw[0], logits[0, :, 0], self._anchors, threshold=threshold)
        )
        found = []
        for score, row in zip(scores, rows, strict=True):
            points = row.reshape(-1, 2) * SIDE @ matrix[:, :2].T + matrix[:, 2]
            region = Region.from_axis(points[2], points[3])
            if region is not None:
                box = (*np.minimum(points[0], points[1]), *np.maximum(points[0], points[1]))
                x0, y0, x1, y1 = map(float, box)
                found.append(Detection(float(score), (x0, y0, x1, y1), region))
        return circle_nms(found)
