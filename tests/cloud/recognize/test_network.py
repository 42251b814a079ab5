"""Weights on disk: checked against their card before they say anything."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mizaru.cloud.recognize import build_recognizer, recognizer_info
from mizaru.cloud.recognize import network as network_module
from mizaru.cloud.recognize.card import save_card
from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.learned import LearnedRecognizer
from mizaru.cloud.recognize.network import load_model, shipped_model
from mizaru.cloud.recognize.outputs import OUTPUTS
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.errors import ModelError

Fakes = Any


def weights(outputs: int = OUTPUTS) -> bytes:
    """A network that says the mean of each window, over and over."""
    onnx = pytest.importorskip("onnx")
    helper, tensor = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("ReduceMean", ["windows"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("Concat", ["column"] * outputs, ["logits"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("windows", tensor.FLOAT, ["n", CHANNELS, TICKS])],
        [helper.make_tensor_value_info("logits", tensor.FLOAT, ["n", outputs])],
        [helper.make_tensor("one", tensor.INT64, [1], [1])],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture
def folder(tmp_path: Path, fakes: Fakes) -> Path:
    said = weights()
    (tmp_path / "recognizer.onnx").write_bytes(said)
    card = msgspec.structs.replace(fakes.card(), sha256=hashlib.sha256(said).hexdigest())
    save_card(card, tmp_path / "recognizer.json")
    return tmp_path


def test_weights_say_the_same_alone_and_together(folder: Path) -> None:
    network = load_model(folder).network
    windows = np.random.default_rng(0).normal(size=(5, CHANNELS, TICKS)).astype(np.float32)
    together = network(windows)
    assert together.shape == (5, OUTPUTS)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together[:, 0], windows.mean((1, 2)), atol=1e-5)
    for one, said in zip(windows, together, strict=True):
        np.testing.assert_allclose(network(one[None])[0], said, atol=1e-6)


def test_other_weights_than_the_cards_are_refused(folder: Path) -> None:
    file = folder / "recognizer.onnx"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="SHA-256") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no network", None, weights])
def test_what_is_no_network_of_ours_is_refused_in_one_line(
    folder: Path, fakes: Fakes, content: Any
) -> None:
    said = weights(OUTPUTS - 1) if callable(content) else content
    file = folder / "recognizer.onnx"
    if said is None:
        file.unlink()
    else:
        file.write_bytes(said)
        sha256 = hashlib.sha256(said).hexdigest()
        save_card(msgspec.structs.replace(fakes.card(), sha256=sha256), folder / "recognizer.json")
    with pytest.raises(ModelError, match="install Mizaru again") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["recognizer.onnx", "recognizer.json"])
def test_weights_are_loaded_once_and_half_of_them_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(network_module, "WEIGHTS", folder)
    camera = CloudCameraSettings(id="hall")
    shipped_model.cache_clear()
    try:
        assert isinstance(build_recognizer(camera, local_time=_never), LearnedRecognizer)
        assert shipped_model() is shipped_model()
        assert recognizer_info().version == "fake"
        (folder / missing).unlink()
        shipped_model.cache_clear()
        with pytest.raises(ModelError):
            build_recognizer(camera, local_time=_never)
    finally:
        shipped_model.cache_clear()


def _never(t_ms: int) -> Any:
    raise AssertionError("a camera without zones asks for no local time")
