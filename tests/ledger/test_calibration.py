"""A card's λ: found by the bytes that go with z, for one width and clip, bounding every tier."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.errors import DataError
from mizaru.ledger import bounds
from mizaru.ledger.account import Channel
from mizaru.ledger.calibration import SHIPPED, Calibration, read_card, read_cards, weights_id

CONTENT: dict[str, Any] = {
    "clip": 2.0,
    "calibration_set": "played rooms",
    "tiers": {
        "small": {"eigenvalues": {"2": [0.1, 0.5], "3": [1, 1, 1]}, "ms": 1.0},
        "base": {"eigenvalues": {"2": [0.3, 0.2]}},
    },
    "seed": 1,
}


def write(file: Path, content: Any = CONTENT) -> Path:
    file.write_text(json.dumps(content))
    return file


def test_only_the_width_and_clip_that_were_measured_are_calibrated(tmp_path: Path) -> None:
    card = read_card(write(tmp_path / "encoder.json"))
    assert card.calibration(Channel(2, 2.0)) == Calibration((0.5, 0.2), "played rooms")
    # Another clip, a width that no tier has, one that only a tier has.
    for other in (Channel(2, 1.0), Channel(4, 2.0), Channel(3, 2.0)):
        assert card.calibration(other) == Calibration()


spectrum = st.lists(st.floats(0, 10), min_size=4, max_size=4)


@given(st.lists(spectrum, min_size=1, max_size=3), st.floats(0.05, 5), st.integers(1, 30))
def test_one_line_bounds_every_tier(
    tmp_path_factory: pytest.TempPathFactory, tiers: list[list[float]], sigma: float, frames: int
) -> None:
    """Nobody knows which tier spoke."""
    content = CONTENT | {
        "tiers": {str(i): {"eigenvalues": {"4": tier}} for i, tier in enumerate(tiers)}
    }
    file = write(tmp_path_factory.mktemp("card") / "encoder.json", content)
    known = read_card(file).calibration(Channel(4, 2.0)).eigenvalues
    for tier in tiers:
        assert bounds.calibrated(tier, sigma) <= bounds.calibrated(known, sigma)
        variance = sigma**2 / 2
        one, all_ = (
            bounds.calibrated_over_time(some, variance, variance, frames) for some in (tier, known)
        )
        assert one <= all_ * (1 + 1e-12)


def test_cards_are_found_by_their_bytes(tmp_path: Path) -> None:
    shipped, other = write(tmp_path / "a.json"), write(tmp_path / "b.json", CONTENT | {"seed": 2})
    cards = read_cards([other], shipped=shipped)
    assert set(cards) == {weights_id(file.read_bytes()) for file in (shipped, other)}
    assert len(cards) == 2
    for weights, card in cards.items():
        assert card.weights == weights
        assert len(weights) == 4
    assert hashlib.sha256(other.read_bytes()).digest().startswith(tuple(cards))
    assert set(read_cards(shipped=tmp_path / "absent.json")) == set()


def test_the_shipped_card_is_known_without_being_named() -> None:
    card = read_cards()[weights_id(SHIPPED.read_bytes())]
    for width in (8, 16, 32):
        known = card.calibration(Channel(width))
        assert len(known.eigenvalues) == width
        assert list(known.eigenvalues) == sorted(known.eigenvalues, reverse=True)
        assert known.named


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "not an encoder's card"),
        ({"clip": 1.0}, "calibration_set"),
        (CONTENT | {"clip": 0}, "clip"),
        (CONTENT | {"calibration_set": ""}, "calibration_set"),
        (CONTENT | {"tiers": {"small": {"eigenvalues": {"8": [1.0]}}}}, "width 8"),
        (CONTENT | {"tiers": {"small": {"eigenvalues": {"1": [-1.0]}}}}, "width 1"),
    ],
)
def test_a_damaged_card_is_refused_by_name(tmp_path: Path, content: Any, words: str) -> None:
    file = write(tmp_path / "wrong.json", content)
    for read in (lambda: read_card(file), lambda: read_cards(shipped=file)):
        with pytest.raises(DataError, match=words) as complaint:
            read()
        assert str(file) in str(complaint.value)
        assert "\n" not in str(complaint.value)
