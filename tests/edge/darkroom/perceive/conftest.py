"""Models where they can be had, pictures of nobody, and finders that follow a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.candidate import Candidate, Found, Prior
from mizaru.edge.darkroom.perceive.region import Region
from mizaru.edge.models import ModelStore, models_folder
from mizaru.errors import MizaruError
from mizaru.settings import environment
from mizaru.vocabulary import COCO17


@pytest.fixture(scope="session")
def models() -> Path:
    """The model store's folder, filled."""
    folder = models_folder(None, environment())
    try:
        ModelStore(folder).pull()
    except MizaruError as error:
        pytest.skip(f"models are not here and cannot be pulled: {error}")
    return folder


def frame(number: int, pixels: np.ndarray | None = None, *, step_ms: int = 40) -> Frame:
    """One grey frame, or one with these pixels."""
    if pixels is None:
        pixels = np.full((180, 320, 3), 90, np.uint8)
    return Frame(number, number * step_ms, 0, pixels)


def candidate(
    x: float,
    y: float,
    *,
    size: float = 100.0,
    colour: int = 0,
    score: float = 0.9,
    detection: float = 0.95,
    prior: int | None = None,
    stir: float = 0.0,
) -> Candidate:
    """A skeleton whose keypoints stand in a column; `colour` is the bin of its clothes."""
    rows = np.linspace(-0.4, 0.4, len(COCO17.keypoints))
    keypoints = np.column_stack(
        [np.full(rows.shape, x) + 0.1 * size * np.cos(9 * rows), y + rows * size, np.ones(17)]
    ).astype(np.float32)
    colours = np.full(8, 0.02, np.float32)
    colours[colour] = 1 - 0.02 * 7
    half = 0.2 * size
    return Candidate(
        score=score,
        box_xyxy=(x - half, y - 0.45 * size, x + half, y + 0.45 * size),
        topology=COCO17,
        keypoints=keypoints,
        world=None,
        region=Region(x, y, size),
        colours=colours,
        prior=prior,
        detection=detection,
        stir=stir,
    )


class ScriptedFinder:
    """Says what the script says for each frame, then nothing."""

    def __init__(self, script: list[list[Candidate]], *, work: Callable[[], None] | None = None):
        self._script = iter(script)
        self._work = work

    def find(
        self, image: np.ndarray, priors: tuple[Prior, ...], check: Callable[[], None]
    ) -> Found:
        if self._work is not None:
            self._work()
        check()
        return Found(tuple(next(self._script, [])))
