"""Frames made of chance: enough for laws, too few to teach anything."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os

import numpy as np
import pytest

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW
from mizaru.lab.encoder.frames import NOBODY, ROW, Frames
from mizaru.lab.encoder.meaning import QUESTIONS, Doing


@pytest.fixture(scope="session")
def sim() -> None:
    """Ask for this in every test that plays or renders."""
    for package in ("mujoco", "dm_control"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the sim needs {package}: pip install -e '.[lab]'")
    by_osmesa = os.environ.get("MUJOCO_GL", "osmesa") == "osmesa"
    if by_osmesa and ctypes.util.find_library("OSMesa") is None:
        pytest.skip("the sim needs OSMesa: apt-get install libosmesa6")


@pytest.fixture
def frames() -> Frames:
    """64 frames of four views; brightness says the place, so there is something to learn."""
    rng = np.random.default_rng(3)
    rows = np.zeros(64, ROW)
    rows["scene"] = np.arange(64) // 16
    rows["t_ms"] = np.arange(64) % 16 * 400
    for name, answers in QUESTIONS.items():
        rows[name] = rng.integers(0, len(answers), 64)
    rows["person"] = np.where(rng.random(64) < 0.2, NOBODY, rows["scene"])
    pixels = rng.integers(0, 60, (64, *CANVAS_HW, 3), dtype=np.uint8)
    pixels += (rows["place"] * 40).astype(np.uint8)[:, None, None, None]
    teacher = np.full((64, len(Doing)), np.nan, np.float16)
    teacher[::2] = 1 / len(Doing)
    return Frames(pixels, rows, teacher)
