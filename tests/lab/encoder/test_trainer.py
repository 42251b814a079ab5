"""Learning goes on where it stopped, and what comes of it is one family."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

torch = pytest.importorskip("torch")

from mizaru.errors import DataError  # noqa: E402
from mizaru.lab.encoder import score  # noqa: E402
from mizaru.lab.encoder.frames import Frames  # noqa: E402
from mizaru.lab.encoder.network import WIDTHS, Family, Tier  # noqa: E402
from mizaru.lab.encoder.recipe import (  # noqa: E402
    CastSettings,
    NetworkSettings,
    Recipe,
    TrainingSettings,
)
from mizaru.lab.encoder.trainer import Readers, embed, learn  # noqa: E402

RECIPE = Recipe(
    title="small",
    seed=1,
    people=CastSettings(learn=4, calibrate=2, judge=2),
    scenes=CastSettings(learn=4, calibrate=1, judge=1),
    network=NetworkSettings(width=4),
    training=TrainingSettings(epochs=2, frames_per_epoch=64, batch=16, moments=4),
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_an_interrupted_run_ends_with_the_same_weights(frames: Frames, tmp_path: Path) -> None:
    whole = learn(RECIPE, frames, tmp_path / "whole.pt")
    learn(RECIPE, frames, tmp_path / "parts.pt", epochs=1)
    parts = learn(RECIPE, frames, tmp_path / "parts.pt")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name


def test_another_recipe_does_not_go_on_from_a_checkpoint(frames: Frames, tmp_path: Path) -> None:
    learn(RECIPE, frames, tmp_path / "run.pt", epochs=1)
    with pytest.raises(DataError, match="--fresh"):
        learn(replace(RECIPE, seed=2), frames, tmp_path / "run.pt")


def test_nothing_is_learnt_from_nothing(frames: Frames, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no frame"):
        learn(RECIPE, frames.pick(np.zeros(len(frames), bool)), tmp_path / "run.pt")


def test_readers_name_people_where_z_tells_them_and_then_the_encoder_pays() -> None:
    torch.manual_seed(0)
    readers = Readers(RECIPE)
    person = torch.arange(4).repeat_interleave(32)
    told = torch.nn.functional.one_hot(person, 32).float()
    readers.remember(told, person, torch.zeros(128, dtype=torch.bool))
    readers.remember(told, person, torch.ones(128, dtype=torch.bool))
    readers.restart()
    assert readers.confusion([told], person, 1.0).item() > 1.0  # of ln 4 = 1.39
    nothing = torch.zeros(128, 32)
    assert readers.confusion([nothing], person, 1.0).item() < 0.7


def test_widths_are_nested_and_tiers_differ(frames: Frames, tmp_path: Path) -> None:
    model = learn(RECIPE, frames, tmp_path / "run.pt", epochs=1)
    mu = {tier: embed(model, frames.pixels[:8], tier) for tier in Tier}
    assert mu[Tier.BASE].shape == (8, WIDTHS[-1])
    assert not np.allclose(mu[Tier.BASE], mu[Tier.SMALL])
    for width in WIDTHS:
        z = score.clipped(mu[Tier.BASE], width, 1.0)
        assert z.shape == (8, width)
        assert np.linalg.norm(z, axis=1).max() <= 1 + 1e-5
    with torch.inference_mode():
        x = torch.from_numpy(frames.pixels[:8]).permute(0, 3, 1, 2).float() / 255
        both = model.family(x)
    for tier in Tier:
        np.testing.assert_allclose(both[tier][0].numpy(), mu[tier], rtol=1e-4, atol=1e-5)


def test_a_frame_does_not_depend_on_its_company(frames: Frames) -> None:
    family = Family(4).eval()
    x = torch.from_numpy(frames.pixels[:4]).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        together, alone = family.mu(x, Tier.BASE), family.mu(x[:1], Tier.BASE)
    assert torch.allclose(together[:1], alone, atol=1e-5)
