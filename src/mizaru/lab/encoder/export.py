"""From a family to the files that darkrooms run, one per tier; checked to say the same."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW
from mizaru.edge.darkroom.encode.card import INPUT, OUTPUT
from mizaru.errors import ModelError
from mizaru.lab import onnx_files
from mizaru.lab.encoder.network import Family, OneTier, Tier

Array = npt.NDArray[np.float32]

MAX_BYTES: Final = 5_000_000
_CLOSE: Final = 1e-3
"""Entries of μ, relative to its norm: float32 sums in another order."""


def export(family: Family, tier: Tier, file: Path, sample: Array) -> float:
    """Write one tier as ONNX, (N, 3, 64, 96) float32 → (N, 32) float32, and compare it.

    Args:
        sample: frames to compare on, shape (N, 3, 64, 96) in [0, 1].

    Returns:
        The greatest difference of an entry of μ, relative to the mean norm of μ.

    Raises:
        ModelError: the file is too large or says something else than the network.
    """
    network = OneTier(family, tier).eval()
    example = torch.zeros(2, 3, *CANVAS_HW)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        part = Path(folder) / "part.onnx"
        names = (INPUT, OUTPUT)
        onnx_files.write(network, example, part, names=names, file=file, most_bytes=MAX_BYTES)
        with torch.inference_mode():
            wanted = network(torch.from_numpy(sample)).numpy()
        scale = float(np.linalg.norm(wanted, axis=1).mean()) or 1.0
        apart = float(np.abs(run(part, sample) - wanted).max(initial=0.0)) / scale
        if not apart <= _CLOSE:
            raise ModelError(f"{file}: the exported network differs by {apart:.2g} of μ's norm")
        os.replace(part, file)
    return apart


def runner(file: Path) -> Callable[[Array], Array]:
    """What an ONNX file says: frames (N, 3, 64, 96) in [0, 1] → μ (N, 32)."""
    session = onnx_files.session(file)

    def mu(frames: Array) -> Array:
        out: Array = session.run([OUTPUT], {INPUT: frames})[0]
        return out

    return mu


def run(file: Path, frames: Array) -> Array:
    """`runner`, for once."""
    return runner(file)(frames)


def cost_ms(file: Path, runs: int = 200) -> float:
    """Median milliseconds of one frame on one thread."""
    frame = np.zeros((1, 3, *CANVAS_HW), np.float32)
    return onnx_files.cost_ms(file, (INPUT, OUTPUT), frame, runs)
