"""Accounts never go over their budget, and what they say adds up."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizaru.ledger import bounds
from mizaru.ledger.account import (
    AMONG,
    Account,
    Channel,
    Reading,
    Spending,
    bits,
    embedding_bits,
    figures,
    most_pose_bits,
)
from mizaru.wire.messages import Embedding, PoseRecord, Representation

channels = st.builds(
    Channel,
    width=st.integers(1, 32),
    clip=st.floats(0.1, 4),
    sigma=st.floats(0.05, 3),
    sticky=st.floats(0, 0.95),
    scale=st.integers(1, 200),
)


@settings(max_examples=50)
@given(channel=channels, budget=st.floats(0.01, 400))
def test_an_account_charges_until_one_more_frame_would_not_fit(
    channel: Channel, budget: float
) -> None:
    account, spendings = Account(7, channel, budget), []
    while not account.spent and len(spendings) < 200:
        account, spending = account.charge(100 * account.frames)
        spendings.append(spending)
        assert account.total <= budget
        assert spending.total == account.total == pytest.approx(channel.nats(spending.frames))
        assert spending.track == 7
    assert math.fsum(s.nats for s in spendings) == pytest.approx(account.total, abs=1e-9)
    assert [s.frames for s in spendings] == list(range(1, len(spendings) + 1))
    assert [s.t_ms for s in spendings] == [100 * i for i in range(len(spendings))]
    if account.spent:
        assert len(spendings) == channel.frames_within(budget)
        with pytest.raises(ValueError, match="spent"):
            account.charge(0)
    else:
        assert channel.frames_within(budget) >= 200


def test_an_account_cannot_be_made_over_its_budget() -> None:
    channel = Channel()
    with pytest.raises(ValueError, match="fit"):
        Account(1, channel, 1.0, frames=5)
    with pytest.raises(ValueError, match="fit"):
        Account(1, channel, 1.0, frames=-1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Account(1, channel, 1.0).frames = 0  # type: ignore[misc]


@pytest.mark.parametrize("budget", [0.0, -1.0, math.nan, math.inf])
def test_a_budget_is_a_number_of_nats(budget: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        Account(1, Channel(), budget)
    with pytest.raises(ValueError, match="budget"):
        Channel().frames_within(budget)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"width": 33},
        {"clip": 0.0},
        {"clip": math.nan},
        {"sigma": 0.0},
        {"sigma": -1.0},
        {"sigma": math.inf},
        {"sigma": 1e-200},
        {"sticky": 1.0},
        {"sticky": -0.1},
        {"sticky": math.nan},
        {"scale": 0},
        {"scale": 2**16},
    ],
)
def test_a_channel_without_noise_cannot_be_made(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|too small"):
        Channel(**wrong)  # type: ignore[arg-type]


def test_a_spending_checks_itself() -> None:
    for wrong in ((1, 0, 0, 1.0, 1.0), (1, 0, 1, 0.0, 1.0), (1, 0, 1, 2.0, 1.0)):
        with pytest.raises(ValueError, match="spending"):
            Spending(*wrong)


@given(channel=channels, frames=st.integers(1, 400), visits=st.integers(1, 5))
def test_what_stays_the_same_tells_no_more_than_any_input(
    channel: Channel, frames: int, visits: int
) -> None:
    static = figures(channel, Reading.STATIC, frames, visits=visits)
    anything = figures(channel, Reading.ANY, frames, visits=visits)
    alone = figures(channel, Reading.FRAME, frames)
    assert alone.frames == 1
    for name in ("nats", "rho", "epsilon", "m", "tar"):
        small, large = getattr(static, name), getattr(anything, name)
        assert small <= large * (1 + 1e-9) + 1e-9
        assert getattr(alone, name) <= small * (1 + 1e-9) + 1e-9
    for (number, p), (_, q) in zip(static.top_1, anything.top_1, strict=True):
        assert p <= q + 1e-9
        assert 1 / number <= p
    assert [number for number, _ in static.top_1] == list(AMONG)


def test_a_calibration_sharpens_what_is_said_of_naming() -> None:
    channel = Channel(sigma=0.35)
    plain = figures(channel, Reading.STATIC, 25)
    sharp = figures(channel, Reading.STATIC, 25, eigenvalues=[0.05, 0.01, 0.001])
    assert plain.calibrated is None
    assert sharp.nats == plain.nats
    assert sharp.calibrated is not None
    assert sharp.calibrated < sharp.nats
    assert plain.top_1_calibrated == ()
    assert sharp.top_1 == plain.top_1
    for (number, p), (_, q) in zip(sharp.top_1_calibrated, sharp.top_1, strict=True):
        assert p == bounds.top_1(sharp.calibrated, number) < q
    sigma = bounds.static_sigma(channel.fresh_variance, channel.sticky_variance, 25)
    assert sharp.calibrated == bounds.calibrated([0.05, 0.01, 0.001], sigma)


def test_every_bit_of_a_representation_is_in_one_line() -> None:
    channel = Channel(width=16)
    pose = PoseRecord(2**32 - 1, bytes(3), bytes(47))
    other = PoseRecord(2**32 - 2, bytes(3), bytes(47))
    embedding = Embedding(channel.scale, bytes(16))
    representation = Representation(5, 1000, bytes(8), (pose, other), embedding)
    counted = bits(representation)
    assert counted.poses == 2 * most_pose_bits()
    assert counted.embedding == embedding_bits(channel)
    assert counted.total == 8 * len(msgspec.msgpack.encode(representation))
    assert counted.rest > 0
    assert bits(Representation(5, 1000, bytes(8), ())).embedding == 0
    assert most_pose_bits() >= 8 * (47 + 3 + 4)
