"""What has been said so far: a channel's parameters, one track's account, and what it comes to.

An account charges the line that holds for any input (`bounds.capacity_over_time`), and charges
the whole frame to every track in it: a frame says of one person no more than it says at all.
That line is loose, so a budget in these nats is first of all a limit on how long somebody may
be told about at full detail. The other lines (`figures`) are said beside it.

Poses and plates are outside this channel: no noise is added to them, so no line here bounds
them. The ledger gives their bits on the wire (`Bits`), the audit what attacks make of them.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from mizaru.ledger import bounds
from mizaru.wire.budget import largest
from mizaru.wire.messages import Embedding, PoseRecord, Representation

MAX_WIDTH: Final = 32
STEPS_PER_UNIT: Final = 1024
"""`Embedding.scale` counts in 1/1024."""
DELTA: Final = 1e-5
FAR: Final = 1e-3
AMONG: Final = (40, 1000)
BUDGET: Final = 3000
"""Nats per track: a good minute of z at ten a second through the default channel."""


@dataclass(frozen=True, slots=True)
class Channel:
    """z = quantise(clip_C(μ) + n): the parameters, public, the same for a track's whole life.

    Attributes:
        width: D, 1 … 32.
        clip: C > 0, Euclidean norm of μ.
        sigma: σ > 0, standard deviation of one track's noise per coordinate.
        sticky: share of σ² that is drawn once per track, in [0, 1). Not 1: without fresh noise
            the difference of two frames would be exact.
        scale: quantisation step in units of 1/1024, 1 … 65535 (as in `Embedding`).
    """

    width: int = 8
    clip: float = 1.0
    sigma: float = 0.35
    sticky: float = 0.5
    scale: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise ValueError(f"width must be 1 … {MAX_WIDTH}, got {self.width}")
        for name in ("clip", "sigma"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be > 0, got {value}")
        if not 0 <= self.sticky < 1:
            raise ValueError(f"sticky must lie in [0, 1), got {self.sticky}")
        if not 1 <= self.scale < 2**16:
            raise ValueError(f"scale must be 1 … 65535, got {self.scale}")
        if not self.fresh_variance > 0:
            raise ValueError(f"sigma is too small to count with, got {self.sigma}")

    @property
    def fresh_variance(self) -> float:
        """σ_i², per coordinate and frame."""
        return self.sigma**2 * (1 - self.sticky)

    @property
    def sticky_variance(self) -> float:
        """σ_s², per coordinate and track."""
        return self.sigma**2 * self.sticky

    @property
    def step(self) -> float:
        """Quantisation step, in units of μ."""
        return self.scale / STEPS_PER_UNIT

    def nats(self, frames: int) -> float:
        """What ``frames`` ≥ 0 of one track can say of any input, see `bounds`."""
        return bounds.capacity_over_time(
            self.width, self.clip, self.fresh_variance, self.sticky_variance, frames
        )

    def frames_within(self, budget: float) -> int:
        """Most frames whose `nats` do not exceed a budget > 0."""
        _check_budget(budget)
        low, high = 0, 1
        while self.nats(high) <= budget:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.nats(middle) <= budget else (low, middle)
        return low


@dataclass(frozen=True, slots=True)
class Spending:
    """What one frame cost one track.

    Attributes:
        track: ephemeral id.
        t_ms: of the frame.
        frames: released frames of that track, this one included, ≥ 1.
        nats: of this frame, > 0.
        total: of the track so far, ≥ ``nats``.
    """

    track: int
    t_ms: int
    frames: int
    nats: float
    total: float

    def __post_init__(self) -> None:
        if self.frames < 1 or not 0 < self.nats <= self.total:
            raise ValueError("a spending has at least one frame and costs more than nothing")


@dataclass(frozen=True, slots=True)
class Account:
    """One track's account; never goes over its budget.

    Attributes:
        track: ephemeral id.
        channel: through which it speaks.
        budget: nats > 0 for the track's whole life.
        frames: released so far.
    """

    track: int
    channel: Channel
    budget: float
    frames: int = 0

    def __post_init__(self) -> None:
        _check_budget(self.budget)
        if self.frames < 0 or self.total > self.budget:
            raise ValueError(f"{self.frames} frames do not fit into {self.budget} nats")

    @property
    def total(self) -> float:
        """Nats so far."""
        return self.channel.nats(self.frames)

    @property
    def spent(self) -> bool:
        """Whether one more frame would go over the budget."""
        return self.channel.nats(self.frames + 1) > self.budget

    def charge(self, t_ms: int) -> tuple[Account, Spending]:
        """The account after one more frame, and what that cost.

        Raises:
            ValueError: the account is spent.
        """
        if self.spent:
            raise ValueError(f"track {self.track}'s budget of {self.budget} nats is spent")
        after = Account(self.track, self.channel, self.budget, self.frames + 1)
        total = after.total
        return after, Spending(self.track, t_ms, after.frames, total - self.total, total)


class Reading(enum.StrEnum):
    """Under which condition a figure holds, see `mizaru.ledger.bounds`."""

    FRAME = "one frame alone"
    ANY = "any input"
    STATIC = "what stays the same"


@dataclass(frozen=True, slots=True)
class Figures:
    """All lines of T frames of one track, under one reading.

    Attributes:
        reading: condition.
        frames: T ≥ 1.
        nats: capacity bound.
        calibrated: bound for inputs like the calibration set, nats; None without one.
        rho: zCDP.
        epsilon: ε at δ = `DELTA`.
        m: GDP.
        tar: any verifier's true acceptance rate at a false one of `FAR`.
        top_1: (N, p_max) for each N, from ``nats``.
        top_1_calibrated: (N, p_max) for each N, from ``calibrated``; empty without it.
    """

    reading: Reading
    frames: int
    nats: float
    calibrated: float | None
    rho: float
    epsilon: float
    m: float
    tar: float
    top_1: tuple[tuple[int, float], ...]
    top_1_calibrated: tuple[tuple[int, float], ...] = ()


def figures(
    channel: Channel,
    reading: Reading,
    frames: int,
    *,
    eigenvalues: Sequence[float] = (),
    visits: int = 1,
    among: Sequence[int] = AMONG,
) -> Figures:
    """All lines of the ledger.

    Args:
        channel: its parameters.
        reading: condition. `Reading.FRAME` looks at one frame, whatever ``frames`` says.
        frames: T ≥ 1, of each visit.
        eigenvalues: of Cov clip_C(μ) on the calibration set, or none.
        visits: V ≥ 1 tracks known to be of one person.
        among: N of each p_max.

    Raises:
        ValueError: a bad argument.
    """
    if frames < 1 or visits < 1:
        raise ValueError(f"frames and visits must be ≥ 1, got {frames} and {visits}")
    fresh, sticky = channel.fresh_variance, channel.sticky_variance
    calibrated: float | None = None
    if reading is Reading.ANY:
        # Different tracks have independent noise: their lines add.
        one = bounds.any_input_sigma(fresh, sticky, frames)
        sigma = one / math.sqrt(visits)
        nats = visits * channel.nats(frames)
        if eigenvalues:
            calibrated = visits * bounds.calibrated_over_time(eigenvalues, fresh, sticky, frames)
    else:
        frames, visits = (1, 1) if reading is Reading.FRAME else (frames, visits)
        sigma = bounds.static_sigma(fresh, sticky, frames, visits)
        nats = bounds.capacity(channel.width, channel.clip, sigma)
        if eigenvalues:
            calibrated = bounds.calibrated(eigenvalues, sigma)
    rho, m = bounds.zcdp(channel.clip, sigma), bounds.gdp(channel.clip, sigma)
    return Figures(
        reading,
        frames,
        nats,
        calibrated,
        rho,
        bounds.epsilon(rho, DELTA),
        m,
        bounds.tar(m, FAR),
        _naming(nats, among),
        () if calibrated is None else _naming(calibrated, among),
    )


def _naming(nats: float, among: Sequence[int]) -> tuple[tuple[int, float], ...]:
    return tuple((number, bounds.top_1(nats, number)) for number in among)


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits of one representation as it crosses the wire, without its segment's envelope.

    Attributes:
        poses: of all poses, ids included; outside the channel.
        embedding: of z and its step.
        rest: frame number, time and the plate's digest.
    """

    poses: int
    embedding: int
    rest: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.poses + self.embedding + self.rest


def bits(representation: Representation) -> Bits:
    """Count one representation's bits."""
    total = len(msgspec.msgpack.encode(representation))
    poses = sum(len(msgspec.msgpack.encode(pose)) for pose in representation.poses)
    z = (
        0
        if representation.embedding is None
        else len(msgspec.msgpack.encode(representation.embedding))
    )
    return Bits(8 * poses, 8 * z, 8 * (total - poses - z))


def most_pose_bits() -> int:
    """Bits of the largest pose: 47 bytes of points, 3 of the head, the id and their headers."""
    return 8 * largest(PoseRecord)


def embedding_bits(channel: Channel) -> int:
    """Bits of one z of this channel, its step included."""
    return 8 * len(msgspec.msgpack.encode(Embedding(channel.scale, bytes(channel.width))))


def _check_budget(budget: float) -> None:
    if not (math.isfinite(budget) and budget > 0):
        raise ValueError(f"a budget must be > 0 nats, got {budget}")
