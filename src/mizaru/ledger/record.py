"""A channel as it crosses the wire: what the darkroom uses and the cloud accounts by is one."""

from __future__ import annotations

import math
from typing import Final

from mizaru.ledger.account import STEPS_PER_UNIT, Channel
from mizaru.wire.messages import ChannelRecord

THOUSAND: Final = 1000
_FAR_OUT: Final = 6.0  # σ: how far noise may carry z before it stays at the end of its bytes
_BYTE_MAX: Final = 127


def record_of(channel: Channel, budget: int, weights: bytes) -> ChannelRecord:
    """How a channel is said on the wire; what is finer than a thousandth is rounded to more
    noise, less clip and more of the noise kept.

    Args:
        channel: its ``scale`` goes with every z instead.
        budget: nats per track.
        weights: 4 bytes, see `ChannelRecord`.
    """
    return ChannelRecord(
        width=channel.width,
        clip=max(1, _down(channel.clip * THOUSAND)),
        sigma=-_down(-channel.sigma * THOUSAND),
        sticky_percent=min(99, -_down(-channel.sticky * 100)),
        budget=budget,
        weights=weights,
    )


def channel_of(record: ChannelRecord, scale: int | None = None) -> Channel:
    """The channel that a record tells of.

    Args:
        scale: of its z; None: the finest that holds clip and noise in a byte.
    """
    clip, sigma = record.clip / THOUSAND, record.sigma / THOUSAND
    if scale is None:
        scale = min(2**16 - 1, math.ceil(STEPS_PER_UNIT * (clip + _FAR_OUT * sigma) / _BYTE_MAX))
    return Channel(record.width, clip, sigma, record.sticky_percent / 100, scale)


def _down(value: float) -> int:
    """⌊value⌋, but for the last digits of a float."""
    return math.floor(value + 1e-9)
