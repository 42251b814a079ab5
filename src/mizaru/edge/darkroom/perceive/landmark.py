"""BlazePose's landmark model: 33 landmarks, world landmarks and a mask of one body in a
rotated region (Bazarevsky et al. 2020, arXiv 2006.10204; GHUM variant of MediaPipe)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.perceive.region import Array, Region, apply, shrink
from mizaru.edge.darkroom.perceive.runtime import Model

SIDE: Final = 256
_COUNT: Final = 33
_CENTRE, _TIP = 33, 34  # auxiliary landmarks: the next frame's region
_WINDOW: Final = 7  # cells of the 64×64 heat map around a landmark
_MIN_HEAT: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """What the model sees in one region.

    Attributes:
        presence: [0, 1], that a body is in the region at all.
        points: shape (33, 2) float32, pixels of the frame.
        visibility: shape (33,) float32, [0, 1].
        world: shape (33, 3) float32, metres, axes of the camera (see `Person.world`).
        mask: shape (256, 256) float32, logits, in the region's own pixels.
        region: where the model looked.
        next_region: where to look in the next frame, or None if the body shrank to nothing.
        crop: shape (256, 256, 3) uint8, what the model looked at; darkroom only.
    """

    presence: float
    points: Array
    visibility: Array
    world: Array
    mask: Array
    region: Region
    next_region: Region | None
    crop: npt.NDArray[np.uint8]


class Landmarker:
    """Runs the landmark model on regions of one image after another.

    Args:
        models: the same model once per thread: an interpreter is not thread-safe, and two of
            them on two cores follow two people in the time of one.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = tuple(models)
        self._helpers = ThreadPoolExecutor(max(1, len(models) - 1), "landmark")
        # The threads must exist before the darkroom is locked in.
        list(self._helpers.map(lambda _: time.sleep(0.01), models[1:]))

    def look(self, image: npt.NDArray[np.uint8], region: Region) -> Landmarks:
        """Landmarks of the body in `region` of an RGB image; what lies outside is black."""
        return self._look(self._models[0], image, region)

    def look_all(
        self, image: npt.NDArray[np.uint8], regions: Sequence[Region]
    ) -> tuple[Landmarks, ...]:
        """`look` at every region, shared out among the models; in the regions' order."""
        workers = len(self._models)

        def share(worker: int) -> list[Landmarks]:
            model = self._models[worker]
            return [self._look(model, image, region) for region in regions[worker::workers]]

        busy = range(1, min(workers, len(regions)))
        waiting = [self._helpers.submit(share, worker) for worker in busy]
        try:
            own = share(0)
        finally:
            wait(waiting)  # whatever happened, nobody else may use a model until then
        shares = [own, *(future.result() for future in waiting)]
        return tuple(shares[k % workers][k // workers] for k in range(len(regions)))

    @staticmethod
    def _look(model: Model, image: npt.NDArray[np.uint8], region: Region) -> Landmarks:
        matrix = region.to_image(SIDE)
        crop = warp(image, region)
        tensor = crop.astype(np.float32)
        tensor *= 1 / 255
        flat, flag, mask, heat, world = model(tensor[None])
        rows = flat.reshape(-1, 5)  # x, y, z in crop pixels; visibility, presence as logits
        points = refine(rows[:, :2], heat[0])
        image_points = apply(matrix, points)
        turned = world.reshape(-1, 3)[:_COUNT].copy()
        turned[:, :2] = turned[:, :2] @ region.rotation().T
        logits = np.minimum(rows[:_COUNT, 3], rows[:_COUNT, 4])
        return Landmarks(
            presence=float(flag.reshape(-1)[0]),
            points=image_points[:_COUNT],
            visibility=(1 / (1 + np.exp(-np.clip(logits, -50, 50)))).astype(np.float32),
            world=turned.astype(np.float32),
            mask=mask[0, :, :, 0].copy(),  # the next look overwrites the model's own
            region=region,
            next_region=Region.from_axis(image_points[_CENTRE], image_points[_TIP]),
            crop=crop,
        )


def warp(image: npt.NDArray[np.uint8], region: Region) -> npt.NDArray[np.uint8]:
    """The region as an upright crop, shape (256, 256, 3) uint8."""
    matrix, scale = region.to_image(SIDE), 1.0
    if region.size > 3 * SIDE:  # bodies that fill a large frame would alias
        scale = 0.5
        image = shrink(image, scale)
    return np.asarray(
        cv2.warpAffine(
            image,
            matrix * scale,
            (SIDE, SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        ),
        np.uint8,
    )


def refine(points: Array, heat: Array) -> Array:
    """Pull landmarks to the centre of mass of their heat map where that is confident.

    Args:
        points: shape (39, 2), crop pixels.
        heat: shape (64, 64, 39), logits.

    Returns:
        Shape (39, 2). Landmarks outside the crop, or without heat, are left as they are.
    """
    rows, columns, count = heat.shape
    scale = np.array([columns, rows], np.float32) / SIDE
    centre = np.floor(points * scale).astype(np.int64)
    inside = ((centre >= 0) & (centre < (columns, rows))).all(axis=1)
    offset = np.arange(_WINDOW) - _WINDOW // 2
    x = centre[:, 0, None, None] + offset[None, None, :]
    y = centre[:, 1, None, None] + offset[None, :, None]
    valid = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    index = np.arange(count)[:, None, None]
    logits = heat[np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1), index]
    weight = np.where(valid, 1 / (1 + np.exp(-np.clip(logits, -50, 50))), 0.0)
    total = weight.sum(axis=(1, 2))
    use = inside & (weight.max(axis=(1, 2)) >= _MIN_HEAT) & (total > 0)
    total = np.where(use, total, 1.0)
    mean = np.stack(
        [(weight * x).sum(axis=(1, 2)) / total, (weight * y).sum(axis=(1, 2)) / total], axis=1
    )
    return np.where(use[:, None], mean / scale, points).astype(np.float32)
