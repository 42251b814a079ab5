"""Frames made of chance: enough for laws, too few to teach anything."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os

import numpy as np
import pytest

from mizaru.lab.encoder.frames import NOBODY, ROW, Frames
from mizaru.lab.encoder.meaning import HINTS, QUESTIONS, Doing


@pytest.fixture(scope="session")
def sim() -> None:
    """Ask for this in every test that plays or renders."""
    for package in ("mujoco", "dm_control"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the sim needs {package}: pip install -e '.[lab]'")
    by_osmesa = os.environ.get("MUJOCO_GL", "osmesa") == "osmesa"
    if by_osmesa and ctypes.util.find_library("OSMesa") is None:
        pytest.skip("the sim needs OSMesa: apt-get install libosmesa6")


def upright(x: float, lift: float = 0.0) -> np.ndarray:
    """One body (17, 3), seen from the front, the hips at (x, 0.5 - lift)."""
    body = np.ones((17, 3), np.float32)
    heights = (-0.35, *(-0.36,) * 4, *(-0.25,) * 2, *(-0.12,) * 2, *(0.0,) * 4, *(0.15,) * 2)
    body[:, 1] = 0.5 - lift + np.array((*heights, 0.3, 0.3), np.float32)
    side = np.where(np.arange(17) % 2 == 1, 0.04, -0.04)
    body[:, 0] = x + np.where(np.arange(17) == 0, 0.0, side)
    return body


@pytest.fixture
def frames() -> Frames:
    """64 frames through four cameras; where somebody stands says the place, so there is something
    to learn. Every fourth has a second body."""
    rng = np.random.default_rng(3)
    rows = np.zeros(64, ROW)
    rows["scene"] = np.arange(64) // 16
    rows["t_ms"] = np.arange(64) % 16 * 400
    for name, answers in QUESTIONS.items():
        rows[name] = rng.integers(0, len(answers), 64)
    rows["person"] = np.where(rng.random(64) < 0.2, NOBODY, rows["scene"])
    counts = np.where(np.arange(64) % 4 == 3, 2, 1)
    places = np.repeat(rows["place"], counts)
    bodies = np.stack([upright(0.1 + 0.15 * place) for place in places])
    bodies[np.cumsum(counts)[counts == 2] - 1, :, 0] += 0.1
    teacher = np.full((64, len(Doing)), np.nan, np.float16)
    teacher[::2] = 1 / len(Doing)
    hints = rng.normal(size=(64, len(HINTS))).astype(np.float16)
    hints[counts == 1, -2:] = np.nan
    plates = tuple(rng.integers(0, 60, (48, wide, 3), dtype=np.uint8) for wide in (64, 72, 85))
    heads = np.full((len(bodies), 3), np.nan, np.float32)
    heads[::3] = (20.0, -5.0, 3.0)
    return Frames(
        (*plates, None),
        np.array([64 / 48, 72 / 48, 85 / 48, 4 / 3], np.float32),
        rows["scene"].astype(np.int32),
        bodies,
        heads,
        np.arange(1, len(bodies) + 1),
        np.concatenate([[0], np.cumsum(counts)]),
        rows,
        teacher,
        hints,
    )
