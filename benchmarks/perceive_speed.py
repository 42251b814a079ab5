"""Milliseconds of CPU per stage of perception at 640×360, with 1, 2 and 4 people.

    python -m benchmarks.perceive_speed [--runtime openvino]

Frames are put together in memory from two real clips of ``../shared/data``: side by side for
two people, in a grid of four for four. CPU time of this process, so that a busy machine
spoils it less; the targets of the design are 14, 24 and 40 ms.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.perceive_data import DATA
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive import build_perceiver, runtime
from mizaru.edge.models import models_folder
from mizaru.edge.settings import PerceiveSettings, Runtime
from mizaru.settings import environment

FRAMES = 100
TARGETS_MS = {1: 14, 2: 24, 4: 40}


def clip(name: str) -> list[np.ndarray]:
    """The first frames of a 640×360 clip."""
    with av.open(str(DATA / "video/gmdcsa24" / name)) as container:
        return [p.to_ndarray(format="rgb24") for p in container.decode(video=0)][:FRAMES]


def compose(people: int) -> list[np.ndarray]:
    """Frames of 640×360 with so many people."""
    walker, sitter = clip("S1_ADL_10.mp4"), clip("S1_ADL_16.mp4")
    if people == 1:
        return walker
    if people == 2:
        pairs = zip(walker, sitter, strict=True)
        return [np.hstack([a[:, 235:555], b[:, 30:350]]) for a, b in pairs]
    small = [[cv2.resize(f, (320, 180)) for f in frames] for frames in (walker, sitter)]
    rows = [np.hstack([a, b]) for a, b in zip(*small, strict=True)]
    return [np.vstack([row, row[:, ::-1]]) for row in rows]


def main() -> None:
    """Print one line per number of people."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.perceive_speed")
    parser.add_argument("--runtime", type=Runtime, default=Runtime.LITERT)
    chosen = parser.parse_args().runtime
    spent: dict[str, float] = defaultdict(float)
    original = runtime.load

    def timed(name: str, model: Any) -> Callable[..., Any]:
        class Timed:
            input_shape = model.input_shape

            def __call__(self, array: np.ndarray) -> Any:
                start = time.process_time()
                try:
                    return model(array)
                finally:
                    spent[name] += time.process_time() - start

        return Timed()

    import mizaru.edge.darkroom.perceive as package

    package.load = lambda file, *more: timed(file.name, original(file, *more))  # type: ignore[attr-defined]
    for people, target in TARGETS_MS.items():
        frames = compose(people)
        eyes = build_perceiver(
            PerceiveSettings(runtime=chosen),
            models_folder(None, environment()),
            rng=np.random.default_rng(0),
            clock=time.monotonic,
        )
        spent.clear()
        start, seen = time.process_time(), 0
        for number, pixels in enumerate(frames):
            seen += len(eyes.perceive(Frame(number, 33 * number, 0, pixels)).persons)
        total = (time.process_time() - start) / len(frames) * 1000
        stages = {name: s / len(frames) * 1000 for name, s in spent.items()}
        rest = total - sum(stages.values())
        print(
            f"{people} people ({seen / len(frames):.2f} found), {chosen}: {total:.1f} ms CPU per "
            f"frame (target {target}): "
            + ", ".join(f"{name.partition('.')[0]} {ms:.1f}" for name, ms in stages.items())
            + f", the rest {rest:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
