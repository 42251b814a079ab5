"""f_θ: from Ĩ_t to μ_t, on one thread, with the weights that the package ships.

Wraps: whatever `onnxruntime` raises on a file that it cannot run becomes `ModelError`; what it
raises on a frame goes up as it is, and costs that frame's z (`mizaru.edge.darkroom.encode.stage`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW
from mizaru.edge.darkroom.encode.card import (
    CARD_NAME,
    INPUT,
    OUTPUT,
    WEIGHTS,
    WIDTHS,
    Card,
    load_card,
)
from mizaru.edge.darkroom.encode.files import read_weights
from mizaru.edge.settings import EncoderTier
from mizaru.errors import ModelError
from mizaru.ledger.calibration import weights_id

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float32]

AUTO_MS: Final = 3.0
"""`EncoderTier.AUTO` takes the deepest exit that needs no longer for a frame on this machine."""
_RUNS: Final = 9


class Encoder:
    """One tier: frames in, one at a time, μ out. Nothing of a frame is kept.

    Args:
        file: ONNX weights.
        sha256: their checksum.
        width: D; the first so many entries of what the network says.

    Raises:
        ModelError: the file is missing, is not the one the card tells of, or cannot be run.
    """

    def __init__(self, file: Path, sha256: str, width: int) -> None:
        import onnxruntime

        weights = read_weights(file, sha256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        self.width = width
        try:
            self._session: Any = onnxruntime.InferenceSession(
                weights, options, providers=["CPUExecutionProvider"]
            )
            shape = self._run(np.zeros((*CANVAS_HW, 3), np.uint8)).shape
        except Exception as error:  # onnxruntime has no common root of its errors
            reason = str(error).partition("\n")[0]
            raise ModelError(f"{file}: cannot be run ({reason}); install Mizaru again") from None
        if shape != (WIDTHS[-1],):
            raise ModelError(
                f"{file}: answers {shape} where {(WIDTHS[-1],)} is expected; install Mizaru again"
            )

    def __call__(self, frame: Image) -> Vector:
        """μ of one frame.

        Args:
            frame: Ĩ_t, shape (64, 96, 3) uint8 RGB, see `mizaru.edge.darkroom.encode.canvas`.

        Returns:
            Shape (width,) float32; not clipped, and finite only if the network is well.
        """
        return self._run(frame)[: self.width]

    def _run(self, frame: Image) -> Vector:
        tensor = np.ascontiguousarray(frame.transpose(2, 0, 1), np.float32)[None] / np.float32(255)
        mu: Vector = self._session.run([OUTPUT], {INPUT: tensor})[0][0]
        return mu


@dataclass(frozen=True, slots=True)
class Loaded:
    """An encoder that is ready.

    Attributes:
        tier: its name on the card.
        card: all that is known of it.
        digest: `weights_id` of the card: which family's space z lies in.
    """

    encoder: Encoder
    tier: str
    card: Card
    digest: bytes


def load_encoder(
    tier: EncoderTier,
    width: int,
    folder: Path = WEIGHTS,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> Loaded:
    """Everything is read and run once when this returns, so that the process can be locked in.

    Args:
        tier: `EncoderTier.AUTO` tries the deepest first, see `AUTO_MS`.
        width: D, one of `WIDTHS`.
        folder: of weights and card.
        monotonic: seconds.

    Raises:
        ModelError: see `Encoder` and `mizaru.edge.darkroom.encode.card.load_card`.
    """
    card = load_card(folder / CARD_NAME)
    digest = weights_id((folder / CARD_NAME).read_bytes())
    names = [str(tier)]
    if tier is EncoderTier.AUTO:
        names = list(reversed(card.tiers))
    elif tier not in card.tiers:
        known = ", ".join(card.tiers)
        raise ModelError(
            f"{folder / CARD_NAME}: has no tier {tier.value!r}, only {known}; choose one of these"
        )
    for name in names:
        entry = card.tiers[name]
        encoder = Encoder(folder / entry.file, entry.sha256, width)
        if name == names[-1] or _cost_ms(encoder, monotonic) <= AUTO_MS:
            break
    return Loaded(encoder, name, card, digest)


def _cost_ms(encoder: Encoder, monotonic: Callable[[], float]) -> float:
    """Median of one frame."""
    frame = np.zeros((*CANVAS_HW, 3), np.uint8)
    took = []
    for _ in range(_RUNS):
        began = monotonic()
        encoder(frame)
        took.append(monotonic() - began)
    return 1000 * float(np.median(took))
