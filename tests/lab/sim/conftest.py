"""The sim's tests need MuJoCo and an off-screen OpenGL; without them they are skipped."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mizaru.lab.sim.scenario import Scenario, load_scenario

SCENARIOS = Path(__file__).parents[3] / "examples" / "scenarios"

_ROOM = """
[scenario]
title = "test"
seed = 5
duration = 60.0
fps = 10
size = [160, 120]
crowd = 3
room = { size = [5.0, 5.0, 2.6] }
furniture = [
  { name = "bed", kind = "bed", position = [4.2, 3.4], heading = 180 },
  { name = "chair", kind = "chair", position = [2.5, 4.5], heading = 270 },
  { name = "basin", kind = "basin", position = [0.3, 3.4], heading = 0 },
]

[[scenario.camera]]
name = "wall"
position = [2.5, 0.1, 2.2]
look_at = [2.5, 2.8, 0.7]
fov = 60

"""


def why_no_sim() -> str | None:
    """Why the sim cannot run here, or None."""
    for package in ("mujoco", "dm_control"):
        if importlib.util.find_spec(package) is None:
            return f"the sim needs {package}: pip install -e '.[lab]'"
    by_osmesa = os.environ.get("MUJOCO_GL", "osmesa") == "osmesa"
    if by_osmesa and ctypes.util.find_library("OSMesa") is None:
        return "the sim needs OSMesa: apt-get install libosmesa6"
    return None


@pytest.fixture
def sim() -> None:
    """Ask for this in every test that plays or renders."""
    if reason := why_no_sim():
        pytest.skip(reason)


@pytest.fixture
def scenario_of(tmp_path: Path) -> Callable[[str], Scenario]:
    """A scenario in a furnished room from the people's TOML."""

    def make(people: str) -> Scenario:
        file = tmp_path / "scenario.toml"
        file.write_text(_ROOM + people)
        return load_scenario(file)

    return make


@pytest.fixture
def shipped() -> Callable[[str], Scenario]:
    """A scenario of the repository by name."""
    return lambda name: load_scenario(SCENARIOS / f"{name}.toml")
