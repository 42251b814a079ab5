"""What recognises here, and on what it was shown to work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mizaru.cloud.recognize.card import NOT_VALIDATED, REAL, Card, OperatingPoint
from mizaru.vocabulary import Behavior


@dataclass(frozen=True, slots=True)
class RecognizerInfo:
    """For API and dashboard.

    Attributes:
        version: of the weights, or ``rules``.
        validation: for every behaviour ``real: data sets`` or ``not validated on real people``.
        sha256: of the weights, hexadecimal; None where there are none.
        points: where the score of a learned risk is told, and for which budget.
    """

    version: str
    validation: Mapping[Behavior, str]
    sha256: str | None = None
    points: Mapping[Behavior, OperatingPoint] = field(default_factory=lambda: MappingProxyType({}))

    def is_validated(self, behavior: Behavior) -> bool:
        """Whether it was shown to know a behaviour on footage of real people it never saw."""
        return self.validation.get(behavior, NOT_VALIDATED).startswith(REAL)


RULES_INFO: Final = RecognizerInfo(
    "rules", MappingProxyType(dict.fromkeys(Behavior, NOT_VALIDATED))
)
"""The kinematic rules: their thresholds were chosen on the real people they were tried on, see
``docs/decisions/0005``, which is no validation."""


def learned_info(card: Card) -> RecognizerInfo:
    """Of the recognizer that runs these weights."""
    return RecognizerInfo(
        card.version,
        MappingProxyType(dict(card.described())),
        card.sha256,
        MappingProxyType(card.operating_points),
    )
