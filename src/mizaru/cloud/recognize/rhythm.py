"""Hands that go to the mouth and away again: what smoking, drinking and a telephone differ in."""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from mizaru.cloud.recognize.finding import Measured
from mizaru.cloud.recognize.judging import Judging
from mizaru.cloud.recognize.subject import Subject


@dataclass(frozen=True, slots=True)
class Cycle:
    """One way of a hand to the mouth.

    Attributes:
        arrived_ms, left_ms: camera clock.
    """

    arrived_ms: int
    left_ms: int


@dataclass(slots=True)
class _Hand:
    near_since_ms: int | None = None
    seen_ms: int = 0
    gap: float = math.inf


class Rhythm:
    """Of one subject, over the last `Judging.touch_s`."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._hands = (_Hand(), _Hand())
        self._cycles: deque[Cycle] = deque()
        self._now_ms = 0

    def observe(self, subject: Subject) -> None:
        """Take its newest pose."""
        judging, body = self._judging, subject.last.body
        self._now_ms = t_ms = body.t_ms
        for hand, wrist in zip(self._hands, body.wrists, strict=True):
            if wrist is not None and body.head is not None and subject.size > 0.0:
                hand.gap = math.dist(wrist, body.head) / subject.size
                hand.seen_ms = t_ms
                if hand.near_since_ms is None and hand.gap < judging.touch_near:
                    hand.near_since_ms = t_ms
                elif hand.near_since_ms is not None and hand.gap > judging.touch_far:
                    self._leave(hand, t_ms)
            elif t_ms - hand.seen_ms > judging.touch_lost_s * 1000:
                if hand.near_since_ms is not None:
                    self._leave(hand, hand.seen_ms)
                hand.gap = math.inf
        while self._cycles and self._cycles[0].arrived_ms < t_ms - judging.touch_s * 1000:
            self._cycles.popleft()

    @property
    def cycles(self) -> int:
        """How often a hand went to the mouth and away again."""
        return len(self._cycles)

    @property
    def dwells_s(self) -> float:
        """How long a hand has been at the mouth now, seconds; 0.0: none is."""
        since = [h.near_since_ms for h in self._hands if h.near_since_ms is not None]
        return (self._now_ms - min(since)) / 1000.0 if since else 0.0

    @property
    def hands_away(self) -> bool:
        """Both hands are seen, far from the head."""
        return all(self._judging.away < hand.gap < math.inf for hand in self._hands)

    @property
    def dwell_s(self) -> float:
        """Median stay at the mouth, seconds; 0.0 without cycles."""
        stays = [(c.left_ms - c.arrived_ms) / 1000.0 for c in self._cycles]
        return statistics.median(stays) if stays else 0.0

    @property
    def period_s(self) -> float:
        """Median time from one arrival to the next, seconds; 0.0 with fewer than two cycles."""
        times = self._times()
        return statistics.median(times) if times else 0.0

    @property
    def regularity(self) -> float:
        """1 where all times between arrivals are alike, 0 where they differ by as much as they
        last; 0.0 with fewer than three cycles."""
        times = self._times()
        if len(times) < 2:
            return 0.0
        median = statistics.median(times)
        spread = statistics.median(abs(time - median) for time in times)
        return max(0.0, 1.0 - spread / median) if median > 0.0 else 0.0

    @property
    def started_ms(self) -> int:
        """Arrival of the first cycle that counts, or now."""
        return self._cycles[0].arrived_ms if self._cycles else self._now_ms

    def smoking(self) -> float:
        """What the rhythm says of smoking, log odds to add."""
        judging = self._judging
        if self.cycles < judging.smoke_cycles:
            return -judging.smoke_doubt
        (least_s, most_s), (short_s, long_s) = judging.smoke_period_s, judging.smoke_dwell_s
        if not (least_s <= self.period_s <= most_s and short_s <= self.dwell_s <= long_s):
            return -judging.smoke_doubt / 2.0
        return judging.smoke_rhythm * self.regularity

    def measures(self) -> tuple[Measured, ...]:
        """Count, period, regularity and stay."""
        return (
            Measured("hand_to_mouth", self.cycles, "cycles/min"),
            Measured("period", self.period_s, "s"),
            Measured("regularity", self.regularity, "of 1"),
            Measured("dwell", self.dwell_s, "s"),
        )

    def _times(self) -> list[float]:
        arrivals = sorted(cycle.arrived_ms for cycle in self._cycles)
        return [(b - a) / 1000.0 for a, b in pairwise(arrivals)]

    def _leave(self, hand: _Hand, t_ms: int) -> None:
        assert hand.near_since_ms is not None
        if t_ms - hand.near_since_ms >= self._judging.touch_least_s * 1000:
            self._cycles.append(Cycle(hand.near_since_ms, t_ms))
        hand.near_since_ms = None
