"""Perceive: who is where in a frame. Darkroom only.

frame ─► find (BlazePose, or the user's keypoint model) ─► remove nested ─► track ─►
smooth ─► head orientation, occlusion order π_t, joint mask m_t ─► perception
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.blazepose import BlazePoseFinder
from mizaru.edge.darkroom.perceive.candidate import Finder
from mizaru.edge.darkroom.perceive.detector import Detector
from mizaru.edge.darkroom.perceive.keypoint import KeypointFinder
from mizaru.edge.darkroom.perceive.landmark import Landmarker
from mizaru.edge.darkroom.perceive.perceiver import StreamPerceiver
from mizaru.edge.darkroom.perceive.perception import Perceiver
from mizaru.edge.darkroom.perceive.runtime import load, load_onnx
from mizaru.edge.darkroom.perceive.tracker import Tracker
from mizaru.edge.darkroom.perceive.weak import WeakEvidence
from mizaru.edge.models import (
    FACE_DETECTION,
    POSE_DETECTION,
    POSE_LANDMARK,
    SELFIE_SEGMENTATION,
    ModelStore,
)
from mizaru.edge.settings import PerceiveSettings, Runtime

__all__ = ["build_perceiver"]

_DRY_FRAMES: Final = 20  # until every model has had its turn


def build_perceiver(
    settings: PerceiveSettings,
    models: Path,
    *,
    rng: np.random.Generator,
    clock: Callable[[], float],
) -> Perceiver:
    """Load the models and get everything ready; afterwards no file is opened any more.

    Args:
        settings: of one camera.
        models: folder of the model store.
        rng: for the ephemeral subject ids.
        clock: monotonic, seconds (`time.monotonic`).

    Raises:
        ModelError: a model is missing, wrong, or its library is not installed.
    """
    cv2.setNumThreads(1)
    finder = _load(settings, models)
    perceiver = _assemble(settings, finder(), rng, clock)
    # A dry run on a throw-away twin imports and allocates whatever is still lazy.
    twin = _assemble(settings, finder(), np.random.default_rng(0), lambda: 0.0)
    pixels = np.full((360, 640, 3), 96, np.uint8)
    for number in range(max(_DRY_FRAMES, 2 * settings.detector_every)):
        pixels[100:260, 40 + 8 * number : 120 + 8 * number] = 200
        twin.perceive(Frame(number, 40 * number, 0, pixels))
    return perceiver


def _load(settings: PerceiveSettings, models: Path) -> Callable[[], Finder]:
    """Load the models once; the outcome makes fresh finders of them."""
    brought = settings.keypoint_model
    if brought is not None:
        model = load_onnx(brought)
        return lambda: KeypointFinder(model, brought, max_people=settings.max_people)
    store = ModelStore(models)
    detector = Detector(load(POSE_DETECTION, store, settings.runtime))
    landmarker = Landmarker(
        [load(POSE_LANDMARK, store, settings.runtime) for _ in range(settings.threads)]
    )
    faces = load(FACE_DETECTION, store, settings.runtime)
    # OpenVINO cannot load this one: it has an operation of its own.
    silhouettes = load(SELFIE_SEGMENTATION, store, Runtime.LITERT)
    return lambda: BlazePoseFinder(
        detector,
        landmarker,
        WeakEvidence(faces, silhouettes),
        detector_every=settings.detector_every,
        max_people=settings.max_people,
    )


def _assemble(
    settings: PerceiveSettings,
    finder: Finder,
    rng: np.random.Generator,
    clock: Callable[[], float],
) -> StreamPerceiver:
    tracker = Tracker(rng, max_people=settings.max_people)
    return StreamPerceiver(finder, tracker, timeout_s=settings.timeout_ms / 1000, clock=clock)
