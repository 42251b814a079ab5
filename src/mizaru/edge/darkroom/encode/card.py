"""The encoder's card that machines read: ``weights/encoder.json``, beside ``encoder-TIER.onnx``.

Training writes it and the darkroom checks it on load. λ stands here because the ledger's
calibrated line needs it, and the clip because μ was learnt under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from mizaru.errors import ModelError

FORMAT: Final = 1
WEIGHTS: Final = Path(__file__).resolve().parent / "weights"
"""What the package ships: one ONNX file per tier and their card ``encoder.json``."""
CARD_NAME: Final = "encoder.json"
INPUT: Final = "frame"
"""float32 (N, 3, 64, 96), RGB in [0, 1]: `mizaru.edge.darkroom.encode.canvas` / 255."""
OUTPUT: Final = "mu"
"""float32 (N, 32): μ; its first entries are the narrower embeddings."""
WIDTHS: Final = (8, 16, 32)

Sentence = Annotated[str, Meta(min_length=1, max_length=500)]
Eigenvalue = Annotated[float, Meta(ge=0.0)]


class TierCard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One exit of the trunk, in a file of its own: onnxruntime computes every output of a graph.

    Attributes:
        file: beside the card.
        sha256: of that file, 64 hex digits.
        ms: median milliseconds of one frame on one thread of the machine that trained it.
        parameters: how many.
        eigenvalues: width → λ of Cov clip_C(μ) on the calibration set, the greatest first.
    """

    file: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,63}\.onnx$")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    ms: Annotated[float, Meta(gt=0.0)]
    parameters: Annotated[int, Meta(ge=0)]
    eigenvalues: dict[int, tuple[Eigenvalue, ...]]


class Card(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is known of one family of encoders.

    Attributes:
        format: of this file, `FORMAT`.
        version: of the weights.
        clip: C, the norm that μ was clipped to while learning, and is on release.
        widths: must be `WIDTHS`.
        tiers: name → exit, the cheapest first.
        calibration_set: what λ was measured on.
        training: what it learnt from.
        architecture: in a few words.
        seed: of the training.
        command: that made it.
        metrics: name → figure on held-out people and scenes.
        notes: what else should be known.
    """

    format: int = FORMAT
    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,39}$")]
    clip: Annotated[float, Meta(gt=0.0, le=100.0)]
    widths: tuple[int, ...] = WIDTHS
    tiers: Annotated[dict[str, TierCard], Meta(min_length=1)]
    calibration_set: Sentence
    training: Sentence
    architecture: Sentence
    seed: int
    command: Sentence
    metrics: dict[str, float] = {}
    notes: tuple[Sentence, ...] = ()

    def __post_init__(self) -> None:
        complaint = next(_complaints(self), None)
        if complaint:
            raise ValueError(complaint)


def load_card(file: Path) -> Card:
    """Read and check a card.

    Raises:
        ModelError: it is missing, damaged or does not fit this program.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Card)
    except OSError as error:
        raise ModelError(
            f"{file}: cannot be read ({error.strerror or error}); install Mizaru again"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{file}: not a card of this version ({error}); install Mizaru again, "
            "or train anew with `mizaru train encoder`"
        ) from None


def save_card(card: Card, file: Path) -> None:
    """Write a card so that people can read it, too; whole or not at all."""
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    part.replace(file)


def _complaints(card: Card) -> Iterator[str]:
    if card.format != FORMAT:
        yield f"format is {card.format!r}, this program has {FORMAT!r}"
    if card.widths != WIDTHS:
        yield f"widths are {card.widths!r}, this program has {WIDTHS!r}"
    for name, tier in card.tiers.items():
        if tuple(tier.eigenvalues) != WIDTHS:
            yield f"tier {name!r} has eigenvalues for {tuple(tier.eigenvalues)}, not {WIDTHS}"
        for width, values in tier.eigenvalues.items():
            if len(values) != width:
                yield f"tier {name!r}: width {width} has {len(values)} eigenvalues"
