"""The weights as files: read whole, and only if they are what the card says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mizaru.edge.darkroom.encode.card import CARD_NAME, WEIGHTS, load_card
from mizaru.errors import ModelError


def read_weights(file: Path, sha256: str) -> bytes:
    """The bytes of a file.

    Raises:
        ModelError: it is missing, or is not the one with this checksum.
    """
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
    return weights


def check_weights(folder: Path = WEIGHTS) -> None:
    """Are all files of a card there and what it says?

    Raises:
        ModelError: no.
    """
    for tier in load_card(folder / CARD_NAME).tiers.values():
        read_weights(folder / tier.file, tier.sha256)
