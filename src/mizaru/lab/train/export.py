"""From a network to the file that the cloud runs, and the check that it says the same."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.errors import DataError, ModelError
from mizaru.lab import onnx_files

Array = npt.NDArray[np.float32]

INPUT: Final = "windows"
OUTPUT: Final = "logits"
MAX_BYTES: Final = 20_000_000
_CLOSE: Final = 1e-3
"""Logits may differ by this much: float32 sums in another order."""


def export(network: nn.Module, file: Path, sample: Array) -> float:
    """Write ONNX, (n, C, W) float32 → (n, `OUTPUTS`) float32, and compare it with the network.

    Args:
        sample: windows to compare on, shape (N, C, W).

    Returns:
        The greatest difference of logits.

    Raises:
        ModelError: the file is too large or says something else than the network.
    """
    network = network.to("cpu").eval()
    example = torch.zeros(2, CHANNELS, TICKS)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        part = Path(folder) / "part.onnx"
        names = (INPUT, OUTPUT)
        onnx_files.write(network, example, part, names=names, file=file, most_bytes=MAX_BYTES)
        with torch.inference_mode():
            wanted = network(torch.from_numpy(sample)).numpy()
        apart = float(np.abs(run(part, sample) - wanted).max(initial=0.0))
        if not apart <= _CLOSE:
            raise ModelError(f"{file}: the exported network differs by {apart:.2g} in its logits")
        os.replace(part, file)
    return apart


def run(file: Path, windows: Array) -> Array:
    """What an ONNX file says of windows (N, C, W): shape (N, `OUTPUTS`)."""
    session = onnx_files.session(file)
    out: Array = session.run([OUTPUT], {INPUT: windows})[0]
    return out


def cost_ms(file: Path, runs: int = 300) -> float:
    """Median milliseconds of one window on one core.

    Raises:
        DataError: no run was asked for.
    """
    if runs < 1:
        raise DataError("a cost needs at least one run")
    window = np.zeros((1, CHANNELS, TICKS), np.float32)
    return onnx_files.cost_ms(file, (INPUT, OUTPUT), window, runs)
