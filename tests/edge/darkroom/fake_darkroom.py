"""A darkroom whose perception finds nobody and whose plate is never ready: quick to start.

Run by `develop(command=…)` in tests, so that processes, pipes and locks are the real ones.
The first argument names a misbehaviour.
"""

import os
import sys
import time

import numpy as np

from mizaru.edge.darkroom import process
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.wire.messages import GRID_MS, Plate, Representation

MODE = sys.argv[1] if len(sys.argv) > 1 else ""


class Nobody:
    def perceive(self, frame: Frame) -> Perception:
        if MODE == "slow":
            time.sleep(0.1)
        if MODE == "raises":
            raise KeyError("some words out of a frame")
        if MODE == "hangs" and frame.frame_id >= 20:
            time.sleep(3600)
        return Perception((), np.zeros((1, 1), bool))


class Ticks:
    """One representation per grid tick; ``frame_id`` counts how many this process made."""

    def __init__(self) -> None:
        self._last = -1

    def desensitize(
        self, frame: Frame, perception: Perception
    ) -> tuple[Representation | Plate, ...]:
        tick = frame.t_ms // GRID_MS * GRID_MS
        if tick <= self._last:
            return ()
        self._last = tick
        if MODE == "garbage":
            os.write(5, b"\0\0\0\5hello")
        return (Representation(frame.frame_id, tick, b"", ()),)


def build(job: process.Job) -> tuple[Nobody, Ticks]:
    if MODE == "crash":
        raise RuntimeError("cannot even start")
    return Nobody(), Ticks()


if __name__ == "__main__":
    os._exit(process.main(build))
