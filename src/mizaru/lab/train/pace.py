"""How far learning is; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """A step that was made.

    Attributes:
        epoch, epochs: from 0.
        step, steps: within the epoch, from 1.
        loss: running mean over the epoch.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
