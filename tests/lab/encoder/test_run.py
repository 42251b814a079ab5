"""From frames to files and a card that the darkroom takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from tests.lab.encoder.test_trainer import RECIPE  # noqa: E402

from mizaru.edge.darkroom.encode.card import CARD_NAME, load_card  # noqa: E402
from mizaru.errors import ModelError  # noqa: E402
from mizaru.lab.encoder import export, run, score  # noqa: E402
from mizaru.lab.encoder.frames import Frames  # noqa: E402
from mizaru.lab.encoder.network import WIDTHS, Family, OneTier, Tier  # noqa: E402


def test_a_run_writes_tiers_and_a_card_that_fits_them(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(run, "gather", lambda *_, **__: frames)
    monkeypatch.setattr(score, "_DRAWS", 4)
    monkeypatch.setattr(export, "cost_ms", lambda _: 1.0)
    recipe = replace(RECIPE, training=replace(RECIPE.training, epochs=1))
    result = run.train_encoder(
        recipe, cache=tmp_path, out=tmp_path / "out", command="test", version="v1"
    )
    card = load_card(tmp_path / "out" / CARD_NAME)
    assert card == result.card
    assert list(card.tiers) == ["small", "base"]
    for tier in card.tiers.values():
        assert (tmp_path / "out" / tier.file).exists()
        for width in WIDTHS:
            values = tier.eigenvalues[width]
            assert list(values) == sorted(values, reverse=True)
            # No more spread than the clip leaves: tr Cov ≤ C².
            assert sum(values) <= card.clip**2 + 1e-6
        assert str(tmp_path).encode() not in (tmp_path / "out" / tier.file).read_bytes()
    assert "base_behavior_f1_sigma_0" in card.metrics


def test_an_export_that_says_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = np.random.default_rng(0).random((2, 3, 64, 96), dtype=np.float32)
    family = Family(4).eval()
    other = OneTier(Family(4), Tier.BASE).eval()
    monkeypatch.setattr(export, "run", lambda *_: other(torch.from_numpy(sample)).detach().numpy())
    with pytest.raises(ModelError, match="differs"):
        export.export(family, Tier.BASE, tmp_path / "encoder-base.onnx", sample)
    assert not (tmp_path / "encoder-base.onnx").exists()


def test_sticky_noise_survives_the_mean_over_time_and_fresh_noise_does_not() -> None:
    rng = np.random.default_rng(1)
    mu = np.zeros((4000, 32), np.float32)
    owner = np.repeat(np.arange(40), 100)
    half = score.release(mu, 8, 1.0, 0.2, rng, owner).reshape(40, 100, 8).mean(axis=1)
    fresh = score.release(mu, 8, 1.0, 0.2, rng).reshape(40, 100, 8).mean(axis=1)
    assert half.std() == pytest.approx(0.2 / np.sqrt(2), rel=0.15)
    assert fresh.std() == pytest.approx(0.02, rel=0.15)
    assert score.release(mu, 8, 1.0, 0.2, rng, owner).std() == pytest.approx(0.2, rel=0.05)


def test_f1_leaves_out_what_nobody_said() -> None:
    truth = np.array([0, 0, 1, 1, -1])
    assert score.mean_f1(np.array([0, 0, 1, 1, 0]), truth, 3) == 1.0
    assert score.mean_f1(np.array([0, 0, 0, 0, 1]), truth, 3) == pytest.approx(1 / 3)


def test_fusing_uses_only_the_past_of_the_same_view() -> None:
    said = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]], np.float32)
    out = score.fused(said, np.array([0, 0, 1]), 2)
    np.testing.assert_allclose(out[0], np.log(said[0]), rtol=1e-5)
    np.testing.assert_allclose(out[1], (np.log(said[0]) + np.log(said[1])) / 2, rtol=1e-5)
    np.testing.assert_allclose(out[2], np.log(said[2]), rtol=1e-5)
