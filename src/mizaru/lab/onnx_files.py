"""ONNX files of networks that the lab trained: written without traces, run on one thread."""

from __future__ import annotations

import logging
import time
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from mizaru.errors import ModelError

Array = npt.NDArray[np.float32]

OPSET: Final = 18
_WARM_UP: Final = 20


def write(
    network: Any, example: Any, part: Path, *, names: tuple[str, str], file: Path, most_bytes: int
) -> None:
    """Write a network as ONNX whose first axis is free.

    Args:
        network: in eval mode, on the CPU.
        example: a tensor of two.
        part: where to.
        names: of input and output.
        file: what complaints call it.
        most_bytes: that it may have.

    Raises:
        ModelError: it is too large.
    """
    with warnings.catch_warnings():
        # The exporter warns of its own innards.
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            torch.onnx.export(
                network,
                (example,),
                str(part),
                input_names=[names[0]],
                output_names=[names[1]],
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
    if size > most_bytes:
        raise ModelError(
            f"{file}: {size / 1e6:.1f} MB, {most_bytes / 1e6:.0f} MB are allowed; "
            "narrow the network"
        )


def session(file: Path) -> Any:
    """An `onnxruntime.InferenceSession` on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def cost_ms(file: Path, names: tuple[str, str], one: Array, runs: int) -> float:
    """Median milliseconds of one input, shape (1, ...), on one thread."""
    running = session(file)
    took = []
    for _ in range(runs + _WARM_UP):
        began = time.perf_counter()
        running.run([names[1]], {names[0]: one})
        took.append(time.perf_counter() - began)
    return float(np.median(took[_WARM_UP:]) * 1000)


def _forget_whence(file: Path) -> None:
    """Take out the exporter's traces: they name the folders of the machine that trained."""
    import onnx

    model = onnx.load(file)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, file)
