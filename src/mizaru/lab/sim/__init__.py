"""The sim: a world we may show. Scenario in, frames and exact ground truth out.

``load_scenario`` and `Scenario` are cheap; `render` brings MuJoCo in on first use. `perform`
gives motion without pictures, `scenes` scenarios without end, `daily_life` a day of them.

    >>> for frame, truth in render(load_scenario(Path("walk.toml"))):  # doctest: +SKIP
    ...     frame.shape, truth.count, truth.mask.max()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mizaru.lab.sim.scenario import Scenario, load_scenario
from mizaru.lab.sim.taint import Appearance, taint_pattern

if TYPE_CHECKING:
    from mizaru.lab.sim.daily import daily_life
    from mizaru.lab.sim.motion import perform
    from mizaru.lab.sim.repertoire import scenes
    from mizaru.lab.sim.truth import FrameTruth, SubjectTruth, encode_truth, read_truth
    from mizaru.lab.sim.video import truth_file, write_video
    from mizaru.lab.sim.world import World, render

__all__ = [
    "Appearance",
    "FrameTruth",
    "Scenario",
    "SubjectTruth",
    "World",
    "daily_life",
    "encode_truth",
    "load_scenario",
    "perform",
    "read_truth",
    "render",
    "scenes",
    "taint_pattern",
    "truth_file",
    "write_video",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mizaru.lab.sim import daily, motion, repertoire, truth, video, world

        for module in (world, truth, video, motion, repertoire, daily):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
