"""The encoder's files and what runs them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mizaru.edge.darkroom.encode.card import CARD_NAME, WEIGHTS, load_card, save_card
from mizaru.edge.darkroom.encode.encoder import Encoder, load_encoder
from mizaru.edge.darkroom.encode.files import check_weights
from mizaru.edge.settings import EncoderTier
from mizaru.errors import ModelError
from mizaru.ledger.account import Channel
from mizaru.ledger.calibration import SHIPPED, read_cards

GREY = np.full((64, 96, 3), 51, np.uint8)


def test_mu_is_what_the_network_says_of_a_frame_in_0_1(family: Path) -> None:
    encoder = load_encoder(EncoderTier.SMALL, 16, family).encoder
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[..., 1] = 51  # green: channel 1 of RGB
    weights = np.random.default_rng(0).normal(size=(3, 32)).astype(np.float32) * 8
    assert encoder(frame).shape == (16,)
    np.testing.assert_allclose(encoder(frame), 0.2 * weights[1, :16], rtol=1e-5)


def test_a_narrower_z_is_the_first_numbers_of_a_wider_one(family: Path) -> None:
    wide = load_encoder(EncoderTier.BASE, 32, family).encoder(GREY)
    assert np.array_equal(load_encoder(EncoderTier.BASE, 8, family).encoder(GREY), wide[:8])


def test_tiers_have_their_own_weights_and_one_digest(family: Path) -> None:
    small, base = (load_encoder(EncoderTier(name), 8, family) for name in ("small", "base"))
    assert not np.array_equal(small.encoder(GREY), base.encoder(GREY))
    assert small.digest == base.digest
    assert small.digest == hashlib.sha256((family / CARD_NAME).read_bytes()).digest()[:4]


def test_the_ledger_finds_the_card_by_the_digest_that_goes_with_z(family: Path) -> None:
    loaded = load_encoder(EncoderTier.SMALL, 8, family)
    known = read_cards([family / CARD_NAME])[loaded.digest]
    assert known.calibration(Channel(8, loaded.card.clip)).named == loaded.card.calibration_set
    assert SHIPPED == WEIGHTS / CARD_NAME  # the ledger may not import this side, only its data


@pytest.mark.parametrize(("frame_s", "tier"), [(0.001, "base"), (0.0031, "small")])
def test_auto_takes_the_deepest_tier_that_is_quick_enough(
    family: Path, frame_s: float, tier: str
) -> None:
    now = iter(np.arange(1000) * frame_s)
    loaded = load_encoder(EncoderTier.AUTO, 8, family, monotonic=lambda: float(next(now)))
    assert loaded.tier == tier


def test_a_missing_or_changed_file_is_said_before_anything_runs(
    tmp_path: Path, make_family: Callable[[Path], Path]
) -> None:
    folder = make_family(tmp_path)
    check_weights(folder)
    file = folder / "encoder-base.onnx"
    good = file.read_bytes()
    file.write_bytes(good[:-1] + b"?")
    for attempt in (
        lambda: check_weights(folder),
        lambda: load_encoder(EncoderTier.BASE, 8, folder),
    ):
        with pytest.raises(ModelError, match=r"encoder-base\.onnx: its SHA-256 .* install"):
            attempt()
    file.unlink()
    with pytest.raises(ModelError, match=r"encoder-base\.onnx: cannot be read"):
        check_weights(folder)
    load_encoder(EncoderTier.SMALL, 8, folder)
    (folder / CARD_NAME).unlink()
    with pytest.raises(ModelError, match=r"encoder\.json: cannot be read"):
        load_encoder(EncoderTier.SMALL, 8, folder)


def test_what_cannot_be_run_is_said(tmp_path: Path, make_onnx: Callable[..., None]) -> None:
    file = tmp_path / "encoder-small.onnx"
    for make, words in (
        (lambda: file.write_bytes(b"not a network"), "cannot be run"),
        (lambda: make_onnx(file, seed=0, outputs=8), "answers"),
        (lambda: make_onnx(file, seed=0, rows=32), "cannot be run"),
    ):
        make()
        with pytest.raises(ModelError, match=words):
            Encoder(file, hashlib.sha256(file.read_bytes()).hexdigest(), 8)


def test_a_tier_that_is_not_there_is_named(
    tmp_path: Path, make_family: Callable[[Path], Path]
) -> None:
    folder = make_family(tmp_path)
    card = load_card(folder / CARD_NAME)
    only = {"small": card.tiers["small"]}
    save_card(msgspec.structs.replace(card, tiers=only), folder / CARD_NAME)
    with pytest.raises(ModelError, match="no tier 'base', only small"):
        load_encoder(EncoderTier.BASE, 8, folder)
