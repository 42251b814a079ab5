"""The user's own keypoint model: a tiny ONNX file made here, in both layouts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from tests.edge.darkroom.perceive.conftest import frame

from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.darkroom.perceive.keypoint import read_rtmo, read_yolo
from mizaru.edge.settings import KeypointModel, PerceiveSettings
from mizaru.errors import ModelError
from mizaru.vocabulary import COCO17

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIDE = 64
BOX = (20.0, 6.0, 30.0, 34.0)  # pixels of the model's input
SCORES = (0.9, 0.85, 0.2)  # a person, his double, a hint elsewhere


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes = np.array([BOX, np.add(BOX, 0.5), np.add(BOX, 25)], np.float32)
    points = np.zeros((3, 17, 3), np.float32)
    for k, (x0, y0, x1, y1) in enumerate(boxes):
        points[k] = np.column_stack(
            [np.linspace(x0, x1, 17), np.linspace(y0, y1, 17), np.linspace(0.1, 1, 17)]
        )
    return np.array(SCORES, np.float32), boxes, points


def constant_model(path: Path, outputs: dict[str, np.ndarray]) -> KeypointModel:
    """An ONNX file that answers the same to every picture (plus zero times the picture)."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes = [helper.make_node("ReduceSum", ["image"], ["sum"], keepdims=0)]
    nodes.append(helper.make_node("Mul", ["sum", "zero"], ["nothing"]))
    constants = [numpy_helper.from_array(np.array(0, np.float32), "zero")]
    infos = []
    for name, value in outputs.items():
        constants.append(numpy_helper.from_array(value.astype(np.float32), f"{name}_value"))
        nodes.append(helper.make_node("Add", [f"{name}_value", "nothing"], [name]))
        infos.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, value.shape))
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, (1, 3, SIDE, SIDE))
    graph = helper.make_graph(nodes, "tiny", [image], infos, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return KeypointModel(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def yolo(path: Path) -> KeypointModel:
    scores, boxes, points = rows()
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    table = np.concatenate([middle, size, scores[:, None], points.reshape(3, -1)], axis=1)
    return constant_model(path, {"output0": table.T[None]})


def rtmo(path: Path) -> KeypointModel:
    scores, boxes, points = rows()
    dets = np.concatenate([boxes, scores[:, None]], axis=1)[None]
    made = constant_model(path, {"dets": dets, "keypoints": points[None]})
    return KeypointModel(path=made.path, sha256=made.sha256, layout="rtmo")


def perceive(model: KeypointModel, models: Path, count: int = 4):
    eyes = build_perceiver(
        PerceiveSettings(keypoint_model=model),
        models,
        rng=np.random.default_rng(0),
        clock=lambda: 0.0,
    )
    return [eyes.perceive(frame(n)) for n in range(count)]


@pytest.mark.parametrize("make", [yolo, rtmo])
def test_both_layouts_give_one_person_in_pixels_of_the_frame(make, tmp_path: Path) -> None:
    seen = perceive(make(tmp_path / "tiny.onnx"), tmp_path)[-1]
    (person,) = seen.persons
    scale = 320 / SIDE  # frames here are 320×180
    np.testing.assert_allclose(person.box_xyxy, np.multiply(BOX, scale), atol=0.01)
    assert person.topology is COCO17
    np.testing.assert_allclose(person.keypoints[0, :2], np.multiply(BOX[:2], scale), atol=0.01)
    np.testing.assert_allclose(person.keypoints[:, 2], np.linspace(0.1, 1, 17), atol=0.01)
    assert person.world is None
    assert person.score == pytest.approx(0.9)
    (hint,) = seen.hints_xyxy
    np.testing.assert_allclose(hint, np.add(BOX, 25) * scale, atol=0.01)
    assert seen.mask[20 * 5 // 2, 25 * 5 // 2]


def test_a_model_with_the_wrong_checksum_is_refused(tmp_path: Path) -> None:
    model = yolo(tmp_path / "tiny.onnx")
    wrong = KeypointModel(path=model.path, sha256="0" * 64)
    with pytest.raises(ModelError, match=f"tiny.onnx: wrong checksum: expected {'0' * 64}, actual"):
        perceive(wrong, tmp_path)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        perceive(KeypointModel(path=str(tmp_path / "no.onnx"), sha256="0" * 64), tmp_path)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "text.onnx"
    file.write_text("hello")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(ModelError, match="ONNX Runtime cannot load it"):
        perceive(KeypointModel(path=str(file), sha256=sha256), tmp_path)


def test_the_wrong_layout_is_named(tmp_path: Path) -> None:
    model = yolo(tmp_path / "tiny.onnx")
    wrong = KeypointModel(path=model.path, sha256=model.sha256, layout="rtmo")
    with pytest.raises(ModelError, match=r"layout rtmo wants .* keypoint_model\.layout"):
        perceive(wrong, tmp_path)


def test_yolo_is_read_either_way_round() -> None:
    table = np.random.default_rng(0).random((1, 56, 7)).astype(np.float32)
    for a, b in zip(read_yolo((table,)), read_yolo((table.transpose(0, 2, 1),)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", [(1, 84, 100), (100, 56), (1, 6)])
def test_outputs_of_other_models_are_refused(shape: tuple[int, ...]) -> None:
    zeros = np.zeros(shape, np.float32)
    with pytest.raises(ModelError):
        read_yolo((zeros,))
    with pytest.raises(ModelError):
        read_rtmo((zeros, zeros))
