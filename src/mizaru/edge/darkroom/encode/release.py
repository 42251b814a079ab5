"""The release channel: the only way from μ to z, z = quantise(clip_C(μ) + n).

μ goes in, a noisy quantised z comes out or nothing does; no method, attribute, error or
representation of an object of this module holds or names μ. What each z can say, and under which
condition, is in `mizaru.ledger.bounds`.

Noise: a present track's own part is drawn once and kept while the track lives (sticky), the
rest is fresh for every z; n is the fresh part plus the sticky parts of all present tracks, each
in full. With one track its variance is σ² per coordinate, with more it is greater. (Not divided
by √k for k tracks: then frames alone and frames with companions would give the sticky part away.)

Budget: every present track is charged the whole frame. z stops for every frame that holds a
track whose budget is spent, whoever else is in it, since its z would speak of that track, too.
Nobody is charged for a frame without z. Whether z comes depends on nothing but which ids were
present when, which the poses say anyway.

Ids: a track that was not present for `GONE_MS` is closed: its noise and account are forgotten
and what remains is one bit at ``id mod 2²³``. An id that returns after that has no budget left,
nor has a new one that happens to hit the same bit: after n closed tracks that is a share
n/2²³ of the new ones (1 % after 84 000), which get no z. It fails closed and never grows.
The same person under a new id is a new track, with new noise and a new budget: what that adds
up to over visits is in the ledger.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from mizaru.ledger.account import Account, Channel, Spending
from mizaru.wire.messages import MAX_SUBJECTS, Embedding

GONE_MS: Final = 300_000
"""Longer than any tracker's memory, so that a track found again goes on with its own noise; and
than the longest pause between two z, when nothing says who is present."""

Vector = npt.NDArray[np.float64]

_CLOSED_BITS: Final = 2**23
_BYTE_MAX: Final = 127
_NORMAL: Final = NormalDist()


class Noise(Protocol):
    """Where chance comes from."""

    def gaussian(self, size: int) -> Vector:
        """``size`` independent draws of N(0, 1), shape (size,)."""
        ...


class SystemNoise:
    """N(0, 1) from the operating system's generator, getrandom(2).

    Each draw is Φ⁻¹(u) with u = (2k + 1)/2⁵³, k of 52 random bits: exact in float64, symmetric,
    never 0 or 1, and within 8.2 standard deviations (what is cut off has a chance of 2⁻⁵²).
    Φ⁻¹ is the standard library's (Wichura's AS 241, about 16 digits). A generator of numpy would
    be quicker, but its state would let whoever learns it take the noise off again. That float64
    has gaps (Mironov 2012) does not show: z leaves on a grid of 2⁻¹⁰ at the finest.
    """

    def gaussian(self, size: int) -> Vector:
        """``size`` independent draws of N(0, 1), shape (size,)."""
        words = np.frombuffer(os.urandom(8 * size), np.uint64) >> np.uint64(12)
        return np.array([_NORMAL.inv_cdf((2 * int(k) + 1) / 2**53) for k in words], np.float64)


@dataclass(frozen=True, slots=True)
class Released:
    """What may leave: z, and what it cost each present track."""

    embedding: Embedding
    spendings: tuple[Spending, ...]


@dataclass(slots=True, eq=False)
class _Track:
    """``sticky``: shape (D,), in units of μ; kept out of every repr."""

    account: Account
    sticky: Vector = field(repr=False)
    seen_ms: int


class Release:
    """Clip, add noise, quantise, charge.

    Args:
        channel: its parameters.
        noise: source of chance; `SystemNoise` wherever z really leaves.
        budget: nats per track, > 0.
    """

    def __init__(self, channel: Channel, noise: Noise, budget: float) -> None:
        self._channel, self._noise, self._budget = channel, noise, budget
        Account(1, channel, budget)  # refuses a bad budget now
        self._tracks: dict[int, _Track] = {}
        self._closed = bytearray(_CLOSED_BITS // 8)
        self._last_ms = -1

    @property
    def channel(self) -> Channel:
        """Its parameters; public."""
        return self._channel

    def release(
        self, mu: npt.NDArray[np.floating], present: Collection[int], t_ms: int
    ) -> Released | None:
        """One frame's z.

        Args:
            mu: shape (D,), finite; not kept.
            present: ids of all tracks that the frame holds, each once, 1 … 2³²-1.
            t_ms: the frame's time, greater than at the call before.

        Returns:
            None where nobody is there, or a present track's budget is spent.

        Raises:
            ValueError: a bad argument; nothing was released or charged. Its text holds no
                number of μ.
        """
        signal = self._clipped(mu)
        self._check(present, t_ms)
        self._last_ms = t_ms
        self._forget(t_ms)
        tracks = [self._follow(number, t_ms) for number in present if not self._is_closed(number)]
        if not tracks or len(tracks) < len(present) or any(t.account.spent for t in tracks):
            return None
        channel = self._channel
        fresh = math.sqrt(channel.fresh_variance) * self._noise.gaussian(channel.width)
        sticky = np.sum([track.sticky for track in tracks], axis=0)
        z = _quantised(signal + fresh + sticky, channel)
        spendings = []
        for track in tracks:
            track.account, spending = track.account.charge(t_ms)
            spendings.append(spending)
        return Released(Embedding(channel.scale, z), tuple(spendings))

    def _clipped(self, mu: npt.NDArray[np.floating]) -> Vector:
        """clip_C(μ): μ where ‖μ‖ ≤ C, else scaled to that norm."""
        if mu.shape != (self._channel.width,):
            raise ValueError(f"mu must have shape ({self._channel.width},), got {mu.shape}")
        vector = mu.astype(np.float64)
        if not np.isfinite(vector).all():
            raise ValueError("mu must be finite")
        norm = math.hypot(*vector)  # of numbers near float64's end, too
        if norm <= self._channel.clip:
            return vector
        largest = float(np.abs(vector).max())
        vector = vector / largest
        return np.asarray(vector * (self._channel.clip / math.hypot(*vector)))

    def _check(self, present: Collection[int], t_ms: int) -> None:
        if len(set(present)) != len(present) or len(present) > MAX_SUBJECTS:
            raise ValueError(f"a frame holds ≤ {MAX_SUBJECTS} tracks, each once")
        if not all(1 <= track < 2**32 for track in present):
            raise ValueError("a track's id lies in 1 … 2³²-1")
        if t_ms <= self._last_ms:
            raise ValueError(f"t_ms must grow, got {t_ms} after {self._last_ms}")

    def _follow(self, number: int, t_ms: int) -> _Track:
        track = self._tracks.get(number)
        if track is None:
            scale = math.sqrt(self._channel.sticky_variance)
            track = _Track(
                Account(number, self._channel, self._budget),
                scale * self._noise.gaussian(self._channel.width),
                t_ms,
            )
            self._tracks[number] = track
        track.seen_ms = t_ms
        return track

    def _forget(self, t_ms: int) -> None:
        """Close whoever has been away too long."""
        gone = [key for key, track in self._tracks.items() if t_ms - track.seen_ms > GONE_MS]
        for number in gone:
            del self._tracks[number]
            place, bit = divmod(number % _CLOSED_BITS, 8)
            self._closed[place] |= 1 << bit

    def _is_closed(self, number: int) -> bool:
        if number in self._tracks:
            return False  # it has its own account; another's bit says nothing of it
        place, bit = divmod(number % _CLOSED_BITS, 8)
        return bool(self._closed[place] >> bit & 1)


def _quantised(values: Vector, channel: Channel) -> bytes:
    """D signed bytes in units of the channel's step; what lies beyond stays at the end."""
    steps = np.clip(np.rint(values / channel.step), -_BYTE_MAX, _BYTE_MAX)
    return steps.astype(np.int8).tobytes()
