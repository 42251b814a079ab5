"""What recognises here, and on what it was shown to work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mizaru.cloud.recognize.card import NOT_VALIDATED, REAL
from mizaru.vocabulary import Behavior


@dataclass(frozen=True, slots=True)
class RecognizerInfo:
    """For API and dashboard.

    Attributes:
        version: of the weights, or ``rules``.
        validation: for every behaviour ``real: data sets`` or ``not validated on real people``.
    """

    version: str
    validation: Mapping[Behavior, str]

    def is_validated(self, behavior: Behavior) -> bool:
        """Whether it was shown to know a behaviour on footage of real people it never saw."""
        return self.validation.get(behavior, NOT_VALIDATED).startswith(REAL)


RULES_INFO: Final = RecognizerInfo(
    "rules", MappingProxyType(dict.fromkeys(Behavior, NOT_VALIDATED))
)
"""The kinematic rules: their thresholds were chosen on the real people they were tried on, see
``docs/decisions/0005``, which is no validation."""
