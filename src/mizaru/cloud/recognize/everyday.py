"""Which everyday behaviour a subject shows: averaged, and changed only for something clearer.

Risks have scores of their own; here their share is left out, so that a hand at the mouth that is
not quite smoking still stands.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.judging import Judging
from mizaru.cloud.recognize.outputs import ACTIONS
from mizaru.cloud.recognize.rhythm import Rhythm
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float32]

_EVERYDAY: Final = tuple(
    index
    for index, action in enumerate(ACTIONS)
    if not action.is_risk and action is not Behavior.UNKNOWN
)
_RISKS: Final = [index for index, action in enumerate(ACTIONS) if action.is_risk]
_DRINK, _PHONE = ACTIONS.index(Behavior.DRINK), ACTIONS.index(Behavior.PHONE)


class Everyday:
    """Of one subject.

    Attributes:
        shares: smoothed probabilities of `ACTIONS` without risks, sum 1; None before the network
            looked.
    """

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._t_ms = 0
        self._now: int | None = None
        self.shares: npt.NDArray[np.float64] | None = None

    def hear(self, t_ms: int, odds: Array, rhythm: Rhythm) -> None:
        """Take calibrated log odds of all outputs."""
        shares = 1.0 / (1.0 + np.exp(-odds[: len(ACTIONS)].astype(np.float64)))
        shares[_RISKS] = 0.0
        self._weigh(shares, rhythm)
        shares /= shares.sum()
        if self.shares is None:
            self.shares = shares
        else:
            keep = math.exp(-(t_ms - self._t_ms) / 1000.0 / self._judging.smooth_s)
            self.shares = keep * self.shares + (1.0 - keep) * shares
        self._t_ms = t_ms
        self._choose(self.shares)

    def says(self) -> tuple[Behavior, float]:
        """The behaviour and its probability; UNKNOWN, 0.0 where nothing is likely."""
        if self.shares is None or self._now is None:
            return Behavior.UNKNOWN, 0.0
        return ACTIONS[self._now], float(self.shares[self._now])

    def _choose(self, shares: npt.NDArray[np.float64]) -> None:
        best = max(_EVERYDAY, key=lambda index: shares[index])
        now = self._now
        if now is None or shares[now] < self._judging.least:
            self._now = best if shares[best] >= self._judging.least else None
        elif shares[best] > shares[now] + self._judging.change:
            self._now = best

    def _weigh(self, shares: npt.NDArray[np.float64], rhythm: Rhythm) -> None:
        """Where the hands are tells apart what a short window hardly does."""
        if rhythm.hands_away:
            shares[[_DRINK, _PHONE]] *= 0.3
        elif rhythm.dwells_s > self._judging.phone_dwell_s:
            shares[_PHONE] *= 2.0
            shares[_DRINK] *= 0.5
