"""λ of Cov clip_C(μ) from an encoder's card, found by the four bytes that go with every z.

Of a card the ledger needs the clip, λ and the set that they were measured on; what else stands
there is the encoder's business. A card is data: it holds no weights, and the one that the package
ships is read by its path, so that whoever reads it needs no code of the edge.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from mizaru.errors import DataError
from mizaru.ledger.account import Channel

SHIPPED: Final = Path(__file__).parents[1] / "edge/darkroom/encode/weights/encoder.json"
"""Card of the encoder that the package ships."""


class Calibration(Struct, frozen=True):
    """λ of Cov clip_C(μ), the greatest first, and the set that they were measured on; both are
    empty where nothing was measured."""

    eigenvalues: tuple[float, ...] = ()
    named: str = ""


class Card(Struct, frozen=True):
    """What the ledger needs of a card.

    Attributes:
        weights: by which a `mizaru.wire.messages.ChannelRecord` names them, see `weights_id`.
        clip: C under which λ were measured.
        calibration_set: on which.
        eigenvalues: width → λ, the greatest first; none where a tier has none.
    """

    weights: bytes
    clip: float
    calibration_set: str
    eigenvalues: dict[int, tuple[float, ...]]

    def calibration(self, channel: Channel) -> Calibration:
        """λ for one channel; empty if nothing was measured for its width and clip."""
        eigenvalues = self.eigenvalues.get(channel.width, ())
        if channel.clip != self.clip or not eigenvalues:
            return Calibration()
        return Calibration(eigenvalues, self.calibration_set)


class _Tier(Struct, frozen=True):
    eigenvalues: dict[int, tuple[float, ...]]


class _File(Struct, frozen=True):
    """The rest is passed over."""

    clip: Annotated[float, Meta(gt=0.0)]
    calibration_set: Annotated[str, Meta(min_length=1)]
    tiers: dict[str, _Tier]


def weights_id(card: bytes) -> bytes:
    """First 4 bytes of SHA-256 of a card, which has the checksums of all its weights: by these
    a channel names them on the wire."""
    return hashlib.sha256(card).digest()[:4]


def read_card(file: Path) -> Card:
    """Read ``encoder.json``.

    The wire does not say which tier is running, so that λ of a width are, rank by rank, the
    greatest of all tiers: they bound each.

    Raises:
        DataError: it cannot be read, or is not an encoder's card.
    """
    try:
        encoded = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from None
    try:
        card = msgspec.json.decode(encoded, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: not an encoder's card ({error})") from None
    spectra = [tier.eigenvalues for tier in card.tiers.values()]
    for width, spectrum in ((w, s) for tier in spectra for w, s in tier.items()):
        if len(spectrum) != width or not all(0 <= value < math.inf for value in spectrum):
            raise DataError(f"{file}: eigenvalues of width {width} are not {width} numbers ≥ 0")
    widths = set.intersection(*map(set, spectra)) if spectra else set()
    return Card(
        weights_id(encoded),
        card.clip,
        card.calibration_set,
        {width: _greatest([tier[width] for tier in spectra]) for width in sorted(widths)},
    )


def read_cards(files: Iterable[Path] = (), *, shipped: Path = SHIPPED) -> dict[bytes, Card]:
    """The shipped card, unless it was taken away, and these, each by its `Card.weights`.

    Raises:
        DataError: see `read_card`.
    """
    every = (shipped, *files) if shipped.exists() else files
    return {card.weights: card for card in map(read_card, every)}


def _greatest(spectra: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    ranked = (sorted(spectrum, reverse=True) for spectrum in spectra)
    return tuple(map(max, zip(*ranked, strict=True)))
