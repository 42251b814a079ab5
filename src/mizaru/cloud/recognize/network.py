"""The network's weights: found, checked and run. One copy serves all cameras of the process.

Wraps: whatever `onnxruntime` raises on a file that it cannot run becomes `ModelError`.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.card import Card, load_card
from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.outputs import OUTPUTS
from mizaru.errors import ModelError

Array = npt.NDArray[np.float32]

WEIGHTS: Final = Path(__file__).resolve().parent / "weights"
"""What the package ships: ``recognizer.onnx`` and its card ``recognizer.json``."""
ONNX_NAME: Final = "recognizer.onnx"
CARD_NAME: Final = "recognizer.json"


class Network(Protocol):
    """Windows in, logits out; `mizaru.cloud.recognize.features` and `outputs` say which."""

    def __call__(self, windows: Array) -> Array:
        """Shape (N, C, W) float32 → (N, OUTPUTS) float32; N ≥ 1."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """Weights with all that is known of them."""

    network: Network
    card: Card


class OnnxNetwork:
    """An ONNX file on one core: beside a hundred cameras, threads would only wait for another.

    Raises:
        ModelError: the file is missing, is not the one the card tells of, or cannot be run.
    """

    def __init__(self, file: Path, sha256: str) -> None:
        import onnxruntime

        try:
            weights = file.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{file}: cannot be read ({error.strerror or error}); install Mizaru again"
            ) from None
        found = hashlib.sha256(weights).hexdigest()
        if found != sha256:
            raise ModelError(
                f"{file}: its SHA-256 is {found[:12]}…, its card says {sha256[:12]}…; "
                "install Mizaru again"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                weights, options, providers=["CPUExecutionProvider"]
            )
            (self._input,) = (one.name for one in self._session.get_inputs())
            (self._output,) = (one.name for one in self._session.get_outputs())
            shape = self(np.zeros((2, CHANNELS, TICKS), np.float32)).shape
        except Exception as error:  # onnxruntime has no common root of its errors
            reason = str(error).partition("\n")[0]
            raise ModelError(f"{file}: cannot be run ({reason}); install Mizaru again") from None
        if shape != (2, OUTPUTS):
            raise ModelError(
                f"{file}: answers {shape} where {(2, OUTPUTS)} is expected; install Mizaru again"
            )

    def __call__(self, windows: Array) -> Array:
        logits: Array = self._session.run([self._output], {self._input: windows})[0]
        return logits


def load_model(folder: Path) -> Model:
    """Weights and card of a folder.

    Raises:
        ModelError: one of them is missing, damaged or does not fit the other or this program.
    """
    card = load_card(folder / CARD_NAME)
    return Model(OnnxNetwork(folder / ONNX_NAME, card.sha256), card)


@functools.cache
def shipped_model() -> Model:
    """The weights of this release, loaded once for all cameras of the process.

    Raises:
        ModelError: see `load_model`.
    """
    return load_model(WEIGHTS)
