"""Laws of the losses."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from mizaru.lab.encoder import losses  # noqa: E402
from mizaru.lab.encoder.network import clip  # noqa: E402


def test_confusion_is_nothing_for_who_knows_nothing_and_ln_n_for_who_is_sure() -> None:
    assert losses.confusion(torch.zeros(3, 40)).item() == pytest.approx(0.0, abs=1e-5)
    sure = torch.zeros(3, 40)
    sure[:, 7] = 100.0
    assert losses.confusion(sure).item() == pytest.approx(math.log(40), abs=1e-3)


def test_the_rate_is_nothing_exactly_at_the_prior() -> None:
    prior = torch.full((5, 32), math.log(1 / 8))
    at = losses.rate(torch.zeros(5, 32), prior, 1.0, 8).item()
    assert at == pytest.approx(0.0, abs=1e-6)
    for mu, change in ((0.2, 0.0), (0.0, 0.5), (0.0, -0.5)):
        assert losses.rate(torch.full((5, 32), mu), prior + change, 1.0, 8).item() > 0.001


def test_clipping_keeps_directions_and_bounds_the_norm() -> None:
    mu = torch.randn(50, 8) * 3
    z = clip(mu, 1.0)
    assert z.norm(dim=1).max().item() <= 1.0 + 1e-5
    assert torch.nn.functional.cosine_similarity(mu, z).min().item() > 1 - 1e-5
    small = torch.randn(50, 8) * 0.01
    assert torch.allclose(clip(small, 1.0), small)


def test_contrast_rewards_frames_of_one_meaning_for_being_together() -> None:
    meaning = torch.tensor([0, 0, 1, 1, -1])
    apart = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1], [5, 5]])
    mixed = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1], [5, 5]])
    assert losses.contrast(apart, meaning) < losses.contrast(mixed, meaning)
    assert losses.contrast(apart, torch.full((5,), -1)).item() == 0.0


def test_what_nobody_said_teaches_nothing() -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    loss = losses.answers({"place": logits}, {"place": torch.tensor([0, -1, 2, -1])})
    loss.backward()
    assert logits.grad[[1, 3]].abs().sum() == 0
    assert logits.grad[[0, 2]].abs().sum() > 0
    teacher = torch.full((4, 3), math.nan)
    assert losses.distillation(torch.randn(4, 3), teacher).item() == 0.0


def test_the_deepest_tier_does_not_follow_the_small_one() -> None:
    small = torch.zeros(2, 8, requires_grad=True)
    deepest = torch.ones(2, 8, requires_grad=True)
    losses.apart(small, deepest).backward()
    assert deepest.grad is None
    assert small.grad.abs().sum() > 0


def test_unknown_hints_and_joints_that_were_not_seen_teach_nothing() -> None:
    said = torch.randn(3, 2, requires_grad=True)
    losses.hints(said, torch.tensor([[0.0, math.nan], [math.nan, math.nan], [1.0, 2.0]])).backward()
    assert said.grad[0, 1] == 0
    assert said.grad[1].abs().sum() == 0
    where = torch.randn(2, 17, 2, requires_grad=True)
    seen = torch.randn(2, 17, requires_grad=True)
    rho = torch.zeros(2, 17)
    rho[1, :9] = 1.0
    losses.joints(where, seen, torch.zeros(2, 17, 2), rho).backward()
    assert where.grad[0].abs().sum() == 0
    assert where.grad[1, 9:].abs().sum() == 0
    assert (where.grad[1, :9].abs().sum(dim=1) > 0).all()
    assert seen.grad[0].abs().sum() == 0
    assert losses.joints(where, seen, torch.zeros(2, 17, 2), torch.zeros(2, 17)).item() == 0.0
