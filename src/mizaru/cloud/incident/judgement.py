"""What an operator said of an incident: was it what it was called?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from mizaru.cloud.recognize.adaptation import Verdict

__all__ = ["MAX_NOTE", "Judgement", "Verdict"]

MAX_NOTE: Final = 200
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One operator's word about one incident; the last one stands.

    Attributes:
        note: in the operator's words, at most `MAX_NOTE` characters; "" for none.
        given_ms: the cloud's wall clock.
        confidence: of the incident when it was judged, [0, 1]: what the recognizer learns from,
            so that it does not move while an open incident goes on.
        counts: whether the camera's thresholds follow from it; not after they were reset.
    """

    verdict: Verdict
    note: str
    given_ms: int
    confidence: float
    counts: bool = True

    def __post_init__(self) -> None:
        if len(self.note) > MAX_NOTE:
            raise ValueError(f"a note has at most {MAX_NOTE} characters, got {len(self.note)}")
        if not (math.isfinite(self.confidence) and 0.0 <= self.confidence <= 1.0):
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence}")
