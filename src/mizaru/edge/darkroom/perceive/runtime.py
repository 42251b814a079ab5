"""What runs a model: LiteRT by default, OpenVINO where installed, ONNX Runtime for the user's.

One thread per model: on a busy box two are slower than one. Nothing is opened or imported
after a model has been loaded and warmed up, because the darkroom's sandbox forbids it.

Wraps: whatever the vendors' loaders raise (`ValueError`, `RuntimeError`, onnxruntime's own)
becomes `ModelError`; so does a missing library.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mizaru.edge.models import ModelFile, ModelStore, checked
from mizaru.edge.settings import KeypointModel, Runtime
from mizaru.errors import ModelError

Floats = npt.NDArray[np.float32]


class Model(Protocol):
    """One array in, several out. Not to be shared between threads.

    Attributes:
        input_shape: e.g. (1, 224, 224, 3).
    """

    input_shape: tuple[int, ...]

    def __call__(self, array: Floats) -> tuple[Floats, ...]:
        """Run once. Outputs are in the order of the model file and may be overwritten by
        the next call."""
        ...


def load(model: ModelFile, store: ModelStore, runtime: Runtime) -> Model:
    """Load a model of the store, checked. Raises `ModelError`."""
    content = store.read(model)
    loader = _LOADERS[runtime]
    return _warm(loader(content, store.path(model)))


def load_onnx(settings: KeypointModel) -> Model:
    """Load the user's ONNX model, checked against its SHA-256. Raises `ModelError`."""
    path = Path(settings.path).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}; correct keypoint_model.path"
        ) from None
    checked(content, settings.sha256, what=str(path), remedy="correct keypoint_model.sha256")
    return _warm(_OnnxModel(content, path))


class _LiteRtModel:
    def __init__(self, content: bytes, path: Path) -> None:
        module = _import("ai_edge_litert.interpreter", extra="edge")
        try:
            self._interpreter: Any = module.Interpreter(model_content=content, num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise _unusable(path, "LiteRT", error) from None
        entry = self._interpreter.get_input_details()[0]
        self._input: int = entry["index"]
        self._outputs = [entry["index"] for entry in self._interpreter.get_output_details()]
        self.input_shape: tuple[int, ...] = tuple(int(n) for n in entry["shape"])

    def __call__(self, array: Floats) -> tuple[Floats, ...]:
        self._interpreter.set_tensor(self._input, array)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(index) for index in self._outputs)


class _OpenVinoModel:
    def __init__(self, content: bytes, path: Path) -> None:
        module = _import("openvino", extra="openvino")
        try:
            core = module.Core()
            # OpenVINO's reader of TFLite wants a path, so what it read is checked again after.
            network = core.read_model(str(path))
            if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(content).digest():
                raise ModelError(f"{path}: changed while it was read; run: mizaru models pull")
            # Without this hint recent CPUs silently use bfloat16: keypoints off by up to 10 %.
            compiled = core.compile_model(
                network,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": "f32",
                    "INFERENCE_NUM_THREADS": 1,
                    "NUM_STREAMS": 1,
                    "PERFORMANCE_HINT": "LATENCY",
                },
            )
        except RuntimeError as error:
            raise _unusable(path, "OpenVINO", error) from None
        self._request: Any = compiled.create_infer_request()
        self._count = len(compiled.outputs)
        self.input_shape: tuple[int, ...] = tuple(int(n) for n in compiled.input(0).shape)

    def __call__(self, array: Floats) -> tuple[Floats, ...]:
        self._request.infer([array])
        return tuple(self._request.get_output_tensor(i).data for i in range(self._count))


class _OnnxModel:
    def __init__(self, content: bytes, path: Path) -> None:
        module = _import("onnxruntime", extra="edge")
        options = module.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = module.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise _unusable(path, "ONNX Runtime", error) from None
        entry = self._session.get_inputs()[0]
        self._name: str = entry.name
        self.input_shape: tuple[int, ...] = tuple(
            size if isinstance(size, int) and size > 0 else default
            for size, default in zip(entry.shape, (1, 3, 640, 640), strict=False)
        )
        if len(self.input_shape) != 4 or self.input_shape[:2] != (1, 3):
            raise ModelError(
                f"{path}: input is {entry.shape}, a keypoint model takes (1, 3, H, W); "
                "export it with batch 1"
            )

    def __call__(self, array: Floats) -> tuple[Floats, ...]:
        return tuple(self._session.run(None, {self._name: array}))


_LOADERS: dict[Runtime, Callable[[bytes, Path], Model]] = {
    Runtime.LITERT: _LiteRtModel,
    Runtime.OPENVINO: _OpenVinoModel,
}


def _import(name: str, *, extra: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ModelError(
            f"{name.partition('.')[0]} is not installed; run: pip install 'mizaru[{extra}]'"
        ) from None


def _warm(model: Model) -> Model:
    """First inferences allocate and import; they happen before the sandbox closes."""
    for _ in range(2):
        model(np.zeros(model.input_shape, np.float32))
    return model


def _unusable(path: Path, library: str, error: Exception) -> ModelError:
    first = (str(error).splitlines() or ["no reason given"])[0]
    return ModelError(f"{path}: {library} cannot load it: {first}; update the library or the file")
