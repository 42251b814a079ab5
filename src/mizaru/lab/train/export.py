"""From a network to the file that the cloud runs, and the check that it says the same."""

from __future__ import annotations

import logging
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.errors import DataError, ModelError

Array = npt.NDArray[np.float32]

INPUT: Final = "windows"
OUTPUT: Final = "logits"
OPSET: Final = 18
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
        with warnings.catch_warnings():
            # The exporter warns of its own innards.
            warnings.simplefilter("ignore")
            logging.disable(logging.WARNING)
            try:
                torch.onnx.export(
                    network,
                    (example,),
                    str(part),
                    input_names=[INPUT],
                    output_names=[OUTPUT],
                    dynamic_shapes=({0: torch.export.Dim("n")},),
                    opset_version=OPSET,
                    dynamo=True,
                    external_data=False,
                    verbose=False,
                )
            finally:
                logging.disable(logging.NOTSET)
        _forget_whence(part)
        size = part.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(f"{file}: {size / 1e6:.1f} MB, 20 MB are allowed; narrow the network")
        with torch.inference_mode():
            wanted = network(torch.from_numpy(sample)).numpy()
        apart = float(np.abs(run(part, sample) - wanted).max(initial=0.0))
        if not apart <= _CLOSE:
            raise ModelError(f"{file}: the exported network differs by {apart:.2g} in its logits")
        os.replace(part, file)
    return apart


def _forget_whence(file: Path) -> None:
    """Take out the exporter's traces: they name the folders of the machine that trained."""
    import onnx

    model = onnx.load(file)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, file)


def _session(file: Path) -> object:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def run(file: Path, windows: Array) -> Array:
    """What an ONNX file says of windows (N, C, W): shape (N, `OUTPUTS`)."""
    session = _session(file)
    out: Array = session.run([OUTPUT], {INPUT: windows})[0]  # type: ignore[attr-defined]
    return out


def cost_ms(file: Path, runs: int = 300) -> float:
    """Median milliseconds of one window on one core.

    Raises:
        DataError: no run was asked for.
    """
    if runs < 1:
        raise DataError("a cost needs at least one run")
    session = _session(file)
    window = np.zeros((1, CHANNELS, TICKS), np.float32)
    took = []
    for _ in range(runs + 20):
        began = time.perf_counter()
        session.run([OUTPUT], {INPUT: window})  # type: ignore[attr-defined]
        took.append(time.perf_counter() - began)
    return float(np.median(took[20:]) * 1000)
