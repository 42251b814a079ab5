"""A darkroom whose perception finds nobody and whose plate is never ready: quick to start.

Run by `develop(command=…)` in tests, so that processes, pipes and locks are the real ones.
The first argument names a misbehaviour.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mizaru.edge.darkroom import MAX_MESSAGE_BYTES, process
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.edge.darkroom.sandbox import landlock
from mizaru.edge.darkroom.side import Job
from mizaru.errors import ModelError
from mizaru.vocabulary import CameraState
from mizaru.wire.codec import encode
from mizaru.wire.messages import GRID_MS, Plate, Representation, Status

MODE = sys.argv[1] if len(sys.argv) > 1 else ""


def escape() -> None:
    """Try the ways out from inside the running darkroom; end with a strange status on success."""
    here = Path(__file__).parent
    attempts: list[Callable[[], object]] = [
        socket.socket,
        lambda: (here / "escaped").write_text("x"),
        lambda: Path("/etc/passwd").read_text(),
        lambda: os.execv("/bin/true", ["true"]),
        os.fork,
    ]
    for attempt in attempts:
        with contextlib.suppress(PermissionError):
            attempt()
            os._exit(99)


class Nobody:
    def perceive(self, frame: Frame) -> Perception:
        time.sleep({"slow": 0.1, "busy": 0.04}.get(MODE, 0))
        if MODE == "escapes":
            escape()
            thread = threading.Thread(target=escape)
            thread.start()
            thread.join()
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
        return (Representation(frame.frame_id, tick, b"", ()),)


def build(job: Job) -> tuple[Nobody, Ticks, None]:
    if MODE == "crash":
        raise RuntimeError("cannot even start")
    if MODE == "model error":
        raise ModelError("pose.tflite: wrong checksum; run mizaru models pull")
    if MODE == "import error":
        raise ModuleNotFoundError("No module named 'ai_edge_litert'")
    return Nobody(), Ticks(), None


def lie(body: bytes) -> None:
    """Instead of every message."""
    process.encode = lambda message: body  # type: ignore[assignment]


if __name__ == "__main__":
    if MODE == "garbage":
        lie(b"hello")
    if MODE == "oversize":
        lie(bytes(MAX_MESSAGE_BYTES + 1))
    if MODE == "other camera":
        lie(encode(Status("other", CameraState.STREAMING, 0)))
    if MODE == "no landlock":
        landlock.abi = lambda: 0
    os._exit(process.main(build))
