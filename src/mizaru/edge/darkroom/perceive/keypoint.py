"""A keypoint model that the user brings: every person in one look, COCO's 17 keypoints.

For crowded places, where BlazePose gets few skeletons right. Two layouts of outputs are
read: that of YOLO-pose exports, and that of RTMO (Lu et al. 2023, arXiv 2312.07526).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.candidate import Candidate, Found, Prior
from mizaru.edge.darkroom.perceive.colour import histogram
from mizaru.edge.darkroom.perceive.region import Array, Box, Region, box_iou
from mizaru.edge.darkroom.perceive.runtime import Model
from mizaru.edge.settings import KeypointModel
from mizaru.errors import ModelError
from mizaru.vocabulary import COCO17

_K: Final = len(COCO17.keypoints)
_GREY: Final = 114  # padding that both families were trained with
_OVERLAP: Final = 0.65  # of boxes that are one person
_HINT_SHARE: Final = 0.5  # of the threshold: weaker evidence is a hint

Rows = tuple[Array, Array, Array]
"""Scores (N,), boxes (N, 4) as x0 y0 x1 y1, keypoints (N, 17, 3), pixels of the input."""


def read_yolo(outputs: tuple[Array, ...]) -> Rows:
    """One output (1, 56, N) or (1, N, 56): cx cy w h score 17×(x y ρ)."""
    columns = 5 + 3 * _K
    table = outputs[0]
    if table.ndim != 3 or columns not in table.shape[1:]:
        raise ModelError(
            f"keypoint model: output is {table.shape}, layout yolo wants (1, {columns}, N); "
            "correct keypoint_model.layout or export the model without its own NMS"
        )
    rows = table[0] if table.shape[2] == columns else table[0].T
    half = rows[:, 2:4] / 2
    boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
    return rows[:, 4], boxes, rows[:, 5:].reshape(-1, _K, 3)


def read_rtmo(outputs: tuple[Array, ...]) -> Rows:
    """Two outputs: boxes with score (1, N, 5) and keypoints (1, N, 17, 3)."""
    if (
        len(outputs) < 2
        or outputs[0].shape[-1:] != (5,)
        or outputs[1].shape[-2:] != (_K, 3)
        or outputs[0].shape[:2] != outputs[1].shape[:2]
    ):
        shapes = ", ".join(str(o.shape) for o in outputs)
        raise ModelError(
            f"keypoint model: outputs are {shapes}, layout rtmo wants (1, N, 5) and "
            f"(1, N, {_K}, 3); correct keypoint_model.layout"
        )
    boxes, keypoints = outputs[0][0], outputs[1][0]
    return boxes[:, 4], boxes[:, :4], keypoints


_READERS: Final = {"yolo": read_yolo, "rtmo": read_rtmo}


class KeypointFinder:
    """A `Finder` of one ONNX model, run on every frame."""

    def __init__(self, model: Model, settings: KeypointModel, *, max_people: int) -> None:
        self._model, self._settings, self._max_people = model, settings, max_people
        _, _, self._height, self._width = model.input_shape

    def find(
        self,
        image: npt.NDArray[np.uint8],
        priors: tuple[Prior, ...],
        check: Callable[[], None],
    ) -> Found:
        """See `Finder`. Priors are not needed: the model sees everybody in every frame."""
        check()
        tensor, scale = self._prepare(image)
        scores, boxes, keypoints = _READERS[self._settings.layout](self._model(tensor))
        weak = np.flatnonzero(scores > self._settings.threshold * _HINT_SHARE)
        kept = _nms(scores[weak], boxes[weak])
        candidates: list[Candidate] = []
        hints: list[Box] = []
        for k in weak[kept]:
            x0, y0, x1, y1 = (float(v) / scale for v in boxes[k])
            box, region = (x0, y0, x1, y1), Region.from_box((x0, y0, x1, y1))
            if region is None or not np.isfinite(keypoints[k]).all():
                continue
            if scores[k] <= self._settings.threshold or len(candidates) >= self._max_people:
                hints.append(box)
                continue
            points = np.concatenate(
                [keypoints[k, :, :2] / scale, np.clip(keypoints[k, :, 2:], 0, 1)], axis=1
            ).astype(np.float32)
            candidates.append(
                Candidate(
                    score=float(min(1.0, scores[k])),
                    box_xyxy=box,
                    topology=COCO17,
                    keypoints=points,
                    world=None,
                    region=region,
                    colours=_colours(image, box),
                    detection=float(scores[k]),
                )
            )
        return Found(tuple(candidates), hints_xyxy=tuple(hints))

    def _prepare(self, image: npt.NDArray[np.uint8]) -> tuple[Array, float]:
        """Letterboxed input, shape (1, 3, H, W), and its scale."""
        height, width = image.shape[:2]
        scale = min(self._height / height, self._width / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = np.full((self._height, self._width, 3), _GREY, np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        if self._settings.layout == "yolo":
            tensor = canvas.astype(np.float32) / 255
        else:  # RTMO: BGR, 0 … 255
            tensor = canvas[:, :, ::-1].astype(np.float32)
        return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None]), scale


def _nms(scores: Array, boxes: Array) -> list[int]:
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable"):
        x0, y0, x1, y1 = map(float, boxes[k])
        box = (x0, y0, x1, y1)
        if all(box_iou(box, tuple(map(float, boxes[o]))) <= _OVERLAP for o in kept):  # type: ignore[arg-type]
            kept.append(int(k))
    return kept


def _colours(image: npt.NDArray[np.uint8], box: Box) -> Array:
    """Colours of the middle of the box: mostly clothes, little room."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box
    margin = (x1 - x0) / 4
    left, right = np.clip([int(x0 + margin), int(x1 - margin) + 1], 0, width)
    top, bottom = np.clip([int(y0), int(y1) + 1], 0, height)
    part = image[top:bottom:2, left:right:2]
    if not part.size:
        return histogram(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.bool_))
    return histogram(np.ascontiguousarray(part))
