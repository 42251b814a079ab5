"""The clips that benchmarks run on: simulated people walking about, kept in ``.bench/``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".bench"
SECONDS = 10.0
FPS = 25

_SCENARIO = """\
# Made by benchmarks/clips.py: {people} people walk to and fro, in view from the first frame.
[scenario]
title = "{people} people walking"
seed = 7
duration = {seconds}
fps = {fps}
size = [{width}, {height}]

[scenario.room]
size = [5.6, 5.0, 2.7]

[[scenario.light]]
position = [1.8, 1.6, 2.6]
power = 1.0

[[scenario.light]]
position = [3.8, 3.4, 2.6]
power = 1.0

[[scenario.camera]]
name = "wall"
position = [2.8, 0.1, 2.3]
look_at = [2.8, 3.2, 0.8]
fov = 62
noise = 1.0
"""

_PERSON = """
[[scenario.person]]
name = "p{index}"
identity = {index}
start = [{x}, {y}]
heading = 90
{walks}"""

_WALK = """
  [[scenario.person.action]]
  do = "walk"
  to = [{x}, {y}]
"""


def walking_clip(people: int, width: int, height: int) -> Path:
    """A clip with so many people walking about; rendered once, then kept."""
    clip = CACHE / f"walk-{people}-{width}x{height}.mp4"
    if clip.exists():
        return clip
    CACHE.mkdir(exist_ok=True)
    text = _SCENARIO.format(people=people, seconds=SECONDS, fps=FPS, width=width, height=height)
    for index in range(people):
        x = 2.8 if people == 1 else round(1.3 + 3.0 * index / (people - 1), 2)
        near, far = 2.6 + 0.3 * (index % 2), 3.9 - 0.3 * (index % 2)
        walks = "".join(_WALK.format(x=x, y=far if k % 2 else near) for k in range(1, 9))
        text += _PERSON.format(index=index, x=x, y=near, walks=walks)
    scenario = clip.with_suffix(".toml")
    scenario.write_text(text)
    command = [sys.executable, "-m", "mizaru", "sim", "render", scenario, "--out", clip]
    subprocess.run(command, check=True)
    return clip
