"""What operators say of alarms, and how a camera's thresholds follow: never far, never blindly."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mizaru.cloud.recognize.card import logit, sigmoid
from mizaru.vocabulary import RISK, Behavior

TOLD_AT: Final = 0.5
"""Confidence at which a risk is told where nobody has said anything; see `Risk.confidence`."""
MARGIN: Final = 0.1
"""A threshold rises this far above a false alarm, log odds."""
PER_FALSE_ALARM: Final = 0.4
"""No false alarm raises a threshold by more than this, log odds: one slip changes little."""
MAX_SHIFT: Final = 1.5
"""A threshold rises by at most this, log odds: 0.5 becomes 0.82."""
MAX_SHIFT_GRAVE: Final = 0.6
"""… and for `GRAVE` by at most this: 0.5 becomes 0.65. A missed fall costs more than a look."""
GRAVE: Final = frozenset({Behavior.FALL, Behavior.LONG_LIE, Behavior.WAVE_FOR_HELP})


class Verdict(enum.StrEnum):
    """Was it what it was called?"""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One operator's word about one incident.

    Attributes:
        behavior: a member of `mizaru.vocabulary.RISK`.
        confidence: the highest that the incident has had, [0, 1].
        verdict: what it was.
    """

    behavior: Behavior
    confidence: float
    verdict: Verdict

    def __post_init__(self) -> None:
        if not self.behavior.is_risk:
            raise ValueError(f"only risks are judged, got {self.behavior}")
        if not (math.isfinite(self.confidence) and 0.0 <= self.confidence <= 1.0):
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence}")


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How much surer than usual the recognizer must be at one camera.

    Attributes:
        shifts: risk → how far its threshold is raised, log odds, from 0 to `max_shift`. Absent:
            not at all.
    """

    shifts: Mapping[Behavior, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        for behavior, shift in self.shifts.items():
            if behavior not in RISK:
                raise ValueError(f"only risks have a threshold, got {behavior}")
            if not 0.0 <= shift <= max_shift(behavior):
                raise ValueError(
                    f"the shift of {behavior} must lie in [0, {max_shift(behavior)}], got {shift}"
                )

    def threshold(self, behavior: Behavior) -> float:
        """Confidence at which a risk is told, from `TOLD_AT` up."""
        return sigmoid(self.shifts.get(behavior, 0.0))


DEFAULT_SENSITIVITY: Final = Sensitivity()
"""Of a camera about which nobody has said anything."""


def max_shift(behavior: Behavior) -> float:
    """How far feedback may raise a threshold, log odds."""
    return MAX_SHIFT_GRAVE if behavior in GRAVE else MAX_SHIFT


def adapt(feedback: Iterable[Feedback]) -> Sensitivity:
    """The thresholds that follow from all that was said about one camera.

    False alarms raise the threshold of their behaviour to just above their confidence, each by
    at most `PER_FALSE_ALARM`, all together by at most `max_shift`. A confirmed alarm is never
    given up for it: the threshold stays below every confirmed confidence, and each one takes
    back what one false alarm added. The order does not matter.
    """
    said: dict[Behavior, tuple[list[float], list[float]]] = {}
    for one in feedback:
        false, confirmed = said.setdefault(one.behavior, ([], []))
        odds = logit(min(max(one.confidence, 1e-3), 1.0 - 1e-3))
        (false if one.verdict is Verdict.FALSE_ALARM else confirmed).append(odds)
    shifts: dict[Behavior, float] = {}
    for behavior, (false, confirmed) in said.items():
        if not false:
            continue
        votes = len(false) - len(confirmed)
        shift = min(max(false) + MARGIN, votes * PER_FALSE_ALARM, max_shift(behavior))
        shift = min([shift, *(odds - MARGIN for odds in confirmed)])
        if shift > 0.0:
            shifts[behavior] = shift
    return Sensitivity(MappingProxyType(shifts))
