"""A tiny encoder made on the spot: ONNX by hand, and its card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mizaru.edge.darkroom.encode.card import (
    CARD_NAME,
    INPUT,
    OUTPUT,
    WIDTHS,
    Card,
    TierCard,
    save_card,
)


def write_onnx(file: Path, *, seed: int, outputs: int = 32, rows: int = 64) -> None:
    """μ = 8 · mean(frame) · W: a linear reader of the mean colour."""
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(seed).normal(size=(3, outputs)).astype(np.float32) * 8
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", [INPUT], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], [OUTPUT]),
        ],
        "tiny",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, rows, 96])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(weights, "weights")],
    )
    opset = [helper.make_opsetid("", 13)]
    file.write_bytes(
        helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    )


def write_family(folder: Path) -> Path:
    """Two tiers and their card."""
    folder.mkdir(parents=True, exist_ok=True)
    tiers = {}
    for seed, name in enumerate(("small", "base")):
        file = folder / f"encoder-{name}.onnx"
        write_onnx(file, seed=seed)
        tiers[name] = TierCard(
            file=file.name,
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            ms=0.1,
            parameters=96,
            eigenvalues={width: (0.1,) * width for width in WIDTHS},
        )
    words = dict.fromkeys(("calibration_set", "training", "architecture", "command"), "a test")
    save_card(Card(version="0", clip=1.0, tiers=tiers, seed=0, **words), folder / CARD_NAME)
    return folder


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    return write_family(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def make_family() -> Callable[[Path], Path]:
    return write_family


@pytest.fixture
def make_onnx() -> Callable[..., None]:
    return write_onnx
