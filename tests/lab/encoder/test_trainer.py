"""Learning goes on where it stopped, and what comes of it is one family."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

torch = pytest.importorskip("torch")

from mizaru.errors import DataError  # noqa: E402
from mizaru.lab.encoder import score  # noqa: E402
from mizaru.lab.encoder.draw import pictures  # noqa: E402
from mizaru.lab.encoder.frames import Frames  # noqa: E402
from mizaru.lab.encoder.network import WIDTHS, Family, Tier, in_glimpse  # noqa: E402
from mizaru.lab.encoder.recipe import (  # noqa: E402
    CastSettings,
    NetworkSettings,
    Recipe,
    TrainingSettings,
)
from mizaru.lab.encoder.trainer import Readers, embed, learn, to_input  # noqa: E402

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
    readers = Readers(RECIPE, RECIPE.people.learn)
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
    few = frames.pick(np.arange(8))
    mu = {tier: embed(model, few, tier) for tier in Tier}
    assert mu[Tier.BASE].shape == (8, WIDTHS[-1])
    assert not np.allclose(mu[Tier.BASE], mu[Tier.SMALL])
    for width in WIDTHS:
        z = score.clipped(mu[Tier.BASE], width, 1.0)
        assert z.shape == (8, width)
        assert np.linalg.norm(z, axis=1).max() <= 1 + 1e-5
    with torch.inference_mode():
        both, _ = model.family(to_input(pictures(few)))
    for tier in Tier:
        np.testing.assert_allclose(both[tier].mu.numpy(), mu[tier], rtol=1e-4, atol=1e-5)


def test_a_frame_does_not_depend_on_its_company(frames: Frames) -> None:
    family = Family(4).eval()
    x = to_input(pictures(frames.pick(np.arange(4))))
    with torch.inference_mode():
        together, alone = family.mu(x, Tier.BASE), family.mu(x[:1], Tier.BASE)
    assert torch.allclose(together[:1], alone, atol=1e-5)


def test_joints_are_told_where_the_glimpse_has_them(frames: Frames) -> None:
    family = Family(4).eval()
    alone = frames.pick(np.flatnonzero(np.diff(frames.first) == 1)[:6])
    x = to_input(pictures(alone))
    with torch.inference_mode():
        cut, facts = family.glimpse(x)
    place = in_glimpse(torch.from_numpy(alone.bodies), facts)
    # Hips are on the mannequin: the hint of its colour is high where they are said to be.
    hips = place[:, 11:13].mean(dim=1)
    hint = torch.nn.functional.grid_sample(cut[:, 3:], hips[:, None, None], align_corners=False)
    assert hint.min().item() > 0.5
    assert place.abs().max().item() < 1.6


def test_a_wall_that_nearly_looks_like_a_mannequin_is_not_looked_at(frames: Frames) -> None:
    """Grey-blue, 2° from the palette's: it took three quarters of the glimpse once."""
    alone = frames.pick(np.flatnonzero(np.diff(frames.first) == 1)[:6])
    wall = np.full((48, 64, 3), (150, 162, 184), np.uint8)
    small = alone.bodies.copy()
    small[:, :, :2] = 0.5 + 0.4 * (small[:, :, :2] - 0.5)
    walled = dataclasses.replace(alone, plates=(wall,) * len(alone.plates), bodies=small)
    family = Family(4).eval()
    with torch.inference_mode():
        _, facts = family.glimpse(to_input(pictures(walled)))
        place = in_glimpse(torch.from_numpy(walled.bodies), facts)
    extent = (place.amax(dim=1) - place.amin(dim=1)).amax(dim=1)
    assert extent.min().item() > 1.0  # of 2
